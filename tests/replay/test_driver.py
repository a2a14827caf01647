import itertools
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any

import pytest

from adapters.clock_store import ClockStore
from adapters.event_store import EventStore
from adapters.feature_store import FeatureStore
from adapters.postgres import Database
from adapters.prediction_lines import to_copy_line
from adapters.prediction_log import PredictionLog
from adapters.waiting import wait_until
from domain.clock import minute_floor
from domain.errors import Conflict, OntimeError
from domain.features.grid import tick_of
from replay import driver as driver_module
from replay.client import Answer
from replay.driver import LONGEST_STEP, Replay, morning_after, sole_mover, ticks_of
from replay.feed import Feed
from services.refresher import Refresher
from tests.builders import prediction, scheduled
from tests.data.raw import raw_flight
from tests.replay.world import DAY, dataset, utc, world_of


@dataclass
class StandInApi:
    """Notes each call with the stack's clock, and whether the state that each question sees was there."""

    database: Database
    rejected: int = 0
    dies: bool = False
    posted: list[tuple[Any, dict[str, Any]]] = field(default_factory=list)
    asked: list[tuple[Any, bool, dict[str, Any]]] = field(default_factory=list)

    def post(self, path: str, body: Any, scope: str) -> Answer:
        now = ClockStore(self.database).read().now
        if path == "/v1/events":
            assert scope == "ingest"
            self.posted += [(now, event) for event in body["events"]]
            return Answer(200, {"rejected": self.rejected})
        assert (path, scope) == ("/v1/predictions", "predict")
        if self.dies:
            raise KeyboardInterrupt
        has = FeatureStore(self.database).has
        for flight in body["flights"]:
            moment = datetime.fromisoformat(flight["as_of"])
            self.asked.append((now, has(int(tick_of(minute_floor(moment)))), flight))
        return Answer(200, {"items": []})


@pytest.fixture
def refresher(postgres: Database) -> Iterator[None]:
    """The real refresher, on a store that knows one old flight."""
    EventStore(postgres).append([scheduled(departure=utc(10, 12))], [])
    refresher, stop = Refresher(postgres), threading.Event()

    def run() -> None:
        while not stop.is_set():
            refresher.step()

    thread = threading.Thread(target=run)
    thread.start()
    yield
    stop.set()
    thread.join()
    refresher.close()


@pytest.fixture
def api(postgres: Database) -> StandInApi:
    ClockStore(postgres).set_simulated(utc(11, 7, 55))
    return StandInApi(postgres)


@pytest.fixture
def replay(postgres: Database, api: StandInApi) -> Iterator[Replay]:
    replay = Replay(postgres, api, Feed(dataset()))
    yield replay
    replay.close()


def log_answer(postgres: Database, question: dict[str, Any]) -> None:
    """The answer to a question reaches the log."""
    departure = datetime.fromisoformat(question["scheduled_departure"])
    record = prediction(question["flight"], departure)
    PredictionLog(postgres).ship("spool", 0, to_copy_line(record))


def moment_of(event: dict[str, Any]) -> str:
    return event["known_at"]


@pytest.mark.integration
@pytest.mark.usefixtures("refresher")
def test_a_day_is_replayed_in_the_order_in_which_it_became_known(api, replay, postgres):
    count = replay.replay_day(DAY)

    assert [flight["flight"] for _, _, flight in api.asked] == [1545, 2, 3]
    assert (count.predictions, count.events) == (3, len(api.posted))
    assert [e["type"] for _, e in api.posted] == [
        "departed", "weather", "departed", "arrived", "arrived", "cancelled"
    ]  # fmt: skip
    assert ClockStore(postgres).read().now == utc(12, 4)


@pytest.mark.integration
@pytest.mark.usefixtures("refresher")
def test_an_event_is_posted_before_the_clock_reaches_it_and_not_earlier_than_a_step(api, replay):
    replay.replay_day(DAY)
    for now, event in api.posted:
        known = event["known_at"]
        assert now.strftime("%Y-%m-%dT%H:%M:%SZ") < known
        assert (now + LONGEST_STEP).strftime("%Y-%m-%dT%H:%M:%SZ") >= known


@pytest.mark.integration
@pytest.mark.usefixtures("refresher")
def test_what_a_killed_replay_did_not_ask_any_more_is_asked_by_the_next(api, replay, postgres, monkeypatch):
    monkeypatch.setattr(driver_module, "SHIPPING_SECONDS", 0.1)
    api.dies = True
    with pytest.raises(KeyboardInterrupt):
        replay.replay_day(DAY)
    assert api.asked == []
    assert utc(11, 14) < ClockStore(postgres).read().now <= utc(11, 14) + LONGEST_STEP
    api.dies = False

    successor = Replay(postgres, api, Feed(dataset()))
    try:
        assert successor.catch_up() == 1
        assert [flight["flight"] for _, _, flight in api.asked] == [1545]
        log_answer(postgres, api.asked[0][2])
        assert successor.catch_up() == 0
        successor.replay_day(DAY)
    finally:
        successor.close()
    assert [flight["flight"] for _, _, flight in api.asked] == [1545, 2, 3]


@pytest.mark.integration
@pytest.mark.usefixtures("refresher")
def test_a_flight_is_asked_about_once_the_state_of_its_moment_is_there(api, replay):
    """And before a step more is over."""
    replay.replay_day(DAY)
    for now, state_is_there, flight in api.asked:
        assert timedelta() <= now - datetime.fromisoformat(flight["as_of"]) <= LONGEST_STEP
        assert state_is_there


@pytest.mark.integration
@pytest.mark.usefixtures("refresher")
def test_the_clock_is_one_step_ahead_of_the_questions_at_most(api, replay, postgres):
    """An API that is slow keeps the replay waiting: what a killed one may have left unasked is of two steps."""
    steps, ask, ahead = replay.steps_of(DAY), replay._ask, []

    def slow(batches, count):
        asked_at = steps.index(datetime.fromisoformat(batches[0][0]["as_of"]))
        moved = wait_until(lambda: ClockStore(postgres).read().now > steps[asked_at + 1], 0.5, 0.01)
        ahead.append((moved, steps.index(ClockStore(postgres).read().now) - asked_at))
        return ask(batches, count)

    replay._ask = slow
    replay.replay_day(DAY)
    assert ahead == [(False, 1)] * 3


@pytest.mark.integration
def test_a_day_steps_to_every_tick_that_a_question_sees(replay):
    """Flights leave at 11:00, 13:00 and 18:00: an hour before, New York's 10:00 is 14:00 UTC."""
    steps = replay.steps_of(DAY)
    assert {utc(11, 14), utc(11, 16), utc(11, 21)} <= set(steps)
    assert (steps[0], steps[-1]) == (utc(11, 8), utc(12, 4))
    assert max(b - a for a, b in itertools.pairwise(steps)) <= LONGEST_STEP
    assert len(steps) < 30


@pytest.mark.integration
@pytest.mark.usefixtures("refresher")
def test_a_question_between_two_ticks_sees_the_state_of_the_earlier(api, postgres):
    """The flight of 11:03 is asked about at 10:05, from what was known at 10:03."""
    flight = raw_flight(sched_dep_time=1103, minute=3, dep_time=1113.0)
    replay = Replay(postgres, api, Feed(world_of([flight])))
    try:
        assert {utc(11, 14), utc(11, 14, 5)} <= set(replay.steps_of(DAY))
        replay.replay_day(DAY)
    finally:
        replay.close()
    [(now, there, _)] = api.asked
    assert (now >= utc(11, 14, 5), there) == (True, True)


@pytest.mark.integration
@pytest.mark.usefixtures("refresher")
def test_a_replay_goes_on_from_the_stacks_clock(api, replay, postgres):
    ClockStore(postgres).set_simulated(utc(11, 16, 30))
    replay.replay_day(DAY)
    assert [flight["flight"] for _, _, flight in api.asked] == [3]
    assert "2013-04-11T15:10:00Z" not in map(moment_of, (event for _, event in api.posted))

    before = len(api.posted), len(api.asked)
    replay.replay_day(DAY)
    assert (len(api.posted), len(api.asked)) == before


@pytest.mark.integration
@pytest.mark.usefixtures("refresher")
def test_a_night_without_departures_is_one_step(api, replay, postgres):
    ClockStore(postgres).set_simulated(utc(11, 21, 30))
    count = replay.advance(morning_after(DAY))
    assert api.asked == []
    assert [now for now, _ in api.posted] == [utc(11, 22)]
    assert (count.day, count.events, count.predictions) == (date(2013, 4, 12), 0, 0)
    assert [step for step in replay.steps_of(count.day) if step < utc(12, 9)] == [utc(12, 8)]
    assert ClockStore(postgres).read().now == utc(12, 10)
    assert FeatureStore(postgres).newest_tick() == tick_of(minute_floor(utc(12, 10)))


@pytest.fixture
def night_flights():
    """Twenty-five of them, every five minutes from half past one."""
    clock = [divmod(90 + 5 * i, 60) for i in range(25)]
    return [
        raw_flight(
            flight=100 + i, hour=hour, minute=minute, sched_dep_time=100 * hour + minute,
            dep_time=100.0 * hour + minute, dep_delay=0.0, sched_arr_time=900, arr_time=900.0, arr_delay=0.0,
            time_hour=f"2013-04-11T{4 + hour:02}:00:00Z",
        )
        for i, (hour, minute) in enumerate(clock)
    ]  # fmt: skip


@pytest.mark.integration
@pytest.mark.usefixtures("refresher")
def test_flights_of_the_night_are_asked_about_tick_by_tick(api, postgres, night_flights):
    """An airport that never sleeps: each question sees the state of its moment, which was stored before it."""
    ClockStore(postgres).set_simulated(utc(11, 4))
    replay = Replay(postgres, api, Feed(world_of(night_flights)))
    try:
        replay.advance(utc(11, 10))
    finally:
        replay.close()
    assert [flight["flight"] for _, _, flight in api.asked] == [flight["flight"] for flight in night_flights]
    for now, state_is_there, flight in api.asked:
        assert timedelta() <= now - datetime.fromisoformat(flight["as_of"]) <= LONGEST_STEP
        assert state_is_there


@pytest.mark.integration
@pytest.mark.usefixtures("refresher")
def test_a_replay_advances_over_more_than_a_night(api, replay):
    replay.advance(utc(12, 10))
    assert [flight["flight"] for _, _, flight in api.asked] == [1545, 2, 3]
    assert all(state_is_there for _, state_is_there, _ in api.asked)


@pytest.mark.integration
@pytest.mark.usefixtures("refresher")
def test_a_morning_is_replayed_once_and_counted_with_its_day(api, replay):
    morning = replay.advance(utc(11, 14, 2))
    assert [flight["flight"] for _, _, flight in api.asked] == [1545]
    assert morning.predictions == 1

    assert replay.replay_day(DAY).predictions == 3
    assert [flight["flight"] for _, _, flight in api.asked] == [1545, 2, 3]


@pytest.mark.integration
def test_an_event_that_the_api_rejects_stops_the_replay(api, replay, postgres):
    ClockStore(postgres).set_simulated(utc(11, 14, 30))
    api.rejected = 1
    with pytest.raises(OntimeError, match="rejected"):
        replay.advance(utc(11, 16))


def test_the_steps_of_a_day_begin_at_four_and_end_at_midnight_in_new_york():
    ticks = list(ticks_of(date(2013, 4, 11)))
    assert (ticks[0], ticks[-1], len(ticks)) == (utc(11, 8), utc(12, 4), 241)


@pytest.mark.parametrize("day", [date(2013, 3, 10), date(2013, 11, 3)])
def test_a_day_with_a_clock_change_has_the_same_twenty_hours(day):
    assert len(list(ticks_of(day))) == 241


@pytest.mark.integration
def test_nobody_else_moves_the_clock_that_a_replay_moves(postgres):
    with (
        sole_mover(postgres),
        pytest.raises(Conflict, match="moves this stack's clock"),
        sole_mover(postgres),
    ):
        pass
    with sole_mover(postgres):
        pass
