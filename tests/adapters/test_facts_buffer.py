import dataclasses
import random
from datetime import timedelta

import numpy as np
import pytest

from adapters import facts_buffer
from adapters.event_store import EventStore
from adapters.facts_buffer import KEPT_MINUTES, FactsBuffer
from adapters.feature_store import FeatureStore
from adapters.postgres import Database
from domain.clock import from_minute, minute_floor
from domain.errors import NotReady
from domain.flights import Announcements, FlightFacts, WeatherFacts, columns_of
from tests.builders import (
    DAY,
    MINUTE,
    NOON,
    arrived,
    assigned,
    cancelled,
    departed,
    estimated,
    flight_id,
    observation,
    reinstated,
    scheduled,
)  # fmt: skip

TICK = minute_floor(NOON)
KINDS = (scheduled, scheduled, departed, arrived, cancelled, reinstated)


class Stack:
    """A store, a buffer on it, and the facts a fresh read gives."""

    def __init__(self, database: Database):
        self.store = EventStore(database)
        self.states = FeatureStore(database)
        self.buffer = FactsBuffer(database)

    def update(self, tick: int) -> tuple[FlightFacts, WeatherFacts]:
        mark = self.states.seal(tick)
        assert mark is not None
        return self.buffer.update(tick, mark)

    def assert_equals_a_fresh_read(self, tick: int) -> None:
        flights, weather = self.update(tick)
        fresh_flights, fresh_weather = self.store.facts(NOON + 1000 * DAY, from_minute(tick - KEPT_MINUTES))
        kept = flights.take(flights.sched_dep >= tick - KEPT_MINUTES)
        late = weather.take(weather.known >= tick - KEPT_MINUTES - 1440)
        assert_same(kept, fresh_flights)
        assert_same(late, fresh_weather)


def assert_same(ours, fresh) -> None:
    for column in dataclasses.fields(fresh):
        if column.name == "network":
            continue
        if column.name == "announced":
            assert_same_announcements(ours, fresh)
            continue
        left, right = getattr(ours, column.name), getattr(fresh, column.name)
        if column.name in ("carrier", "origin", "dest", "airport"):
            names = "carriers" if column.name == "carrier" else "airports"
            left = np.array(getattr(ours.network, names).names)[left]
            right = np.array(getattr(fresh.network, names).names)[right]
        np.testing.assert_array_equal(left, right, column.name)


def assert_same_announcements(ours: FlightFacts, fresh: FlightFacts) -> None:
    """Of the flights there are; the buffer may know more."""
    left, right = (
        facts.announced.take(np.isin(facts.announced.flight_id, fresh.flight_id)) for facts in (ours, fresh)
    )
    assert len(left) == len(right) == len(set(left.sequence.tolist()))
    order = np.argsort(left.sequence), np.argsort(right.sequence)
    for name in columns_of(Announcements):
        one, other = (getattr(said, name)[rows] for said, rows in zip((left, right), order, strict=True))
        np.testing.assert_array_equal(one, other, name)


@pytest.fixture
def stack(postgres: Database) -> Stack:
    return Stack(postgres)


def test_the_buffer_equals_a_fresh_read_at_every_tick(stack: Stack, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(facts_buffer, "SPARE_ROWS", 7)
    chance = random.Random(5)
    for step in range(60):
        now = NOON + step * timedelta(hours=3)
        flights, weather = [], []
        for number in chance.sample(range(1, 400), 5):
            day = (now + chance.choice([-1, 0, 0, 2, 5]) * DAY).replace(hour=chance.randrange(24))
            maker = chance.choice([scheduled, scheduled, departed, arrived, cancelled, assigned, estimated])
            changes = {"known_at": now} if maker is scheduled else {}
            flights.append(maker(number, departure=day, **changes))
        weather.append(
            observation(chance.choice(["EWR", "JFK", "LGA"]), now - chance.randrange(9) * DAY, temp_f=step)
        )
        stack.store.append(flights, weather)
        stack.assert_equals_a_fresh_read(minute_floor(now))


def test_the_buffer_equals_a_fresh_read_over_revisions(stack: Stack, monkeypatch: pytest.MonkeyPatch) -> None:
    """Few flights, much said of each: retimed, cancelled and reinstated, corrected, and weather corrected too."""
    monkeypatch.setattr(facts_buffer, "SPARE_ROWS", 7)
    chance = random.Random(7)
    revised = 0
    for step in range(60):
        now = NOON + step * timedelta(hours=3)
        events, weather = [], []
        for _ in range(6):
            number, day = chance.randrange(1, 9), NOON + chance.randrange(-1, 8) * DAY
            maker = chance.choice([*KINDS, assigned, estimated])
            moved = day + chance.randrange(-30, 30) * timedelta(hours=1)
            changes = {"known_at": now + chance.randrange(-9, 9) * MINUTE, "event_time": moved}
            if maker is scheduled:
                changes |= {"scheduled_departure": moved, "scheduled_arrival": moved + 240 * MINUTE}
            elif maker in (departed, arrived, estimated):
                changes |= {"delay": chance.randrange(-9, 90)}
            elif maker is assigned:
                changes |= {"tail": chance.choice(["N1", "N2", "N3"])}
            events.append(maker(number, departure=day, **changes))
        seen = observation(chance.choice(["EWR", "JFK"]), NOON + chance.randrange(9) * DAY, temp_f=step)
        weather.append(dataclasses.replace(seen, known_at=now))
        chance.shuffle(events)
        outcomes = stack.store.append(events, weather)
        revised += sum(outcome.status == "accepted" for outcome in outcomes)
        stack.assert_equals_a_fresh_read(minute_floor(now))
    assert revised > 250


def test_an_event_that_came_before_its_schedule_is_found_with_it(stack: Stack) -> None:
    stack.store.append([scheduled(1), departed(2, delay=9)])
    stack.update(TICK - 30)
    stack.store.append([scheduled(2, known_at=NOON)])
    flights, _ = stack.update(TICK)
    assert flights.flight_id.tolist() == [flight_id(1), flight_id(2)]
    assert flights.dep_delay.tolist() == [0, 9]


def test_flights_older_than_the_window_are_dropped_after_a_day(stack: Stack) -> None:
    stack.store.append([scheduled(n, departure=NOON + n * DAY) for n in range(1, 6)])
    assert len(stack.update(TICK)[0]) == 5
    later = TICK + KEPT_MINUTES + 3 * 1440
    flights, _ = stack.update(later + 1440)
    assert flights.flight_id.tolist() == [flight_id(n, NOON + n * DAY) for n in (4, 5)]
    stack.store.append([departed(5, departure=NOON + 5 * DAY, delay=3)])
    assert stack.update(later + 1445)[0].dep_delay.tolist() == [0, 3]


def test_a_clock_set_back_reads_everything_again(stack: Stack) -> None:
    stack.store.append([scheduled(1), scheduled(2, departure=NOON + 90 * DAY)])
    assert len(stack.update(TICK + 100 * 1440)[0]) == 1
    assert len(stack.update(TICK)[0]) == 2


def test_a_large_backlog_is_read_at_once(stack: Stack, monkeypatch: pytest.MonkeyPatch) -> None:
    stack.store.append([scheduled(1)])
    stack.update(TICK)
    monkeypatch.setattr(facts_buffer, "RELOAD_BACKLOG", 3)
    stack.store.append([departed(n) for n in range(1, 9)])
    stack.assert_equals_a_fresh_read(TICK + 5)


def test_events_above_the_watermark_wait_for_the_next_tick(stack: Stack) -> None:
    stack.store.append([scheduled(1)])
    mark = stack.states.seal(TICK)
    stack.store.append([departed(1, known_at=NOON - MINUTE)])
    flights, _ = stack.buffer.update(TICK, mark)
    assert flights.dep_delay.tolist() == [0]
    assert flights.dep_known.tolist()[0] > 10**15
    assert stack.update(TICK + 5)[0].dep_known.tolist() == [TICK + 1]


@pytest.mark.parametrize("failing", ["_note_events", "weather_of_columns"])
def test_a_flight_is_not_counted_twice_after_a_read_that_failed(
    stack: Stack, monkeypatch: pytest.MonkeyPatch, failing: str
) -> None:
    stack.store.append([scheduled(1)], [observation("EWR", NOON - DAY)])
    stack.update(TICK - 5)
    stack.store.append([scheduled(2, known_at=NOON), departed(1, delay=7)], [observation("JFK", NOON - DAY)])
    with monkeypatch.context() as broken:
        broken.setattr(facts_buffer, failing, _away)
        with pytest.raises(NotReady):
            stack.update(TICK)
    stack.assert_equals_a_fresh_read(TICK)


def _away(*_: object) -> None:
    raise NotReady("PostgreSQL closed the connection in the middle of a read")
