"""What a restore asks of Compose, without an engine."""

import pytest

from deploy.compose import backup


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
