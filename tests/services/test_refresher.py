import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from adapters import clock_store
from adapters.clock_store import ClockStore
from adapters.event_store import EventStore
from adapters.feature_store import FeatureStore
from adapters.migrations import migrate
from adapters.postgres import Database
from adapters.settings import PROJECT_ROOT
from deploy.native.embedded_postgres import EmbeddedPostgres
from domain.clock import minute_floor
from domain.errors import NotReady
from domain.features.state import StateBlock, compute_block
from services.clock_guard import ClockGuard, ClockPolicy
from services.loop import run
from services.refresher import Refresher, Retention
from tests.builders import DAY, MINUTE, NOON, arrived, departed, observation, scheduled
from tests.read_only import read_only

TICK = minute_floor(NOON)


class Stack:
    def __init__(self, database: Database):
        self.database = database
        self.clock = ClockStore(database)
        self.events = EventStore(database)
        self.states = FeatureStore(database)
        self.clock.set_simulated(NOON)


@pytest.fixture
def stack(postgres: Database) -> Stack:
    return Stack(postgres)


@pytest.fixture
def refresher(postgres: Database) -> Iterator[Refresher]:
    refresher = Refresher(postgres)
    yield refresher
    refresher.close()


def busy_morning(stack: Stack) -> None:
    flights = [scheduled(n, departure=NOON - n * 7 * MINUTE) for n in range(1, 40)]
    flights += [departed(n, departure=NOON - n * 7 * MINUTE, delay=n % 9 * 5) for n in range(1, 40, 2)]
    flights += [arrived(n, departure=NOON - n * 7 * MINUTE, delay=n % 5 * 9) for n in range(30, 40)]
    stack.events.append(flights, [observation("EWR", NOON - 90 * MINUTE, temp_f=50.0, precip_in=0.2)])


def assert_same_state(left: StateBlock, right: StateBlock) -> None:
    assert left.tables.keys() == right.tables.keys()
    for kind, table in left.tables.items():
        other = right.tables[kind]
        rows = [other.index[name] for name in table.entities]
        np.testing.assert_array_equal(table.values, other.values[:, rows], kind)


def test_an_empty_store_is_waited_for_and_nothing_is_sealed(stack: Stack, refresher: Refresher) -> None:
    assert refresher.refresh() is None
    stack.events.append([departed(known_at=NOON - MINUTE)])
    assert refresher.refresh() is not None


def test_a_tick_is_computed_once_the_clock_reaches_it(stack: Stack, refresher: Refresher) -> None:
    busy_morning(stack)
    assert refresher.refresh() == TICK
    assert refresher.refresh() is None
    stack.clock.set_simulated(NOON + timedelta(minutes=4, seconds=59))
    assert refresher.refresh() is None
    stack.clock.set_simulated(NOON + 5 * MINUTE)
    assert refresher.refresh() == TICK + 5
    assert stack.states.newest_tick() == TICK + 5


def test_a_state_that_the_server_lost_is_computed_again(stack: Stack, refresher: Refresher) -> None:
    """As one does that was a standby, and took over before it had the newest."""
    busy_morning(stack)
    refresher.step()
    assert stack.states.newest_tick() == TICK
    with stack.database.transaction() as cursor:
        cursor.execute("DELETE FROM feature_states; DELETE FROM feature_ticks")
        cursor.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
            "WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )
    with pytest.raises(NotReady):
        refresher.step()
    refresher.step()
    assert stack.states.newest_tick() == TICK


def test_refreshers_of_two_releases_compute_the_same_ticks_side_by_side(stack: Stack, refresher: Refresher):
    """From the same events, whatever either has sealed before; the one goes on when the other is gone."""
    busy_morning(stack)
    states = FeatureStore(stack.database, "the contract of another release")
    other = Refresher(stack.database, states=states)
    for step in range(3):
        stack.clock.set_simulated(NOON + step * 5 * MINUTE)
        assert refresher.refresh() == TICK + 5 * step
        # Known only after the tick that is sealed, for the second one as well.
        flight = 2 + 2 * step
        stack.events.append([departed(flight, departure=NOON - flight * 7 * MINUTE, known_at=NOON - MINUTE)])
        assert other.refresh() == TICK + 5 * step
        assert_same_state(stack.states.load(TICK + 5 * step), states.load(TICK + 5 * step))
    other.close()
    stack.clock.set_simulated(NOON + 15 * MINUTE)
    assert refresher.refresh() == TICK + 15
    assert (states.newest_tick(), stack.states.newest_tick()) == (TICK + 10, TICK + 15)


def test_a_stored_state_equals_the_one_recomputed_from_the_events(stack: Stack, refresher: Refresher) -> None:
    busy_morning(stack)
    for step in range(6):
        now = NOON + step * 5 * MINUTE
        stack.clock.set_simulated(now)
        assert refresher.refresh() == TICK + 5 * step
        # Late news about the past, after the tick was sealed: it must not change what was stored.
        stack.events.append(
            [departed(2 + 2 * step, departure=NOON - (2 + 2 * step) * 7 * MINUTE, known_at=now - 3 * MINUTE)]
        )
    for step in range(6):
        tick = TICK + 5 * step
        flights, weather = stack.events.facts(NOON + step * 5 * MINUTE, NOON - 40 * DAY)
        assert_same_state(stack.states.load(tick), compute_block(flights, weather, tick, 1))


def test_a_state_that_is_there_is_notified_again_not_computed(stack: Stack, refresher: Refresher) -> None:
    busy_morning(stack)
    refresher.refresh()
    stack.clock.set_simulated(NOON + 5 * MINUTE)
    refresher.refresh()
    listener = stack.database.listen("state")
    listener.wait(1)
    stack.clock.set_simulated(NOON)
    assert refresher.refresh() is None
    assert [n.payload for n in listener.wait(5)] == [str(TICK)]
    listener.close()


def test_nothing_is_computed_while_a_history_is_loaded(stack: Stack, refresher: Refresher) -> None:
    busy_morning(stack)
    with stack.events.loading():
        assert refresher.refresh() is None
    assert refresher.refresh() == TICK


def test_old_states_are_pruned(stack: Stack, postgres: Database) -> None:
    refresher = Refresher(postgres, Retention(kept_minutes=10, every_minutes=5))
    busy_morning(stack)
    for step in range(4):
        stack.clock.set_simulated(NOON + step * 5 * MINUTE)
        refresher.refresh()
    assert stack.states.ticks(TICK + 100, limit=9) == [TICK + 15, TICK + 10, TICK + 5]


def test_the_refresher_waits_out_a_restart_of_the_server(own_server: EmbeddedPostgres) -> None:
    database = Database(own_server.parameters)
    migrate(database)
    stack = Stack(database)
    busy_morning(stack)
    refresher, stop = Refresher(database), threading.Event()
    thread = threading.Thread(target=run, args=(refresher.step, stop))
    thread.start()
    wait_for(lambda: stack.states.has(TICK))
    own_server.stop(kill=True)
    with pytest.raises(NotReady):
        stack.states.newest_tick()
    own_server.start()
    stack.clock.set_simulated(NOON + 5 * MINUTE)
    wait_for(lambda: stack.states.has(TICK + 5))
    stop.set()
    thread.join(10)
    assert not thread.is_alive()
    refresher.close()
    database.close()


def test_the_process_serves_the_clock_and_stops_on_sigterm(
    stack: Stack, stack_environment: dict[str, str]
) -> None:
    busy_morning(stack)
    process = subprocess.Popen(
        [sys.executable, "-m", "services.refresher"],
        cwd=PROJECT_ROOT,
        env=os.environ | stack_environment,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        wait_for(lambda: stack.states.has(TICK))
        stack.clock.set_simulated(NOON + 5 * MINUTE)
        wait_for(lambda: stack.states.has(TICK + 5))
        process.send_signal(signal.SIGTERM)
        _, log = process.communicate(timeout=10)
    finally:
        process.kill()
    assert process.returncode == 0, log
    assert '"event": "stopped"' in log


def wait_for(condition, seconds: float = 20.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.02)


class Time:
    """The real time and what the machine's clock says, as far as a test lets them pass."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch):
        self.now, self.passed = datetime.now(UTC), 100.0
        monkeypatch.setattr(clock_store, "system_now", lambda: self.now)

    def go(self, minutes: float, jump: timedelta = timedelta(0)) -> None:
        self.passed += 60 * minutes
        self.now += timedelta(minutes=minutes) + jump


@pytest.fixture
def believing(stack: Stack, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[Refresher, Time]]:
    """A refresher in production on the machine of PostgreSQL, whose clock is therefore never apart."""
    time_ = Time(monkeypatch)
    busy_morning(stack)
    stack.clock.set_system()
    policy = ClockPolicy(apart=timedelta(minutes=2), steady_seconds=1800)
    guard = ClockGuard(stack.database, policy, elapsed=lambda: time_.passed)
    monkeypatch.setattr(guard, "_require_server", lambda *_: None)
    refresher = Refresher(stack.database, guard=guard)
    yield refresher, time_
    refresher.close()


def test_a_clock_that_jumps_a_day_ahead_seals_nothing_until_it_is_right_again(
    stack: Stack, believing: tuple[Refresher, Time]
) -> None:
    refresher, time_ = believing
    first = refresher.refresh()
    assert first is not None
    time_.go(5)
    assert refresher.refresh() == first + 5
    time_.go(5, jump=DAY)
    for _ in range(3):
        with pytest.raises(NotReady, match="jumped ahead by 1 day"):
            refresher.refresh()
    assert stack.states.newest_tick() == first + 5
    time_.go(5, jump=-DAY)
    assert refresher.refresh() == first + 15


def test_a_clock_that_was_set_right_is_believed_after_a_while(believing: tuple[Refresher, Time]) -> None:
    refresher, time_ = believing
    first = refresher.refresh()
    assert first is not None
    time_.go(5, jump=DAY)
    with pytest.raises(NotReady):
        refresher.refresh()
    time_.go(30)
    assert refresher.refresh() is not None
    time_.go(5)
    assert refresher.refresh() is not None


def test_a_machine_whose_clock_is_not_that_of_postgres_seals_nothing(
    stack: Stack, refresher: Refresher, monkeypatch: pytest.MonkeyPatch
) -> None:
    busy_morning(stack)
    stack.clock.set_system()
    monkeypatch.setattr(clock_store, "system_now", lambda: datetime.now(UTC) + DAY)
    with pytest.raises(NotReady, match="this machine's clock says"):
        refresher.refresh()
    assert stack.states.newest_tick() is None
    monkeypatch.undo()
    assert refresher.refresh() is not None


def test_a_server_that_takes_no_writes_is_waited_for(stack: Stack, refresher: Refresher) -> None:
    busy_morning(stack)
    with read_only(stack.database), pytest.raises(NotReady):
        refresher.refresh()
    assert refresher.refresh() == TICK
