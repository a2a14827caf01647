"""A native stack's state saved and made again, with real PostgreSQL servers; tests/e2e does so with a whole stack."""

import os
import shutil
import signal
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from adapters import model_artifact
from adapters.api_keys import ApiKeys, hash_key
from adapters.migrations import migrate
from adapters.model_keys import ModelKeys
from adapters.postgres import ConnectionParameters, Database
from adapters.postgres_admin import create_databases, drop_database
from adapters.prediction_lines import HEADER, to_copy_line
from adapters.settings import Settings, read_settings
from adapters.spool import SpoolWriter
from deploy.backups import bundle, off_host, sealing
from deploy.native import backup as native
from deploy.native import layout
from deploy.native.embedded_postgres import EmbeddedPostgres
from deploy.native.manager import register_keys
from deploy.secret_files import OF_THE_STATE
from domain.errors import OntimeError
from services.shipper import Shipper
from tests.builders import prediction
from tests.session import free_port

pytestmark = pytest.mark.integration
PASSPHRASE = "correct horse battery"


def unheard(text: str) -> None:
    """Say nothing."""


def written(spool: Path, count: int, worker: str) -> list[str]:
    """Ids of predictions that a worker which is gone by now acknowledged."""
    spool.mkdir(parents=True, exist_ok=True)
    records = [prediction(number) for number in range(1, count + 1)]
    writer = SpoolWriter(spool, worker, HEADER)
    writer.write(b"".join(to_copy_line(record) for record in records))
    writer.close()
    return [record.prediction_id for record in records]


@pytest.fixture
def saved(stack_settings: Settings, postgres: Database, postgres_server) -> Iterator[Settings]:
    """A stack with two logged predictions, an artifact and a flow's run."""
    create_databases(postgres_server.parameters, ["mlflow"])
    written(stack_settings.spool_dir, 2, "first")
    Shipper(postgres, stack_settings.spool_dir).ship()
    artifact = stack_settings.state_dir / "mlflow" / "1" / "model.txt"
    artifact.parent.mkdir(parents=True)
    artifact.write_text("a tree")
    (stack_settings.state_dir / "prefect").mkdir()
    with closing(sqlite3.connect(stack_settings.state_dir / "prefect" / "prefect.db")) as database:
        database.execute("CREATE TABLE run (name text)")
        database.execute("INSERT INTO run VALUES ('nightly')")
        database.commit()
    (stack_settings.api_keys_dir / "predict.key").write_text("ontime_predict_x")
    (stack_settings.api_keys_dir / sealing.PASSPHRASE).write_text(PASSPHRASE)
    yield stack_settings
    drop_database(postgres_server.parameters, "mlflow")


@pytest.fixture
def elsewhere(tmp_path) -> Settings:
    """Settings of a stack on a new host, whose operator has brought the passphrase."""
    settings = replace(
        read_settings({"ONTIME_STATE_DIR": str(tmp_path / "new"), "ONTIME_POSTGRES_PORT": str(free_port())}),
        supervisor_port=free_port(),
    )
    settings.api_keys_dir.mkdir(parents=True)
    (settings.api_keys_dir / sealing.PASSPHRASE).write_text(PASSPHRASE)
    return settings


@pytest.fixture
def waiting(saved: Settings) -> str:
    """Id of a prediction that waits in the spool."""
    [number] = written(saved.spool_dir, 1, "second")
    return number


def made(settings: Settings) -> Path:
    return native.backup(settings, settings.state_dir / "backups", unheard)


def names_in(settings: Settings) -> set[str]:
    return {path.name for path in settings.state_dir.rglob("*") if path.is_file()}


def stored(database: Database) -> list[str]:
    with database.transaction() as cursor:
        cursor.execute("SELECT prediction_id::text FROM predictions ORDER BY 1")
        return [name for (name,) in cursor.fetchall()]


@contextmanager
def started(settings: Settings) -> Iterator[Database]:
    """The restored database, in a server of its own that asks for the restored password."""
    running = EmbeddedPostgres(
        settings.state_dir / "postgres", settings.postgres_port, settings.postgres_password_file
    )
    with running:
        database = Database(ConnectionParameters.from_settings(settings))
        yield database
        database.close()


def test_a_new_host_gets_every_acknowledged_prediction_the_artifacts_the_runs_and_the_secrets(
    saved, elsewhere, waiting
):
    file = made(saved)
    native.restore(elsewhere, file, unheard)
    with started(elsewhere) as database:
        before = stored(database)
        assert len(before) == 2
        migrate(database)
        Shipper(database, elsewhere.spool_dir).ship()
        assert stored(database) == sorted([*before, waiting])
    assert (elsewhere.state_dir / "mlflow" / "1" / "model.txt").read_text() == "a tree"
    with closing(sqlite3.connect(elsewhere.state_dir / "prefect" / "prefect.db")) as runs:
        assert runs.execute("SELECT name FROM run").fetchall() == [("nightly",)]
    for name in ("predict.key", "postgres_password", "model_signing_key", "model_public_keys"):
        restored = elsewhere.api_keys_dir / name
        assert restored.read_text() == (saved.api_keys_dir / name).read_text()
        assert restored.stat().st_mode & 0o777 == 0o600


@pytest.mark.restic
def test_a_host_that_is_lost_with_its_backups_comes_back_from_where_they_are_kept_off_it(
    saved, elsewhere, waiting, tmp_path
):
    repository = str(tmp_path / "other disk")
    file = off_host.keep_too(lambda: made(saved), repository, saved.api_keys_dir, 90, unheard)
    there = off_host.Repository(repository, elsewhere.api_keys_dir)
    brought = there.fetch(elsewhere.state_dir / "backups")
    assert (brought.name, bundle.sha256(brought)) == (file.name, bundle.sha256(file))
    file.unlink()
    native.check(elsewhere, brought, free_port(), unheard)
    native.restore(elsewhere, brought, unheard)
    with started(elsewhere) as database:
        assert len(stored(database)) == 2
        Shipper(database, elsewhere.spool_dir).ship()
        assert waiting in stored(database)


def test_a_file_that_was_shipped_and_forgotten_while_the_backup_ran_is_not_shipped_again(
    saved, postgres, waiting, monkeypatch
):
    """Copied, then shipped to its end, then the database is dumped."""
    dump = native.dump

    def ship_first(*arguments):
        Shipper(postgres, saved.spool_dir).ship()
        return dump(*arguments)

    monkeypatch.setattr(native, "dump", ship_first)
    file = made(saved)
    with bundle.scratch(saved.state_dir) as work:
        manifest = bundle.unpack(file, work, bundle.NATIVE)
        assert manifest["rows"]["ontime"]["public.predictions"] == 3
        assert bundle.checksums(work / bundle.SPOOL) == {}
    assert waiting in stored(postgres)


def test_without_a_passphrase_the_secrets_are_kept_apart_and_it_is_said(saved, elsewhere):
    (saved.api_keys_dir / sealing.PASSPHRASE).unlink()
    said: list[str] = []
    file = native.backup(saved, saved.state_dir / "backups", said.append)
    assert "secrets and settings are not in it" in said[0]
    assert said[1].endswith("no secrets")
    secret = (saved.api_keys_dir / "model_signing_key").read_bytes()
    assert secret not in file.read_bytes()

    with pytest.raises(OntimeError, match="put the copies that were kept apart there; nothing was touched"):
        native.restore(elsewhere, file, unheard)
    for name in ("postgres_password", "model_signing_key", "model_public_keys"):
        shutil.copy(saved.api_keys_dir / name, elsewhere.api_keys_dir)
    native.restore(elsewhere, file, unheard)
    assert (elsewhere.state_dir / "postgres" / "PG_VERSION").exists()


def test_a_host_with_secrets_of_its_own_gets_those_of_the_restored_state_and_keeps_its_own_aside(
    saved, elsewhere, postgres
):
    """Its signed models load, and its clients keep their keys at the next start."""
    (saved.api_keys_dir / "predict.key").unlink()
    layout.make_secrets(saved)
    register_keys(postgres, saved)
    signed = saved.state_dir / "mlflow" / "1"
    (signed / "model.json").write_text("{}")
    model_artifact.sign(signed, ModelKeys.of_trainer(saved), model_artifact.Owner("ontime", "run"))
    layout.make_secrets(elsewhere)
    own = {file.name: file.read_text() for file in elsewhere.api_keys_dir.iterdir()}
    said: list[str] = []
    native.restore(elsewhere, made(saved), said.append)

    model_artifact.verify(elsewhere.state_dir / "mlflow" / "1", ModelKeys.from_settings(elsewhere))
    client = hash_key((saved.api_keys_dir / "predict.key").read_text())
    with started(elsewhere) as database:
        register_keys(database, elsewhere)
        assert client in ApiKeys(database).load_active()
    [aside] = (path for path in elsewhere.api_keys_dir.iterdir() if path.is_dir())
    assert {file.name: file.read_text() for file in aside.iterdir()} == {
        name: own[name] for name in OF_THE_STATE
    }
    assert any(f"kept in {aside}" in line for line in said)
    # Its servers are made with its own passwords.
    assert elsewhere.postgres_password_file.read_text() == own["postgres_password"]


def test_settings_of_an_earlier_restore_are_kept_aside(saved, elsewhere, monkeypatch):
    monkeypatch.setenv("ONTIME_HOME_AIRPORT", "JFK")
    written = elsewhere.state_dir / native.SETTINGS_FILE
    written.write_text("ONTIME_HOME_AIRPORT=BOS\n")
    native.restore(elsewhere, made(saved), unheard)
    assert "ONTIME_HOME_AIRPORT=JFK\n" in written.read_text()
    [aside] = elsewhere.api_keys_dir.glob(f"*/{native.SETTINGS_FILE}")
    assert aside.read_text() == "ONTIME_HOME_AIRPORT=BOS\n"


def test_what_cannot_be_restored_leaves_nothing_behind(saved, elsewhere):
    file = made(saved)
    passphrase = elsewhere.api_keys_dir / sealing.PASSPHRASE
    whole, other = file.read_bytes(), "another passphrase"
    for words, content, said in [
        (PASSPHRASE, whole[: len(whole) // 2], "nothing was touched"),
        (PASSPHRASE, damaged(whole), "nothing was touched"),
        (other, whole, "another passphrase sealed them"),
    ]:
        passphrase.write_text(words)
        file.write_bytes(content)
        with pytest.raises(OntimeError, match=said):
            native.restore(elsewhere, file, unheard)
        assert names_in(elsewhere) == {sealing.PASSPHRASE}


def test_a_server_that_dies_during_a_restore_says_why_and_nothing_stays(saved, elsewhere, monkeypatch):
    """As on a disk that fills."""
    file, load = made(saved), native.load

    def killing(server: native.NativeServer, database: str, source: Path) -> None:
        [lock] = elsewhere.state_dir.glob("*/postgres/postmaster.pid")
        os.kill(int(lock.read_text().split()[0]), signal.SIGKILL)
        load(server, database, source)

    monkeypatch.setattr(native, "load", killing)
    with pytest.raises(
        OntimeError, match=r"the log of its server ends\n(.*\n)*.*ready to accept connections"
    ):
        native.restore(elsewhere, file, unheard)
    assert names_in(elsewhere) == {sealing.PASSPHRASE}


def damaged(content: bytes) -> bytes:
    at = content.rindex(b"PGDMP") + 2000
    return content[:at] + bytes([content[at] ^ 1]) + content[at + 1 :]


def test_a_stack_that_has_a_state_is_not_replaced(saved, elsewhere):
    file = made(saved)
    before = names_in(saved)
    with pytest.raises(OntimeError, match="has a state already"):
        native.restore(saved, file, unheard)
    assert names_in(saved) == before


def test_a_backup_is_checked_by_restoring_it_apart(saved):
    file = made(saved)
    said: list[str] = []
    native.check(saved, file, free_port(), said.append)
    assert said[0].startswith(f"{file} restores: ")
    with bundle.scratch(saved.state_dir) as work:
        manifest = bundle.unpack(file, work, bundle.NATIVE)
        manifest["rows"]["ontime"]["public.clock"] += 1
        file = bundle.finish(manifest, work, saved.state_dir)
    with pytest.raises(OntimeError, match=r"differs from what was saved in public\.clock"):
        native.check(saved, file, free_port(), unheard)
