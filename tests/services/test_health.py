import os
import subprocess
import sys
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

from adapters.clock_store import ClockStore
from adapters.event_store import EventStore
from adapters.feature_store import FeatureStore
from adapters.postgres import Database
from adapters.prediction_lines import to_copy_line
from adapters.settings import PROJECT_ROOT, Settings
from adapters.spool import REFUSED_SUFFIX, SpoolWriter
from adapters.spool_reader import SpoolReader
from adapters.waiting import retry
from domain.errors import NotReady
from services import health
from services.health import TICKS_BEHIND, UNSHIPPED_SECONDS, WATCHMAN
from services.refresher import Refresher
from services.shipper import Shipper
from tests.builders import MINUTE, NOON, departed, prediction


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(health, "GRACE_SECONDS", 0.0)


@pytest.fixture
def spool(stack_settings: Settings) -> Iterator[SpoolWriter]:
    writer = SpoolWriter(stack_settings.spool_dir)
    yield writer
    writer.close()


def age(folder: Path, seconds: float) -> None:
    for file in folder.iterdir():
        os.utime(file, times=(time.time() - seconds,) * 2)


def test_postgresql_that_waits_for_somebodys_lock_is_not_healthy_soon(
    stack_settings: Settings, postgres: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A transaction that an operator left open must not keep `ontime status` from answering."""
    monkeypatch.setattr(health, "POSTGRES_SECONDS", 0.5)
    with postgres.transaction() as cursor:
        cursor.execute("LOCK TABLE clock IN ACCESS EXCLUSIVE MODE")
        with pytest.raises(NotReady, match="did not answer in"):
            health.check("postgres", stack_settings)
    health.check("postgres", stack_settings)


def test_without_a_spool_or_with_one_that_was_just_written_the_shipper_is_healthy(
    stack_settings: Settings,
) -> None:
    health.check("shipper", stack_settings)
    writer = SpoolWriter(stack_settings.spool_dir)
    writer.write(to_copy_line(prediction()))
    health.check("shipper", stack_settings)
    writer.close()


def test_a_spool_that_waited_long_is_reported_until_it_is_shipped(
    stack_settings: Settings, postgres: Database, spool: SpoolWriter
) -> None:
    spool.write(to_copy_line(prediction()))
    age(stack_settings.spool_dir, UNSHIPPED_SECONDS + 5)
    [file] = SpoolReader(stack_settings.spool_dir).files()
    with pytest.raises(NotReady, match=f"1 spool files wait to be shipped, first {file.name}"):
        health.check("shipper", stack_settings)
    Shipper(postgres, stack_settings.spool_dir).ship()
    health.check("shipper", stack_settings)


def test_a_spool_that_grows_faster_than_it_is_shipped_is_reported(
    stack_settings: Settings, spool: SpoolWriter, monkeypatch: pytest.MonkeyPatch
) -> None:
    line = to_copy_line(prediction())
    monkeypatch.setattr(health, "UNSHIPPED_BYTES", len(line))
    spool.write(line)
    health.check("shipper", stack_settings)
    spool.write(line)
    with pytest.raises(NotReady, match=f"{2 * len(line)} bytes of spool are not in the database"):
        health.check("shipper", stack_settings)


def test_lines_that_were_set_aside_are_no_fault_of_the_shipper(
    stack_settings: Settings, spool: SpoolWriter
) -> None:
    (stack_settings.spool_dir / f"set-aside{REFUSED_SUFFIX}").write_bytes(b"no prediction\n")
    age(stack_settings.spool_dir, UNSHIPPED_SECONDS + 5)
    health.check("shipper", stack_settings)


@pytest.fixture
def refresher(postgres: Database) -> Iterator[Refresher]:
    ClockStore(postgres).set_simulated(NOON)
    refresher = Refresher(postgres)
    yield refresher
    refresher.close()


def test_without_an_event_there_is_no_state_to_compute(
    stack_settings: Settings, refresher: Refresher
) -> None:
    health.check("features", stack_settings)


def test_the_newest_state_may_be_two_ticks_behind_the_clock(
    stack_settings: Settings, postgres: Database, refresher: Refresher
) -> None:
    EventStore(postgres).append([departed(known_at=NOON - MINUTE)])
    with pytest.raises(NotReady, match="no state has been computed yet"):
        health.check("features", stack_settings)
    refresher.refresh()
    ClockStore(postgres).set_simulated(NOON + (TICKS_BEHIND * 5 + 4) * MINUTE)
    health.check("features", stack_settings)
    ClockStore(postgres).set_simulated(NOON + (TICKS_BEHIND * 5 + 5) * MINUTE)
    with pytest.raises(
        NotReady, match=r"newest state is of 2013-04-11 12:00, the clock says 2013-04-11 12:15"
    ):
        health.check("features", stack_settings)


def test_states_of_a_clock_that_went_back_since_are_no_newest_ones(
    stack_settings: Settings, postgres: Database, refresher: Refresher
) -> None:
    EventStore(postgres).append([departed(known_at=NOON - MINUTE)])
    refresher.refresh()
    ClockStore(postgres).set_simulated(NOON - 60 * MINUTE)
    with pytest.raises(NotReady, match="no state has been computed yet"):
        health.check("features", stack_settings)


def test_a_state_that_follows_a_jump_of_the_clock_at_once_is_waited_for(
    stack_settings: Settings, postgres: Database, refresher: Refresher, monkeypatch: pytest.MonkeyPatch
) -> None:
    EventStore(postgres).append([departed(known_at=NOON - MINUTE)])
    monkeypatch.setattr(health, "GRACE_SECONDS", 30.0)
    # Of this wait alone: other threads of the process sleep as well.
    refreshed = partial(retry, sleep=lambda seconds: refresher.refresh())
    monkeypatch.setattr(health, "retry", refreshed)
    health.check("features", stack_settings)
    assert FeatureStore(postgres).newest_tick() is not None


def test_a_watchman_is_healthy_while_it_is_connected(stack_settings: Settings, postgres: Database) -> None:
    with pytest.raises(NotReady, match="the watchman is not connected"):
        health.check("watchman", stack_settings)
    elsewhere = postgres.parameters.to_database("postgres").connect(WATCHMAN)
    with pytest.raises(NotReady, match="the watchman is not connected"):
        health.check("watchman", stack_settings)
    elsewhere.close()
    connection = postgres.parameters.connect(WATCHMAN)
    health.check("watchman", stack_settings)
    connection.close()


def ask(name: str, environment: dict[str, str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "services.health", name],
        cwd=PROJECT_ROOT, env=os.environ | environment, capture_output=True, text=True, check=False,
    )  # fmt: skip


def test_a_container_reads_it_from_the_exit_status(stack_environment: dict[str, str]) -> None:
    done = ask("shipper", stack_environment)
    assert (done.returncode, done.stderr) == (0, "")
    done = ask("features", stack_environment | {"ONTIME_POSTGRES_PORT": "9"})
    assert done.returncode == 1
    assert done.stderr.startswith("ontime: PostgreSQL is not reachable")


def test_what_is_wrong_is_returned_by_the_name_of_the_part(
    stack_settings: Settings, postgres: Database
) -> None:
    found = health.problems(postgres, stack_settings, ("shipper", "mlflow", "prefect-server", "api"))
    assert set(found) == {"mlflow", "prefect-server", "api"}
    assert "does not answer" in found["api"]
