"""Backup and restore of the Compose stack: databases, artifacts, spool, secrets and settings in one file."""

import subprocess
from functools import partial
from pathlib import Path
from typing import Any

from deploy.backups import bundle, sealing, spool_copy
from deploy.backups.bundle import ARTIFACTS, COMPOSE, PRIVATE, SPOOL, Manifest
from deploy.backups.databases import PIPES, PSQL, Rows, drop, dump, load, verify_rows
from deploy.compose import secrets
from deploy.compose.engine import ROOT, Compose, StackError, say
from deploy.compose.waiting import start, wait_until_well

DATABASES = ("ontime", "mlflow", "prefect")
SUPERUSER = "ontime"
BACKUPS = ROOT / "var" / "backups"
SETTINGS = ROOT / ".env"
# Everything that writes to the databases or the artifacts.
WRITERS = (
    "gateway", "api", "shipper", "features", "watchman", "prefect-worker", "prefect-server", "mlflow"
)  # fmt: skip
# A file that grows or goes while it is read is no failure: what was acknowledged by then is in the copy.
READ_SPOOL = "tar -C /state/spool -c . || [ $? -eq 1 ]"
# What waits on this host stays: a file of the same name holds at least what the backup's does.
WRITE_SPOOL = "tar -C /state/spool --skip-old-files -x"
WRITE_ARTIFACTS = "find /artifacts -mindepth 1 -delete && tar -C /artifacts -x"
READ_ARTIFACTS = "tar -C /artifacts -c ."
SERVER_SECONDS = 120
ALONE = ("run", "--rm", "-T", "--no-deps", "--entrypoint")


class Postgres:
    """A PostgreSQL server in a container, and the programs beside it."""

    user = SUPERUSER

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

    def psql(self, database: str) -> "subprocess.Popen[str]":
        """Start psql in the container, with pipes."""
        inside = ("docker", "exec", "-i", self._container, "psql", "-U", SUPERUSER, "-d", database)
        return self._compose.popen(*inside, *PSQL, **PIPES)


def backup(compose: Compose, folder: Path) -> Path:
    """Write a backup into `folder` and return its path; the stack keeps running."""
    manifest = bundle.begin(COMPOSE, compose.environment["GIT_COMMIT"])
    server = Postgres.of_the_stack(compose)
    with bundle.scratch(folder) as work:
        # First: what is shipped from now on is in the database's dump as well.
        _read(compose, ("exec", "-T", "shipper", "sh", "-c", READ_SPOOL), work / SPOOL)
        bundle.extract(work / SPOOL, work / "spool")
        manifest["rows"] = _dump(server, work)
        bundle.archive(work / "spool", work / SPOOL)
        # After the databases: a model that is registered has its artifacts already.
        _read(compose, ("exec", "-T", "mlflow", "sh", "-c", READ_ARTIFACTS), work / ARTIFACTS)
        _seal(compose, work / PRIVATE)
        target = bundle.finish(manifest, work, folder)
    say(f"{target}: {bundle.summary(manifest)}")
    return target


def _dump(server: Postgres, work: Path) -> dict[str, Rows]:
    stored = {"ontime": [partial(spool_copy.drop_stored, folder=work / "spool")]}
    return {name: dump(server, name, work / f"{name}.dump", *stored.get(name, [])) for name in DATABASES}


def _read(compose: Compose, command: tuple[str, ...], target: Path) -> None:
    with target.open("wb") as file:
        compose.run(*command, stdout=file, stdin=subprocess.DEVNULL)


def _seal(compose: Compose, target: Path) -> None:
    folder = secrets.folder()
    passphrase = sealing.read_passphrase(folder)
    if passphrase is None:
        say(
            f"secrets and settings are not in it: there is no {folder / sealing.PASSPHRASE}; "
            "keep a copy of them elsewhere, nothing opens without"
        )
        return
    files = [file for file in folder.iterdir() if file.is_file() and file.name != sealing.PASSPHRASE]
    shown = SETTINGS.read_text() if SETTINGS.exists() else ""
    private = sealing.Private({file.name: file.read_text() for file in files}, shown)
    target.write_bytes(_sealing(compose, "seal", passphrase, private.to_bytes()))


def _sealing(compose: Compose, what: str, passphrase: str, content: bytes) -> bytes:
    """Seal or unseal in the worker's image, which has the library."""
    image = compose.model()["services"]["prefect-worker"]["image"]
    # Not a container of the stack's: it would need the secrets that this is to bring.
    alone = ("run", "--rm", "-i", "--network", "none", "--entrypoint", "python", image)
    return compose.pass_through(
        *alone, "-m", "deploy.backups.sealing", what, content=passphrase.encode() + b"\n" + content
    )


def restore(compose: Compose, source: Path) -> None:
    """Replace databases and artifacts by a backup's, on an empty host too, and compare them with its manifest.

    Raises
    ------
    StackError
        If the backup is damaged or foreign (nothing is touched then), or what was restored differs from its manifest.
    """
    with bundle.scratch(ROOT / "var") as work:
        manifest = bundle.unpack(source, work, COMPOSE)
        say(f"restoring {bundle.summary(manifest)}, made {manifest['made_at']}")
        runs = bool(compose.containers("postgres"))
        if not runs:
            compose.build()
        _bring_secrets(compose, work)
        if not runs:
            _start_postgres(compose)
        # Without a name, `stop` stops every service, PostgreSQL among them.
        if writing := [service for service in WRITERS if compose.containers(service)]:
            compose.run("stop", *writing)
        _load(compose, manifest, work)
        if (work / SPOOL).exists():
            _write(compose, ("shipper", "-c", WRITE_SPOOL), work / SPOOL)
        _write(compose, ("mlflow", "-c", WRITE_ARTIFACTS), work / ARTIFACTS)
        _require_artifacts(compose, manifest, work)
    say("restored; every row count and checksum agrees")


def _bring_secrets(compose: Compose, work: Path) -> None:
    """Put the secrets of the backup in their place; where it has none, this host's have to be there."""
    if (work / PRIVATE).exists():
        passphrase = _passphrase()
        content = _sealing(compose, "unseal", passphrase, (work / PRIVATE).read_bytes())
        private = sealing.Private.from_bytes(content)
        # First: they may name another folder of the secrets. The passphrase is there for the next backup too.
        _bring_settings(private.settings)
        secrets.write({**private.secrets, sealing.PASSPHRASE: passphrase})
    elif not secrets.are_there():
        raise StackError(
            f"the backup has no secrets, and there are none in {secrets.folder()}: "
            "put the copies that were kept apart there; nothing was touched"
        )


def _passphrase() -> str:
    passphrase = sealing.read_passphrase(secrets.folder())
    if passphrase is None:
        raise StackError(
            f"the secrets of the backup are sealed: put its passphrase into "
            f"{secrets.folder() / sealing.PASSPHRASE}; nothing was touched"
        )
    return passphrase


def _bring_settings(settings: str) -> None:
    if settings and not SETTINGS.exists():
        SETTINGS.write_text(settings)
        say(f"its settings are in {SETTINGS}")


def _start_postgres(compose: Compose) -> None:
    secrets.make()
    start(compose, "postgres", seconds=SERVER_SECONDS)
    wait_until_well(compose, lambda: compose.states("postgres"), SERVER_SECONDS)


def _load(compose: Compose, manifest: Manifest, work: Path) -> None:
    server = Postgres.of_the_stack(compose)
    for database in DATABASES:
        load(server, database, work / f"{database}.dump")
        verify_rows(server, database, manifest["rows"][database])


def check(compose: Compose, source: Path) -> None:
    """Restore a backup into scratch databases beside the stack's and compare it with its manifest.

    Raises
    ------
    OntimeError
        If it is damaged, does not open, or what it holds differs.
    """
    with bundle.scratch(source.parent) as work:
        manifest = bundle.unpack(source, work, COMPOSE)
        server = Postgres.of_the_stack(compose)
        for database in DATABASES:
            _check_database(server, database, manifest, work)
        if bundle.checksums(work / ARTIFACTS) != manifest["artifacts"]:
            raise StackError("the artifacts differ from the manifest")
        passphrase = sealing.read_passphrase(secrets.folder())
        if (work / PRIVATE).exists() and passphrase:
            _sealing(compose, "unseal", passphrase, (work / PRIVATE).read_bytes())
    say(f"{source} restores: {bundle.summary(manifest)}")


def _check_database(server: Postgres, database: str, manifest: Manifest, work: Path) -> None:
    apart = f"{database}_backup_check"
    try:
        load(server, database, work / f"{database}.dump", into=apart)
        verify_rows(server, apart, manifest["rows"][database])
    finally:
        drop(server, apart)


def _write(compose: Compose, inside: tuple[str, ...], source: Path) -> None:
    with source.open("rb") as file:
        compose.run(*ALONE, "sh", *inside, stdin=file)


def _require_artifacts(compose: Compose, manifest: Manifest, work: Path) -> None:
    """Hash the artifacts that the stack holds now; StackError if anything differs from the manifest."""
    again = work / "again.tar"
    _read(compose, (*ALONE, "sh", "mlflow", "-c", READ_ARTIFACTS), again)
    expected = {name.removeprefix("./"): digest for name, digest in manifest["artifacts"].items()}
    if bundle.checksums(again) != expected:
        raise StackError("restored artifacts differ from the manifest")
