from datetime import UTC, datetime, timedelta, timezone

import pytest

from adapters.clock_store import ClockStore
from adapters.migrations import migrate
from adapters.postgres import Database
from deploy.native.embedded_postgres import EmbeddedPostgres
from domain.errors import InvalidInput
from tests.builders import NOON


@pytest.fixture
def clock(postgres: Database) -> ClockStore:
    return ClockStore(postgres)


def test_a_new_stack_runs_on_system_time(clock: ClockStore) -> None:
    before = datetime.now(UTC)
    reading = clock.read()
    assert reading.mode == "system"
    assert before <= reading.now <= datetime.now(UTC)


def test_a_clock_that_was_set_stays_so_when_the_server_is_killed_at_once(
    own_server: EmbeddedPostgres,
) -> None:
    """Whoever set it waits for the state of that moment: set back, the clock would never reach it."""
    database = Database(own_server.parameters)
    migrate(database)
    clock = ClockStore(database)
    clock.set_simulated(NOON)
    own_server.stop(kill=True)
    own_server.start()
    assert clock.read().now == NOON
    database.close()


def test_a_simulated_clock_stands_where_it_was_set(clock: ClockStore) -> None:
    clock.set_simulated(NOON.astimezone(timezone(timedelta(hours=-4))))
    assert (clock.read().now, clock.read().mode) == (NOON, "simulated")
    assert clock.read().now.tzinfo == UTC
    clock.set_system()
    assert clock.read().mode == "system"


def test_a_change_of_the_clock_is_reported(clock: ClockStore, postgres: Database) -> None:
    listener = postgres.listen("clock")
    listener.wait(1)
    clock.set_simulated(NOON)
    clock.set_system()
    heard = [n.payload for n in listener.wait(5)]
    heard += [n.payload for n in listener.wait(0.2)]
    assert heard == ["2013-04-11T12:00:00+00:00", "system"]
    listener.close()


def test_a_moment_without_a_zone_is_refused(clock: ClockStore) -> None:
    with pytest.raises(InvalidInput, match="time zone"):
        clock.set_simulated(NOON.replace(tzinfo=None))


def test_sql_and_python_read_the_same_clock(clock: ClockStore, postgres: Database) -> None:
    clock.set_simulated(NOON)
    with postgres.transaction() as cursor:
        cursor.execute("SELECT stack_now()")
        assert cursor.fetchone() == (NOON,)
