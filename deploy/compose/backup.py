"""Backups: the three databases and MLflow's artifacts in one tar, with a manifest that a restore is held to."""

import hashlib
import json
import shutil
import subprocess
import tarfile
import tempfile
from datetime import UTC, datetime
from io import BufferedReader
from pathlib import Path
from typing import Any

from deploy.compose.engine import ROOT, Compose, StackError, say

DATABASES = ("ontime", "mlflow", "prefect")
SUPERUSER = "ontime"
ARTIFACTS = "artifacts.tar"
MANIFEST = "manifest.json"
Manifest = dict[str, Any]
# Everything that writes to the databases or the artifacts.
WRITERS = (
    "gateway", "api", "shipper", "features", "watchman", "prefect-worker", "prefect-server", "mlflow"
)  # fmt: skip

# Tables in pg_temp are of sessions that still run: no dump has them.
TABLES = """
SELECT format('SELECT %L, count(*) FROM %I.%I', schemaname || '.' || tablename, schemaname, tablename)
FROM pg_tables WHERE schemaname !~ '^pg_' AND schemaname <> 'information_schema' ORDER BY 1
"""


def sha256(path: Path) -> str:
    """Return the SHA-256 of a file, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


class Postgres:
    """A PostgreSQL server in a container, and the programs beside it."""

    def __init__(self, compose: Compose, container: str):
        self._compose, self._container = compose, container

    @classmethod
    def of_the_stack(cls, compose: Compose) -> "Postgres":
        """Return the server of the running stack.

        Raises
        ------
        StackError
            If none runs.
        """
        running = compose.containers("postgres")
        if not running:
            raise StackError("PostgreSQL does not run here: `make up` starts the stack")
        return cls(compose, running[0])

    def run(self, program: str, *arguments: str, **streams: Any) -> None:
        """Run a program of PostgreSQL's in the container."""
        inside = ("exec", "-i", self._container, program, "-U", SUPERUSER)
        self._compose.run_docker(*inside, *arguments, **streams)

    def psql(self, database: str) -> subprocess.Popen[str]:
        """Start psql in the container, with pipes."""
        inside = ("docker", "exec", "-i", self._container, "psql", "-U", SUPERUSER, "-d", database)
        return self._compose.popen(
            *inside, "-XqAt", "-v", "ON_ERROR_STOP=1",
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=1,
        )  # fmt: skip


class Session:
    """One psql in the database's container, kept open: so that counts and dump see the same snapshot."""

    def __init__(self, server: Postgres, database: str):
        self._process = server.psql(database)
        stdin, stdout = self._process.stdin, self._process.stdout
        assert stdin is not None and stdout is not None  # noqa: S101, PT018  psql was started with pipes
        self._stdin, self._stdout = stdin, stdout

    def ask(self, statement: str) -> list[list[str]]:
        """Run a statement and return its rows."""
        self._stdin.write(f"{statement}\n;\n\\echo --end--\n")
        self._stdin.flush()
        rows: list[list[str]] = []
        for line in self._stdout:
            if line.strip() == "--end--":
                return rows
            if line.strip():
                rows.append(line.rstrip("\n").split("|"))
        raise StackError(f"PostgreSQL ended at: {statement.strip().splitlines()[0]}")

    def close(self) -> None:
        """End the session."""
        self._stdin.close()
        self._process.wait(timeout=30)


def row_counts(session: Session) -> dict[str, int]:
    """Count the rows of every table, by `schema.table`."""
    counts = [session.ask(statement)[0] for (statement,) in session.ask(TABLES)]
    return {name: int(count) for name, count in counts}


def backup(compose: Compose, folder: Path) -> Path:
    """Write one tar into `folder` and return its path; the stack keeps running."""
    folder.mkdir(parents=True, exist_ok=True)
    stamp = datetime.now(UTC).strftime("%Y%m%dT%H%M%SZ")
    target = folder / f"ontime-{stamp}.tar"
    with tempfile.TemporaryDirectory(dir=folder) as scratch:
        work = Path(scratch)
        server = Postgres.of_the_stack(compose)
        manifest: Manifest = {"made_at": stamp, "git_commit": compose.environment["GIT_COMMIT"], "rows": {}}
        for database in DATABASES:
            manifest["rows"][database] = dump(server, database, work / f"{database}.dump")
        # After the databases: a model that is registered has its artifacts already.
        read_artifacts(compose, work / ARTIFACTS)
        manifest["sha256"] = {path.name: sha256(path) for path in sorted(work.iterdir())}
        manifest["artifacts"] = checksums(work / ARTIFACTS)
        (work / MANIFEST).write_text(json.dumps(manifest, indent=1, sort_keys=True))
        pack(work, target)
    say(f"{target}: {summary(manifest)}")
    return target


def pack(work: Path, target: Path) -> None:
    """Put the files into one tar, manifest first; only its owner can read it."""
    unfinished = target.with_suffix(".unfinished")
    with tarfile.open(unfinished, "w") as tar:
        tar.add(work / MANIFEST, MANIFEST)
        for path in sorted(p for p in work.iterdir() if p.name != MANIFEST):
            tar.add(path, path.name)
    unfinished.chmod(0o600)
    unfinished.rename(target)


def summary(manifest: Manifest) -> str:
    """Return what a backup holds, in one line."""
    rows = ", ".join(
        f"{database} {sum(tables.values())} rows" for database, tables in manifest["rows"].items()
    )
    return f"{rows}, {len(manifest['artifacts'])} artifact files"


def dump(server: Postgres, database: str, target: Path) -> dict[str, int]:
    """Dump one database, and count its rows in the same snapshot."""
    session = Session(server, database)
    try:
        session.ask("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
        [[snapshot]] = session.ask("SELECT pg_export_snapshot()")
        with target.open("wb") as file:
            server.run(
                "pg_dump", "-Fc", f"--snapshot={snapshot}", database, stdout=file, stdin=subprocess.DEVNULL
            )
        return row_counts(session)
    finally:
        session.close()


def read_artifacts(compose: Compose, target: Path) -> None:
    """Copy MLflow's artifacts into a tar."""
    with target.open("wb") as file:
        compose.run(
            "exec",
            "-T",
            "mlflow",
            "tar",
            "-C",
            "/artifacts",
            "-c",
            ".",
            stdout=file,
            stdin=subprocess.DEVNULL,
        )


def checksums(artifacts: Path) -> dict[str, str]:
    """Return the SHA-256 of every file in a tar, by its name there."""
    sums = {}
    with tarfile.open(artifacts) as tar:
        for member in tar:
            if member.isfile():
                sums[member.name] = hashlib.file_digest(_content(tar, member), "sha256").hexdigest()
    return sums


def _content(tar: tarfile.TarFile, member: str | tarfile.TarInfo) -> BufferedReader:
    content = tar.extractfile(member)
    if not isinstance(content, BufferedReader):
        raise tarfile.TarError(f"{member} is no file")
    return content


def restore(compose: Compose, source: Path) -> None:
    """Replace the three databases and the artifacts by a backup's, and prove that they are the backup's.

    Raises
    ------
    StackError
        If the backup is damaged (nothing is touched then), or what was restored differs from its manifest.
    """
    (ROOT / "var").mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(dir=ROOT / "var") as scratch:
        work = Path(scratch)
        manifest = unpack(source, work)
        say(f"restoring {summary(manifest)}, made {manifest['made_at']}")
        compose.run("stop", *(s for s in WRITERS if compose.containers(s)))
        server = Postgres.of_the_stack(compose)
        for database in DATABASES:
            load(server, database, work / f"{database}.dump")
        write_artifacts(compose, work / ARTIFACTS)
        verify(compose, manifest, work)
    say("restored; every row count and checksum agrees")


def unpack(source: Path, work: Path) -> Manifest:
    """Unpack a backup and check it against its manifest."""
    try:
        with tarfile.open(source) as tar:
            for name in (MANIFEST, ARTIFACTS, *(f"{database}.dump" for database in DATABASES)):
                with (work / name).open("wb") as file:
                    shutil.copyfileobj(_content(tar, name), file)
        manifest: Manifest = json.loads((work / MANIFEST).read_text())
    except (OSError, KeyError, tarfile.TarError, ValueError) as error:
        raise StackError(f"{source} is no backup of ontime: {error}") from error
    wrong = [name for name, digest in manifest["sha256"].items() if sha256(work / name) != digest]
    if wrong:
        raise StackError(
            f"{source} is damaged: {', '.join(wrong)} differs from its manifest; nothing was touched"
        )
    return manifest


def load(server: Postgres, database: str, source: Path) -> None:
    """Make a database again from a dump; its owner stays."""
    session = Session(server, "postgres")
    [[owner]] = session.ask(f"SELECT pg_get_userbyid(datdba) FROM pg_database WHERE datname = '{database}'")  # noqa: S608
    session.ask(f'DROP DATABASE "{database}" WITH (FORCE)')
    session.ask(f'CREATE DATABASE "{database}" OWNER "{owner}" TEMPLATE template0')
    session.ask(f'REVOKE CONNECT ON DATABASE "{database}" FROM PUBLIC')
    session.close()
    with source.open("rb") as file:
        # Who may do what is said by the next migration; a new server does not have the roles yet.
        server.run("pg_restore", "-d", database, "--exit-on-error", "--no-privileges", stdin=file)


def verify_rows(server: Postgres, rows: dict[str, dict[str, int]]) -> None:
    """Count the rows of every table of every database.

    Raises
    ------
    StackError
        If a count is another one; names the tables.
    """
    for database, expected in rows.items():
        session = Session(server, database)
        counted = row_counts(session)
        session.close()
        wrong = sorted(dict(counted.items() ^ expected.items()))
        if wrong:
            raise StackError(f"restored {database} differs from what was saved in {', '.join(wrong)}")


EMPTY_AND_EXTRACT = "find /artifacts -mindepth 1 -delete && tar -C /artifacts -x"


def write_artifacts(compose: Compose, source: Path) -> None:
    """Replace MLflow's artifacts by those of a tar."""
    with source.open("rb") as file:
        compose.run(
            "run",
            "--rm",
            "-T",
            "--no-deps",
            "--entrypoint",
            "sh",
            "mlflow",
            "-c",
            EMPTY_AND_EXTRACT,
            stdin=file,
        )


def verify(compose: Compose, manifest: Manifest, work: Path) -> None:
    """Count and hash what the stack holds now.

    Raises
    ------
    StackError
        If anything differs from the manifest.
    """
    verify_rows(Postgres.of_the_stack(compose), manifest["rows"])
    again = work / "again.tar"
    with again.open("wb") as file:
        compose.run(
            "run", "--rm", "-T", "--no-deps", "--entrypoint", "tar", "mlflow", "-C", "/artifacts", "-c", ".",
            stdout=file, stdin=subprocess.DEVNULL,
        )  # fmt: skip
    if checksums(again) != manifest["artifacts"]:
        raise StackError("restored artifacts differ from the manifest")
