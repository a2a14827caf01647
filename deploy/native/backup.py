"""Backup and restore of the native stack: its databases, artifacts, spool, secrets and settings in one file."""

import os
import sqlite3
import subprocess
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Any

from adapters.postgres import ConnectionParameters
from adapters.settings import PREFIX, Settings
from adapters.spool_reader import SpoolReader
from adapters.terminal import Say
from deploy.backups import bundle, sealing, spool_copy
from deploy.backups.bundle import ARTIFACTS, NATIVE, PRIVATE, SPOOL, Manifest
from deploy.backups.databases import PIPES, PSQL, Rows, dump, load, verify_rows
from deploy.native.embedded_postgres import EmbeddedPostgres, binary, server_environment
from deploy.native.manager import Stack
from deploy.secret_files import is_there, kept_aside, of_a_restored_stack, put_in_place
from domain.errors import OntimeError

PREFECT = "prefect.db"
MLFLOW = "mlflow"
SETTINGS_FILE = "restored.env"
NOT_SAVED = (sealing.PASSPHRASE, "supervisor_password")


class NativeServer:
    """A PostgreSQL server that is reached over the network, and this machine's programs for it."""

    def __init__(self, parameters: ConnectionParameters):
        self.user = parameters.user
        self._where = ["-h", parameters.host, "-p", str(parameters.port), "-U", parameters.user]
        self._environment = server_environment() | {"PGPASSWORD": parameters.password}

    def run(self, program: str, *arguments: str, **streams: Any) -> None:
        """Run a program of PostgreSQL's on the server."""
        command = [str(binary(program)), *self._where, *arguments]
        done = subprocess.run(command, env=self._environment, stderr=subprocess.PIPE, check=False, **streams)
        if done.returncode:
            raise OntimeError(f"{program}: {done.stderr.decode(errors='replace').strip()[-500:]}")

    def psql(self, database: str) -> "subprocess.Popen[str]":
        """Start psql on a database, with pipes."""
        command = [str(binary("psql")), *self._where, "-d", database, *PSQL]
        return subprocess.Popen(command, env=self._environment, text=True, **PIPES)


def backup(settings: Settings, folder: Path, say: Say) -> Path:
    """Write a backup of the running stack into `folder` and return its path; the stack keeps running."""
    manifest = bundle.begin(NATIVE, settings.git_commit)
    with bundle.scratch(folder) as work:
        # First: what is shipped from now on is in the database's dump as well.
        spool_copy.copy(settings.spool_dir, work / "spool")
        manifest["rows"] = _dump(settings, work)
        bundle.archive(work / "spool", work / SPOOL)
        # After the databases: a model that is registered has its artifacts already.
        bundle.archive(settings.state_dir / "mlflow", work / ARTIFACTS)
        _copy_sqlite(settings.state_dir / "prefect" / PREFECT, work / PREFECT)
        _seal(settings, work / PRIVATE, say)
        target = bundle.finish(manifest, work, folder)
    say(f"{target}: {bundle.summary(manifest)}")
    return target


def _dump(settings: Settings, work: Path) -> dict[str, Rows]:
    server = NativeServer(ConnectionParameters.from_settings(settings))
    stored = partial(spool_copy.drop_stored, folder=work / "spool")
    return {
        "ontime": dump(server, settings.postgres_database, work / "ontime.dump", stored),
        "mlflow": dump(server, MLFLOW, work / "mlflow.dump"),
    }


def _copy_sqlite(source: Path, target: Path) -> None:
    """Copy a database that is in use."""
    if source.exists():
        with closing(sqlite3.connect(source)) as there, closing(sqlite3.connect(target)) as here:
            there.backup(here)


def _seal(settings: Settings, target: Path, say: Say) -> None:
    passphrase = sealing.read_passphrase(settings.api_keys_dir)
    if passphrase is None:
        say(
            f"secrets and settings are not in it: there is no {settings.api_keys_dir / sealing.PASSPHRASE}; "
            "keep a copy of them elsewhere, nothing opens without"
        )
        return
    secrets = {name: file.read_text() for name, file in _secret_files(settings).items() if file.exists()}
    shown = "".join(f"{name}={value}\n" for name, value in os.environ.items() if name.startswith(PREFIX))
    target.write_bytes(sealing.seal(sealing.Private(secrets, shown).to_bytes(), passphrase))


def _secret_files(settings: Settings) -> dict[str, Path]:
    """Return where each secret lies, by its name in a backup."""
    beside = {file.name: file for file in settings.api_keys_dir.glob("*") if file.is_file()}
    return {name: file for name, file in (beside | _named(settings)).items() if name not in NOT_SAVED}


def _named(settings: Settings) -> dict[str, Path]:
    """Return the secrets that have a setting of their own."""
    return {
        "postgres_password": settings.postgres_password_file,
        "model_signing_key": settings.signing_key_file,
        "model_public_keys": settings.public_keys_file,
        "prefect_api_password": settings.prefect_password_file,
    }


def restore(settings: Settings, source: Path, say: Say) -> None:
    """Make the state of a stack that has none from a backup, compared with its manifest; `local` starts it then.

    Raises
    ------
    OntimeError
        If there is a state, or the backup is damaged, of another kind, or cannot be opened: nothing is touched then.
    """
    _require_no_state(settings)
    with bundle.scratch(settings.state_dir) as work:
        manifest = bundle.unpack(source, work, NATIVE)
        say(f"restoring {bundle.summary(manifest)}, made {manifest['made_at']}")
        private = _open(settings, work)
        password = work / "postgres_password"
        password.write_text(private.secrets["postgres_password"])
        _load(settings, manifest, work, password, settings.postgres_port)
        _require_artifacts(manifest, work)
        _put_in_place(settings, work, private, say)
    say("restored; every row count and checksum agrees: `make local` starts it")


def check(settings: Settings, source: Path, port: int, say: Say) -> None:
    """Restore a backup into a scratch server on another port and compare it with its manifest; touches nothing else.

    Raises
    ------
    OntimeError
        If it is damaged, does not open, or what it holds differs.
    """
    with bundle.scratch(source.parent) as work:
        manifest = bundle.unpack(source, work, NATIVE)
        password = work / "postgres_password"
        password.write_text("of a server that ends at once")
        _load(settings, manifest, work, password, port)
        _require_artifacts(manifest, work)
        if (work / PRIVATE).exists():
            _unsealed(settings, work)
    say(f"{source} restores: {bundle.summary(manifest)}")


def _require_no_state(settings: Settings) -> None:
    there = any((settings.state_dir / name).exists() for name in ("postgres", "mlflow"))
    if there or SpoolReader(settings.spool_dir).files() or Stack(settings).is_managed():
        raise OntimeError(
            f"{settings.state_dir} has a state already: a restore makes one where there is none, and replaces nothing; "
            "back it up, then `ontime --stack own clean`"
        )


def _open(settings: Settings, work: Path) -> sealing.Private:
    """Return the secrets that the stack will have, and the settings that it had."""
    own = {name: file.read_text() for name, file in _secret_files(settings).items() if is_there(file)}
    found = _unsealed(settings, work) if (work / PRIVATE).exists() else sealing.Private({}, "")
    private = sealing.Private(of_a_restored_stack(found.secrets, own), found.settings)
    missing = sorted({"postgres_password", "model_signing_key", "model_public_keys"} - set(private.secrets))
    if missing:
        raise OntimeError(
            f"the backup has no secrets, and {', '.join(missing)} is not in {settings.api_keys_dir}: "
            "put the copies that were kept apart there; nothing was touched"
        )
    return private


def _unsealed(settings: Settings, work: Path) -> sealing.Private:
    passphrase = sealing.read_passphrase(settings.api_keys_dir)
    if passphrase is None:
        raise OntimeError(
            f"the secrets of the backup are sealed: put its passphrase into "
            f"{settings.api_keys_dir / sealing.PASSPHRASE}; nothing was touched"
        )
    return sealing.Private.from_bytes(sealing.unseal((work / PRIVATE).read_bytes(), passphrase))


def _load(settings: Settings, manifest: Manifest, work: Path, password: Path, port: int) -> None:
    """Make the databases again in a server that ends at once, and count their rows."""
    running = EmbeddedPostgres(work / "postgres", port, password, settings.postgres_user, durable=True)
    with running as embedded:
        server = NativeServer(embedded.parameters)
        try:
            for name, database in {"ontime": settings.postgres_database, "mlflow": MLFLOW}.items():
                load(server, database, work / f"{name}.dump")
                verify_rows(server, database, manifest["rows"][name])
        except OntimeError as error:
            raise OntimeError(f"{error}; the log of its server ends\n{embedded.end_of_log()}") from error


def _require_artifacts(manifest: Manifest, work: Path) -> None:
    bundle.extract(work / ARTIFACTS, work / "mlflow")
    bundle.archive(work / "mlflow", work / "again.tar")
    if bundle.checksums(work / "again.tar") != manifest["artifacts"]:
        raise OntimeError("restored artifacts differ from the manifest")


def _put_in_place(settings: Settings, work: Path, private: sealing.Private, say: Say) -> None:
    _write_private(settings, private, say)
    bundle.extract(work / SPOOL, settings.spool_dir)
    if (work / PREFECT).exists():
        (settings.state_dir / "prefect").mkdir(exist_ok=True)
        (work / PREFECT).rename(settings.state_dir / "prefect" / PREFECT)
    for name in ("mlflow", "postgres"):  # last: a state with a database is whole
        (work / name).rename(settings.state_dir / name)


def _write_private(settings: Settings, private: sealing.Private, say: Say) -> None:
    folder, shown = settings.api_keys_dir, settings.state_dir / SETTINGS_FILE
    values = {_named(settings).get(name, folder / name): value for name, value in private.secrets.items()}
    if private.settings:
        values[shown] = private.settings
        say(f"its settings are in {shown}: give them to this host's environment")
    aside = put_in_place(values, folder)
    if aside:
        say(kept_aside(aside))
