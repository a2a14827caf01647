import threading
from datetime import datetime, timedelta

import numpy as np
import pandas as pd
import pytest

from adapters.clock_store import ClockStore
from adapters.event_store import EventStore
from adapters.feature_store import FeatureStore
from adapters.label_store import LabelStore
from adapters.postgres import Database
from domain.clock import NEVER, minute_floor
from domain.events import WeatherEvent
from domain.flights import WEATHER_COLUMNS
from tests.builders import DAY, MINUTE, NOON, arrived, cancelled, departed, flight_id, observation, scheduled

LONG_AGO = NOON - 60 * DAY
EVER_AFTER = NOON + 60 * DAY


@pytest.fixture
def store(postgres: Database) -> EventStore:
    return EventStore(postgres)


@pytest.fixture
def states(postgres: Database) -> FeatureStore:
    return FeatureStore(postgres)


def statuses(outcomes) -> list[str]:
    return [outcome.status for outcome in outcomes]


def known_at(database: Database, kind: str) -> datetime:
    """When the newest event of a kind became known."""
    with database.transaction() as cursor:
        cursor.execute("SELECT max(known_at) FROM flight_events WHERE kind = %s", [kind])
        return cursor.fetchone()[0]


def test_the_same_event_again_is_a_duplicate(store: EventStore) -> None:
    events = [scheduled(), departed(delay=7), arrived(delay=3)]
    weather = [observation(temp_f=40.5)]
    assert statuses(store.append(events, weather)) == ["accepted"] * 4
    assert statuses(store.append(events, weather)) == ["duplicate"] * 4
    assert store.count() == 3


def test_a_revision_known_before_what_is_stored_is_a_conflict_that_says_why(store: EventStore) -> None:
    store.append([scheduled(), departed(delay=7)], [observation(temp_f=40.5)])
    outcomes = store.append([departed(delay=5)], [observation(temp_f=40.5, precip_in=0.1)])
    assert statuses(outcomes) == ["conflict", "conflict"]
    assert outcomes[0].reason == (
        "stored with another event_time, delay_minutes, known since 2013-04-11T12:07:00Z: "
        "a revision needs a later known_at"
    )
    assert outcomes[1].reason == (
        "stored with another precip_in, known since 2013-04-11T12:52:00Z: a revision needs a later known_at"
    )


def test_what_became_known_when_is_no_part_of_an_event(store: EventStore) -> None:
    store.append([departed(delay=7)])
    assert statuses(store.append([departed(delay=7, known_at=NOON + DAY, source="other")])) == ["duplicate"]


def test_equal_keys_in_one_batch_count_in_the_order_in_which_they_became_known(store: EventStore) -> None:
    later, same = NOON + 20 * MINUTE, NOON + 7 * MINUTE
    outcomes = store.append(
        [departed(delay=9, known_at=later), departed(delay=7), departed(delay=7), departed(number=2),
         departed(delay=6, known_at=same)]
    )  # fmt: skip
    assert statuses(outcomes) == ["accepted", "accepted", "duplicate", "accepted", "conflict"]
    assert store.facts(NOON + 10 * MINUTE, LONG_AGO)[0].dep_delay.tolist() == []
    store.append([scheduled()])
    for moment, delay in ((NOON + 10 * MINUTE, 7), (NOON + 20 * MINUTE, 9)):
        assert store.facts(moment, LONG_AGO)[0].latest().dep_delay.tolist() == [delay]


def test_an_arrival_brings_its_label(store: EventStore, postgres: Database) -> None:
    store.append([arrived(delay=15), departed(number=2)])
    label = LabelStore(postgres).current(flight_id())
    assert (label.arr_delay_minutes, label.is_late, label.known_at) == (
        15,
        True,
        NOON + timedelta(hours=4, minutes=15),
    )
    assert LabelStore(postgres).current(flight_id(2)) is None


def test_an_arrival_that_contradicts_the_label_is_a_conflict(store: EventStore, postgres: Database) -> None:
    LabelStore(postgres).append(flight_id(), 20, NOON + DAY, "api")
    outcomes = store.append([arrived(delay=15), arrived(number=2, delay=1)])
    assert statuses(outcomes) == ["conflict", "accepted"]
    assert outcomes[0].reason == "the label says another arrival delay"
    assert store.count() == 1


def test_a_corrected_label_leaves_the_arrival_a_duplicate(store: EventStore, postgres: Database) -> None:
    store.append([arrived(delay=15)])
    LabelStore(postgres).append(flight_id(), 20, NOON + DAY, "api", correct=True)
    assert statuses(store.append([arrived(delay=15)])) == ["duplicate"]


def test_an_event_without_known_at_is_known_from_the_clock_s_now(
    store: EventStore, postgres: Database
) -> None:
    ClockStore(postgres).set_simulated(NOON + 3 * MINUTE)
    store.append([departed(known_at=None)])
    assert known_at(postgres, "departed") == NOON + 3 * MINUTE


def test_an_event_after_a_seal_becomes_known_after_it(
    store: EventStore, states: FeatureStore, postgres: Database
) -> None:
    states.seal(minute_floor(NOON))
    store.append([departed(known_at=NOON - MINUTE), arrived(known_at=NOON + 5 * MINUTE)])
    assert known_at(postgres, "departed") == NOON + timedelta(seconds=1)
    assert known_at(postgres, "arrived") == NOON + 5 * MINUTE
    flights, _ = store.facts(NOON, LONG_AGO)
    assert len(flights) == 0


def test_an_event_after_the_seal_of_a_state_that_used_its_flight_becomes_known_after_it(
    store: EventStore, states: FeatureStore, postgres: Database
) -> None:
    """States select flights by when they are to leave: an event of a year before, or its revision, is no older."""
    a_year_early = {"event_time": NOON - 365 * DAY, "known_at": NOON - MINUTE}
    states.seal(minute_floor(NOON))
    store.append([departed(**a_year_early)])
    assert known_at(postgres, "departed") == NOON + timedelta(seconds=1)
    states.seal(minute_floor(NOON + MINUTE))
    store.append([departed(delay=7, **a_year_early | {"known_at": NOON + MINUTE})])
    assert known_at(postgres, "departed") == NOON + timedelta(seconds=61)


def test_an_event_known_at_the_sealed_tick_itself_is_late_for_it(
    store: EventStore, states: FeatureStore, postgres: Database
) -> None:
    store.append([scheduled()])
    states.seal(minute_floor(NOON))
    store.append([departed(known_at=NOON)], [observation(observed_at=NOON - timedelta(hours=2))])
    flights, weather = store.facts(NOON, LONG_AGO)
    assert flights.dep_known.tolist() == [NEVER]
    assert len(weather) == 0
    flights, weather = store.facts(NOON + MINUTE, LONG_AGO)
    assert flights.dep_known.tolist() == [minute_floor(NOON) + 1]
    assert weather.known.tolist() == [minute_floor(NOON) + 1]


def test_a_history_no_sealed_tick_looked_for_is_known_when_it_says(
    store: EventStore, states: FeatureStore, postgres: Database
) -> None:
    """A stack that ran on system time for a while may still be given 2013."""
    states.seal(minute_floor(NOON + 400 * DAY))
    store.append([departed()])
    assert known_at(postgres, "departed") == NOON
    states.seal(minute_floor(NOON + 2 * DAY))
    store.append([arrived()])
    assert known_at(postgres, "arrived") == NOON + 2 * DAY + timedelta(seconds=1)


def test_nothing_is_sealed_while_a_history_is_loaded(store: EventStore, states: FeatureStore) -> None:
    with store.loading():
        assert states.seal(minute_floor(NOON)) is None
        store.append([departed()])
    assert states.seal(minute_floor(NOON)) is not None


def test_appending_waits_for_a_seal_in_progress(store: EventStore, postgres: Database) -> None:
    from adapters.sealing import seal

    done: list[datetime] = []

    def append() -> None:
        store.append([departed(known_at=NOON - MINUTE)])
        done.append(known_at(postgres, "departed"))

    with postgres.transaction() as cursor:
        seal(cursor, minute_floor(NOON))
        thread = threading.Thread(target=append)
        thread.start()
        thread.join(0.3)
        assert thread.is_alive()
    thread.join(10)
    assert done == [NOON + timedelta(seconds=1)]


def test_the_watermark_of_a_seal_covers_every_committed_event(
    store: EventStore, states: FeatureStore
) -> None:
    """Numbers are given in another order than commits happen; the lock makes 'above the last seen' safe anyway."""
    failures: list[str] = []
    stop = threading.Event()

    def write(carrier: int) -> None:
        for i in range(40):
            store.append([departed(number=carrier * 1000 + i * 10 + j + 1) for j in range(10)])

    def watch() -> None:
        seen, tick = 0, minute_floor(NOON) - 100_000
        while not stop.is_set():
            tick += 5
            mark = states.seal(tick)
            with store._database.transaction() as cursor:
                cursor.execute("SELECT count(*) FROM flight_events WHERE event_id <= %s", [mark.flight_event])
                now = cursor.fetchone()[0]
                cursor.execute("SELECT pg_sleep(0.002)")
                cursor.execute("SELECT count(*) FROM flight_events WHERE event_id <= %s", [mark.flight_event])
                if cursor.fetchone()[0] != now or now < seen:
                    failures.append(f"an event appeared below the watermark of {tick}")
            seen = now

    writers = [threading.Thread(target=write, args=(n,)) for n in range(1, 4)]
    watcher = threading.Thread(target=watch)
    for thread in (*writers, watcher):
        thread.start()
    for thread in writers:
        thread.join()
    stop.set()
    watcher.join()
    assert failures == []
    assert store.count() == 1200


def test_racing_batches_of_the_same_events_store_each_once(store: EventStore) -> None:
    batch = [departed(number=n) for n in range(1, 200)]
    results: list[list[str]] = []
    threads = [
        threading.Thread(target=lambda b=b: results.append(statuses(store.append(b))))
        for b in (batch, batch[::-1]) * 2
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(r.count("accepted") for r in results) == 199
    assert sum(r.count("duplicate") for r in results) == 3 * 199


def test_facts_are_one_row_a_flight_with_what_was_known(store: EventStore) -> None:
    evening = NOON + timedelta(hours=6)
    store.append(
        [
            scheduled(2, departure=evening, dest="SJU"),
            scheduled(1),
            departed(1, delay=10),
            arrived(1, delay=-4, known_at=NOON + timedelta(hours=3, minutes=56, seconds=1)),
            cancelled(2, departure=evening),
            departed(99),
        ]
    )
    flights, _ = store.facts(EVER_AFTER, LONG_AGO)
    assert flights.flight_id.tolist() == [flight_id(1), flight_id(2)]
    assert flights.sched_dep.tolist() == [minute_floor(NOON), minute_floor(evening)]
    assert flights.sched_arr.tolist() == [minute_floor(NOON) + 240, minute_floor(evening) + 240]
    assert flights.scheduled_known.tolist() == [
        minute_floor(NOON - 30 * DAY),
        minute_floor(evening - 30 * DAY),
    ]
    assert flights.dep_known.tolist() == [minute_floor(NOON) + 10, NEVER]
    assert flights.dep_delay.tolist() == [10, 0]
    assert flights.arr_known.tolist() == [minute_floor(NOON) + 237, NEVER], "rounded up"
    assert flights.arr_delay.tolist() == [-4, 0]
    assert flights.air_time.tolist() == [200, -1]
    assert flights.cancelled_known.tolist() == [NEVER, minute_floor(evening) + 60]
    names = flights.network.airports.names
    assert [names[code] for code in flights.dest] == ["IAH", "SJU"]


def test_facts_forget_what_became_known_later(store: EventStore) -> None:
    store.append([scheduled(1), departed(1, delay=10), arrived(1), scheduled(2, known_at=NOON + DAY)])
    flights, _ = store.facts(NOON + 9 * MINUTE, LONG_AGO)
    assert flights.flight_id.tolist() == [flight_id(1)]
    assert flights.dep_known.tolist() == [NEVER]
    flights, _ = store.facts(NOON + 10 * MINUTE, LONG_AGO)
    assert flights.dep_known.tolist() == [minute_floor(NOON) + 10]
    assert flights.arr_known.tolist() == [NEVER]


def test_facts_keep_to_the_interval_of_schedules(store: EventStore) -> None:
    store.append([scheduled(n, departure=NOON + n * DAY) for n in (1, 2, 3)])
    flights, _ = store.facts(EVER_AFTER, NOON + 2 * DAY, NOON + 2 * DAY)
    assert flights.flight_id.tolist() == [flight_id(2, NOON + 2 * DAY)]


def test_weather_facts_are_sorted_by_when_they_became_known(store: EventStore) -> None:
    hour = timedelta(hours=1)
    store.append(
        weather_events=[
            observation("LGA", NOON, temp_f=50.0, precip_in=0.0),
            observation("EWR", NOON, wind_gust_mph=30.0),
            observation("JFK", NOON - hour),
        ]
    )
    _, weather = store.facts(NOON + hour, LONG_AGO)
    names = weather.network.airports.names
    assert [names[code] for code in weather.airport] == ["JFK", "EWR", "LGA"]
    assert weather.known.tolist() == [minute_floor(NOON) + m for m in (-8, 52, 52)]
    assert weather.observed.tolist() == [minute_floor(NOON) + m for m in (-60, 0, 0)]
    measured = vars(weather)["values"]
    assert measured.shape == (3, len(WEATHER_COLUMNS))
    assert measured[2, WEATHER_COLUMNS.index("temp_f")] == 50.0
    assert np.isnan(measured[0]).all()
    assert len(store.facts(NOON + 51 * MINUTE, LONG_AGO)[1]) == 1


def test_an_empty_store_has_empty_facts(store: EventStore) -> None:
    flights, weather = store.facts(EVER_AFTER, LONG_AGO)
    assert (len(flights), len(weather)) == (0, 0)
    assert vars(weather)["values"].shape == (0, len(WEATHER_COLUMNS))
    assert not store.has_events()
    assert store.append() == []


def test_a_frame_is_appended_by_the_same_rules(store: EventStore) -> None:
    events = [scheduled(), departed(delay=5), arrived(delay=2)]
    frame = pd.DataFrame([vars(event) for event in events])
    for name in ("event_time", "known_at", "scheduled_departure", "scheduled_arrival"):
        frame[name] = pd.to_datetime(frame[name], utc=True)
    weather = pd.DataFrame([{"airport": "EWR", "observed_at": NOON, "known_at": NOON, "source": "x"}])
    weather = weather.assign(**dict.fromkeys(WEATHER_COLUMNS, np.nan)).assign(temp_f=33.5)
    first = store.append_frame(frame, weather)
    assert (first.accepted, first.duplicates, first.conflicts) == (4, 0, 0)
    assert statuses(store.append(events)) == ["duplicate"] * 3
    frame.loc[1, "delay_minutes"] = 6
    again = store.append_frame(frame, weather)
    assert (again.accepted, again.duplicates, again.conflicts) == (1, 3, 0), "a correction, known from now on"
    assert again.differing == ((1, "revises another delay_minutes"),)
    frame.loc[1, "delay_minutes"] = 5
    again = store.append_frame(frame, weather)
    assert (again.accepted, again.duplicates) == (0, 4), "an old history again is no news"


def test_events_are_notified_on_their_channel(store: EventStore, postgres: Database) -> None:
    listener = postgres.listen("events")
    listener.wait(1)
    store.append([departed(), departed(2)])
    assert [n.payload for n in listener.wait(5)] == ["2"]
    store.append([departed()])
    assert listener.wait(0.1) == [], "a duplicate is no news"
    listener.close()


@pytest.mark.parametrize("table", ["flight_events", "weather_events", "labels"])
@pytest.mark.parametrize("change", ["UPDATE {} SET source = 'x'", "DELETE FROM {}"])
def test_the_log_is_append_only(store: EventStore, postgres: Database, table: str, change: str) -> None:
    store.append([arrived()], [observation()])
    with pytest.raises(Exception, match="append only"), postgres.transaction() as cursor:
        cursor.execute(change.format(table))


def test_a_value_that_is_nan_was_not_measured(store: EventStore) -> None:
    values = tuple(float("nan") for _ in WEATHER_COLUMNS)
    event = WeatherEvent("EWR", NOON, values, known_at=NOON)
    store.append(weather_events=[event])
    assert statuses(store.append(weather_events=[observation()])) == ["duplicate"]
