"""What a restore asks of Compose, without an engine."""

import argparse
import subprocess
import sys
from pathlib import Path

import pytest

from adapters.settings import PROJECT_ROOT
from deploy.backups import sealing
from deploy.compose import __main__ as command
from deploy.compose import backup, engine, secrets
from deploy.compose.deployments import Deployments


class StandInCompose:
    """Notes what it is asked to run; some services run."""

    def __init__(self, *running: str):
        self._running = running
        self.asked: list[tuple[str, ...]] = []

    def containers(self, service: str) -> list[str]:
        return [service] if service in self._running else []

    def build(self) -> None:
        self.asked.append(("build",))

    def run(self, *arguments: str) -> None:
        self.asked.append(arguments)


@pytest.fixture
def apart(monkeypatch):
    """Nothing of a restore but what it starts and stops."""
    monkeypatch.setattr(backup.bundle, "unpack", lambda source, work, kind: {"made_at": "", "rows": {}})
    monkeypatch.setattr(backup.bundle, "summary", lambda manifest: "")
    monkeypatch.setattr(backup, "_start_postgres", lambda compose: compose.asked.append(("up", "postgres")))
    for name in ("_bring_secrets", "_load", "_write", "_require_artifacts"):
        monkeypatch.setattr(backup, name, lambda *given: None)


@pytest.mark.usefixtures("apart")
@pytest.mark.parametrize("running", [(), ("postgres",)])
def test_on_an_empty_host_postgresql_is_not_stopped_again(running, tmp_path):
    """`stop` without a name stops every service."""
    compose = StandInCompose(*running)
    backup.restore(compose, tmp_path / "ontime.tar")
    assert ("stop",) not in compose.asked


@pytest.mark.usefixtures("apart")
def test_what_writes_is_stopped_and_nothing_else(tmp_path):
    compose = StandInCompose("postgres", "api")
    backup.restore(compose, tmp_path / "ontime.tar")
    [stopped] = [words for words in compose.asked if words[0] == "stop"]
    assert stopped == ("stop", "api")


class ThisPython:
    """Stands in for an engine: what the worker's image would run, this interpreter runs."""

    def model(self) -> dict:
        return {"services": {"prefect-worker": {"image": "ontime/worker:test"}}}

    def pass_through(self, *arguments: str, content: bytes) -> bytes:
        command = arguments[arguments.index("ontime/worker:test") + 1 :]
        return subprocess.run(
            [sys.executable, *command], input=content, cwd=PROJECT_ROOT, capture_output=True, check=True
        ).stdout


@pytest.fixture
def host(tmp_path, monkeypatch) -> Path:
    """An empty host's checkout, with a passphrase where the first restore looks for it."""
    monkeypatch.delenv("SECRETS_DIR", raising=False)
    for module in (engine, secrets):
        monkeypatch.setattr(module, "ROOT", tmp_path)
    monkeypatch.setattr(backup, "SETTINGS", tmp_path / ".env")
    (tmp_path / "var" / "secrets").mkdir(parents=True)
    (tmp_path / "var" / "secrets" / sealing.PASSPHRASE).write_text("correct horse battery staple\n")
    return tmp_path


def test_the_secrets_of_a_backup_are_where_its_settings_look_for_them(host, tmp_path_factory):
    private = sealing.Private({"model_signing_key": "of the backup"}, "SECRETS_DIR=var/elsewhere\n")
    work = tmp_path_factory.mktemp("work")
    passphrase = sealing.read_passphrase(secrets.folder())
    (work / backup.PRIVATE).write_bytes(backup._sealing(ThisPython(), "seal", passphrase, private.to_bytes()))
    backup._bring_secrets(ThisPython(), work)
    assert (host / ".env").read_text() == "SECRETS_DIR=var/elsewhere\n"
    assert (secrets.folder() / "model_signing_key").read_text() == "of the backup"
    assert secrets.folder() == host / "var" / "elsewhere"
    # The next backup is sealed with it.
    assert sealing.read_passphrase(secrets.folder()) == passphrase
    assert [file.name for file in (host / "var" / "secrets").iterdir()] == [sealing.PASSPHRASE]


class NothingRuns:
    """Stands in for Compose with the settings there are when it is made."""

    def __init__(self) -> None:
        self.environment = {"COMPOSE_PROJECT_NAME": "ontime", "SECRETS_DIR": str(secrets.folder())}


def test_what_is_started_follows_the_settings_that_the_backup_brought(host, monkeypatch):
    def restore(compose: object, file: Path) -> None:
        (host / ".env").write_text("SECRETS_DIR=var/elsewhere/secrets\n")

    started: list[Deployments] = []
    monkeypatch.setattr(command, "Compose", NothingRuns)
    monkeypatch.setattr(backup, "restore", restore)
    monkeypatch.setattr(Deployments, "start_again", lambda self: started.append(self))
    asked = argparse.Namespace(command="restore", file=host / "ontime.tar")
    command.of_what_runs(asked, Deployments(NothingRuns()))
    [deployments] = started
    # Where every later command looks for the record of what runs.
    assert deployments._home == host / "var" / "elsewhere" / "deployments" / "ontime"
    assert deployments.checkout.environment["SECRETS_DIR"] == str(host / "var" / "elsewhere" / "secrets")
