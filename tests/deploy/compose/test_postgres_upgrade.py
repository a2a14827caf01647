"""Data of PostgreSQL 15 meet the Compose file's 17: refused, copied with every row, and never lost."""

import json
import os
import secrets
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
import yaml

from adapters.settings import PROJECT_ROOT
from tests.deploy.compose.running_stack import eventually
from tests.deploy.quick_stack import run
from tests.documented import documented

pytestmark = [pytest.mark.stack, pytest.mark.timeout(600)]
NEW_IMAGE, OLD_IMAGE = "postgres:17-trixie${POSTGRES_DIGEST:-}", "postgres:15-bookworm"
DATA = "/var/lib/postgresql/data"
TABLES = {
    "ontime": "CREATE TABLE flights AS SELECT n AS flight FROM generate_series(1, 1000) n",
    "mlflow": "CREATE TABLE runs AS SELECT n AS run FROM generate_series(1, 20) n",
    "prefect": "CREATE TABLE flow_runs AS SELECT n::text AS name FROM generate_series(1, 7) n;"
    "CREATE INDEX words ON flow_runs USING gin (name gin_trgm_ops)",
}


@dataclass
class Databases:
    """The stack's real PostgreSQL service, alone in a project of its own."""

    home: Path
    project: str = field(default_factory=lambda: f"ontime-postgres-{secrets.token_hex(3)}")

    def __post_init__(self):
        # The service, its volumes and its secrets as they are; of the rest only what a start asks for.
        compose = yaml.safe_load((PROJECT_ROOT / "docker-compose.yml").read_text())
        service = compose["services"]["postgres"]
        service["volumes"] = [v.replace("./deploy", str(PROJECT_ROOT / "deploy")) for v in service["volumes"]]
        keep = {"services": {"postgres": service}} | {
            k: compose[k] for k in ("networks", "volumes", "secrets")
        }
        self.file = self.home / "docker-compose.yml"
        self.file.write_text(yaml.safe_dump(keep))
        self.environment = os.environ | {
            "COMPOSE_PROJECT_NAME": self.project,
            "COMPOSE_FILE": str(self.file),
            "SECRETS_DIR": str(self.home / "secrets"),
        }
        self.command("secrets")

    def command(self, *arguments):
        return run("python3", "-m", "deploy.compose", *arguments, environment=self.environment)

    def volumes(self) -> set[str]:
        shown = run("docker", "volume", "ls", "-q", "--filter", f"name={self.project}").stdout.split()
        return {name.removeprefix(f"{self.project}_") for name in shown}

    def start_as_it_was_before(self) -> None:
        """Start the stack as the Compose file had it: release 15 on a volume without a number."""
        before = self.file.read_text()
        old = before.replace(NEW_IMAGE, OLD_IMAGE).replace("postgres-data-17", "postgres-data")
        assert old != before
        self.file.write_text(old)
        self.start()
        self.file.write_text(before)

    def start(self) -> None:
        done = self.command("compose", "up", "-d", "--wait")
        assert done.returncode == 0, done.stderr

    def sql(self, database, statement) -> str:
        shown = self.command(
            "compose",
            "exec",
            "-T",
            "postgres",
            "psql",
            "-XqAt",
            "-U",
            "ontime",
            "-d",
            database,
            "-c",
            statement,
        )
        assert shown.returncode == 0, shown.stderr
        return shown.stdout.strip()

    def remove(self) -> None:
        self.command("compose", "down", "-v", "--remove-orphans")
        for volume in self.volumes():
            run("docker", "volume", "rm", f"{self.project}_{volume}")


@pytest.fixture
def databases(tmp_path) -> Iterator[Databases]:
    """Rows in every database of a PostgreSQL 15 that still runs."""
    made = Databases(tmp_path)
    try:
        made.start_as_it_was_before()
        for database, statement in TABLES.items():
            made.sql(database, statement)
        yield made
    finally:
        made.remove()


def running(databases) -> list[str]:
    return databases.command("compose", "ps", "--format", "{{.ID}} {{.Image}}").stdout.split()


def test_another_releases_volume_is_refused_before_anything_is_touched(databases):
    before = running(databases), databases.volumes()
    done = databases.command("up")
    assert done.returncode == 1
    assert "holds PostgreSQL 15" in done.stderr
    assert "`make upgrade-postgres`" in done.stderr
    assert (running(databases), databases.volumes()) == before
    assert databases.sql("ontime", "SELECT count(*) FROM flights") == "1000"


def test_a_newer_releases_volume_is_refused_without_the_offer_of_a_way_down(databases):
    """The code before the last release meets the data of the last one."""
    upgraded = databases.command("upgrade-postgres")
    assert upgraded.returncode == 0, upgraded.stderr
    databases.command("compose", "down")
    run("docker", "volume", "rm", f"{databases.project}_postgres-data")
    before = databases.file.read_text()
    databases.file.write_text(
        before.replace(NEW_IMAGE, OLD_IMAGE).replace("postgres-data-17", "postgres-data")
    )
    done = databases.command("up")
    databases.file.write_text(before)
    assert done.returncode == 1
    assert "holds PostgreSQL 17" in done.stderr
    assert "go back to an image of release 17" in done.stderr
    assert databases.volumes() == {"postgres-data-17"}


def test_an_upgrade_copies_every_row_and_keeps_the_old_volume(databases):
    done = documented("make upgrade-postgres").run(databases.environment)
    assert "every row count agrees" in done.stdout
    databases.start()
    assert databases.sql("ontime", "SHOW server_version").startswith("17")
    assert databases.sql("ontime", "SELECT count(*), sum(flight) FROM flights") == "1000|500500"
    assert databases.sql("mlflow", "SELECT count(*) FROM runs") == "20"
    assert databases.sql("prefect", "SELECT count(*) FROM flow_runs WHERE name LIKE '7'") == "1"
    assert (
        databases.sql("prefect", "SELECT pg_get_userbyid(datdba) FROM pg_database WHERE datname = 'mlflow'")
        == "mlflow"
    )
    assert {"postgres-data", "postgres-data-17"} <= databases.volumes()
    again = databases.command("upgrade-postgres")
    assert "nothing to upgrade" in again.stdout
    assert databases.sql("ontime", "SELECT count(*) FROM flights") == "1000"


def test_an_upgrade_that_fails_puts_back_what_ran(databases):
    before = running(databases), databases.volumes()
    done = databases.command("upgrade-postgres", "--old-image", "postgres:17-trixie")
    assert done.returncode == 1
    assert "does not start on its volume" in done.stderr
    eventually(lambda: running(databases) == before[0], 30)
    assert databases.volumes() == before[1]
    eventually(
        lambda: databases.command("compose", "exec", "-T", "postgres", "pg_isready").returncode == 0, 60
    )
    assert databases.sql("ontime", "SELECT count(*) FROM flights") == "1000"


def test_an_upgrade_that_was_cut_off_begins_again(databases):
    labels = {
        "com.docker.compose.project": databases.project,
        "com.docker.compose.volume": "postgres-data-17",
        "ontime.upgrade-of": f"{databases.project}_postgres-data",
    }
    named = [part for key, value in labels.items() for part in ("--label", f"{key}={value}")]
    run("docker", "volume", "create", *named, f"{databases.project}_postgres-data-17")
    fill = f"{databases.project}_postgres-data-17:{DATA}"
    run(
        "docker",
        "run",
        "--rm",
        "-v",
        fill,
        "--entrypoint",
        "sh",
        "postgres:17-trixie",
        "-c",
        f"echo 17 >{DATA}/PG_VERSION",
    )
    assert "holds PostgreSQL 15" in databases.command("up").stderr
    done = databases.command("upgrade-postgres")
    assert done.returncode == 0, done.stderr
    databases.start()
    assert databases.sql("ontime", "SELECT count(*) FROM flights") == "1000"


def test_data_of_this_release_are_never_replaced_by_older_ones(databases):
    """Somebody went back to the code before, and comes again: both releases have a volume."""
    databases.command("compose", "down")
    databases.start()
    databases.sql("ontime", "CREATE TABLE newer (n int)")
    done = databases.command("upgrade-postgres")
    assert "nothing to upgrade" in done.stdout
    assert databases.sql("ontime", "SELECT count(*) FROM newer") == "0"
    inspected = json.loads(run("docker", "volume", "inspect", f"{databases.project}_postgres-data").stdout)
    assert inspected[0]["Labels"]["com.docker.compose.volume"] == "postgres-data"
