"""A backup of the running stack makes the same stack on an empty host: it predicts, and has all that was answered."""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import requests

from adapters.postgres import ConnectionParameters, Database
from adapters.prediction_log import PredictionLog
from adapters.settings import Settings, read_settings
from adapters.waiting import retry
from deploy.backups.sealing import PASSPHRASE
from deploy.native.manager import Stack
from domain.errors import NotReady
from replay.client import api_client, require
from replay.readme import QUESTION
from services.health import api_ready
from tests.documented import Command, documented
from tests.e2e.conftest import DAY, NEXT_DAY, PORTS, World, unheard
from tests.e2e.test_access import login
from tests.e2e.test_loop import eventually, logged
from tests.session import free_port, without_settings

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.timeout(1200),
    # The clients' libraries leave some closed sockets to the collector, which may find them in any test.
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
]
TOMORROW = {
    name: str(QUESTION[name]).replace("2013-04-11", f"{NEXT_DAY}")
    for name in ("scheduled_departure", "scheduled_arrival")
}


@dataclass
class NewHost:
    """An empty host, to which the operator has brought a backup and its passphrase."""

    variables: dict[str, str]

    @property
    def settings(self) -> Settings:
        return read_settings(self.variables)

    def run(self, command: Command, *more: str) -> str:
        return command.run(without_settings() | self.variables, *more).stdout


def asked(settings: Settings) -> dict[str, Any]:
    """The answer to a question about one flight."""
    api = api_client(settings)
    return dict(require(api.post("/v1/predictions", QUESTION | TOMORROW, "predict"), 200).body)


@pytest.fixture
def new_host(tmp_path: Path) -> Iterator[NewHost]:
    variables = {f"ONTIME_{name}_PORT": str(free_port()) for name in PORTS}
    host = NewHost(variables | {"ONTIME_STATE_DIR": str(tmp_path / "new")})
    host.settings.api_keys_dir.mkdir(parents=True)
    (host.settings.api_keys_dir / PASSPHRASE).write_text("correct horse battery")
    yield host
    Stack(host.settings).stop(unheard)


def test_a_backup_makes_the_stack_again_on_an_empty_host(world: World, new_host: NewHost):
    secret = world.settings.api_keys_dir / PASSPHRASE
    secret.write_text("correct horse battery")
    answers = [asked(world.settings) for _ in range(20)]
    folder = world.settings.state_dir / "backups"
    documented("make backup KEEP=14").run(os.environ)
    [file] = folder.glob("ontime-*.tar")
    assert f"{file} restores:" in documented("make backup-check").run(os.environ).stdout

    restore = documented("make restore FILE=var/backups/...", {"var/backups/...": str(file)})
    assert "every row count and checksum agrees" in new_host.run(restore)
    new_host.run(documented("make local"))
    retry(lambda: api_ready(new_host.settings), NotReady, seconds=120, pause=0.5)
    assert_same_model_and_answer(new_host.settings, answers[0])
    assert_all_logged(world, new_host.settings, answers)
    file.unlink()
    secret.unlink()
    # Of real flights; here, where nothing counts what was asked about.
    new_host.run(documented("make load"), "USERS=2", "TIME=2")
    assert (new_host.settings.reports_dir / "load.html").exists()
    assert_other_passwords_open_it(new_host)
    assert_same_model_and_answer(new_host.settings, answers[0])


@pytest.mark.restic
def test_restic_is_installed_where_it_is_missing_and_else_left_alone(world: World):
    assert documented("make restic").run(os.environ).stdout.startswith("restic is there: ")


@pytest.mark.restic
def test_the_commands_keep_a_backup_off_the_host_and_bring_it_back(world: World, tmp_path: Path):
    folder, repository = world.settings.state_dir / "backups", str(tmp_path / "other disk")
    secret = world.settings.api_keys_dir / PASSPHRASE
    secret.write_text("correct horse battery")
    replaced = {"sftp:backup@elsewhere:/srv/ontime": repository}
    backup = documented("make backup TO=sftp:backup@elsewhere:/srv/ontime KEEP_DAYS=90", replaced)
    assert f"and in {repository}" in backup.run(os.environ).stdout
    [file] = folder.glob("ontime-*.tar")
    file.unlink()
    fetch = documented("make backup-fetch FROM=sftp:backup@elsewhere:/srv/ontime", replaced)
    assert str(file) in fetch.run(os.environ).stdout
    fetch = documented("make backup-fetch FROM=...", {"...": repository})
    assert str(file) in fetch.run(os.environ).stdout
    check = documented("make backup-check FILE=...", {"...": str(file)})
    assert f"{file} restores:" in check.run(os.environ).stdout
    file.unlink()
    secret.unlink()


def assert_other_passwords_open_it(host: NewHost) -> None:
    """And none of those before."""
    own, database = host.settings, ConnectionParameters.from_settings(host.settings)
    servers = {own.mlflow_address: own.mlflow_auth, own.prefect_address: own.prefect_auth}
    host.run(documented("make rotate-passwords"))
    retry(lambda: api_ready(host.settings), NotReady, seconds=120, pause=0.5)
    with pytest.raises(NotReady, match="password authentication failed"):
        database.connect()
    paths = {own.mlflow_address: "/version", own.prefect_address: "/admin/version"}
    for address, before in servers.items():
        assert requests.get(f"{address}{paths[address]}", auth=login(before), timeout=30).status_code == 401
    now = {own.mlflow_address: own.mlflow_auth, own.prefect_address: own.prefect_auth}
    for address, auth in now.items():
        assert requests.get(f"{address}{paths[address]}", auth=login(auth), timeout=30).status_code == 200


def assert_same_model_and_answer(settings: Settings, before: dict[str, Any]) -> None:
    """The champion's signature was verified before it serves."""
    after = asked(settings)
    for name in ("probability", "model"):
        assert after[name] == before[name]
    ready = requests.get(f"{settings.api_address}/health/ready", timeout=10).json()
    assert ready["model_version"] == before["model"]["version"]


def assert_all_logged(world: World, settings: Settings, answers: list[dict[str, Any]]) -> None:
    expected = {str(answer["prediction_id"]) for answer in answers}
    expected |= set(PredictionLog(world.database).fetch(DAY).prediction_id.tolist())
    assert len(logged(world)) > len(answers)
    database = Database.from_settings(settings)
    try:

        def there() -> set[str]:
            with database.transaction() as cursor:
                cursor.execute("SELECT prediction_id::text FROM predictions")
                return {name for (name,) in cursor.fetchall()}

        eventually(lambda: expected <= there(), 60)
    finally:
        database.close()
