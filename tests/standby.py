"""A streaming standby of an embedded server, on a copy that pg_basebackup makes."""

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from deploy.native.embedded_postgres import (
    LISTEN_ADDRESS,
    STOP_SIGNAL,
    EmbeddedPostgres,
    binary,
    server_environment,
    server_user,
)
from deploy.native.launcher import launched
from tests.documented import documented


@contextmanager
def standby_of(primary: EmbeddedPostgres, folder: Path, port: int) -> Iterator[EmbeddedPostgres]:
    """A standby that follows a primary, as long as the block."""
    password = folder / "password"
    password.write_text(primary.parameters.password)
    folder.chmod(0o777)  # the server is another user where this is root
    where = primary.parameters
    copy = documented(
        "pg_basebackup -h PRIMARY -U REPLICATOR -D DATA -R -X stream",
        {
            "pg_basebackup": str(binary("pg_basebackup")),
            "PRIMARY": LISTEN_ADDRESS,
            "REPLICATOR": where.user,
            "DATA": str(folder / "data"),
        },
    )
    subprocess.run(
        launched([*copy.argv, "-p", str(primary.port), "-c", "fast"], STOP_SIGNAL, server_user()),
        env=server_environment() | {"PGPASSWORD": where.password},
        check=True,
        capture_output=True,
        cwd="/",
    )
    with EmbeddedPostgres(folder / "data", port, password, durable=True) as server:
        yield server
