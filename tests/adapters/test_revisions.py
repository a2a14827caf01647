"""Facts that change: retimed, reinstated and corrected flights, corrected observations, two legs of one number."""

from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import datetime, timedelta

import numpy as np
import pytest

from adapters.event_store import EventStore, _Staged
from adapters.feature_store import FeatureStore
from adapters.label_store import LabelStore
from adapters.postgres import Database
from adapters.snapshots import Snapshot
from domain.clock import NEVER, minute_floor
from tests.builders import (
    DAY,
    MINUTE,
    NOON,
    arrived,
    cancelled,
    departed,
    flight_id,
    observation,
    reinstated,
    scheduled,
)  # fmt: skip

LONG_AGO = NOON - 60 * DAY
EVER_AFTER = NOON + 60 * DAY
HOUR = 60 * MINUTE


@pytest.fixture
def store(postgres: Database) -> EventStore:
    return EventStore(postgres)


def statuses(outcomes) -> list[str]:
    return [outcome.status for outcome in outcomes]


def latest(store: EventStore, moment: datetime = EVER_AFTER):
    return store.facts(moment, LONG_AGO)[0].latest()


def test_a_retimed_flight_keeps_its_identity_across_local_midnight(store: EventStore) -> None:
    announced, late = NOON - 2 * HOUR, NOON + 18 * HOUR
    retimed = scheduled(
        flight_id=flight_id(), known_at=announced, event_time=late,
        scheduled_departure=late, scheduled_arrival=late + 4 * HOUR,
    )  # fmt: skip
    store.append([scheduled()])
    assert statuses(store.append([retimed])) == ["accepted"]
    assert statuses(store.append([retimed, scheduled()])) == ["duplicate", "duplicate"]
    assert latest(store, announced - MINUTE).sched_dep.tolist() == [minute_floor(NOON)]
    assert latest(store, announced).sched_dep.tolist() == [minute_floor(late)]
    rows, _ = store.facts(EVER_AFTER, LONG_AGO)
    assert rows.flight_id.tolist() == [flight_id()] * 2
    assert rows.superseded.tolist() == [minute_floor(announced), NEVER]
    assert rows.scheduled_known.tolist() == [minute_floor(NOON - 30 * DAY), minute_floor(announced)]


def test_a_flight_retimed_out_of_an_interval_leaves_it_and_its_past_stays(store: EventStore) -> None:
    later = NOON + 10 * DAY
    store.append([scheduled()])
    store.append([scheduled(known_at=NOON - DAY, event_time=later, flight_id=flight_id(),
                            scheduled_departure=later, scheduled_arrival=later + HOUR)])  # fmt: skip
    rows, _ = store.facts(EVER_AFTER, NOON - DAY, NOON + DAY)
    assert (len(rows), len(rows.latest())) == (1, 0)


def test_a_cancellation_is_taken_back_and_made_again(store: EventStore) -> None:
    moments = [NOON - n * HOUR for n in (5, 3, 1)]
    store.append([scheduled(), cancelled(event_time=moments[0], known_at=moments[0])])
    outcomes = store.append(
        [
            reinstated(event_time=moments[1], known_at=moments[1]),
            cancelled(event_time=moments[2], known_at=moments[2]),
        ]
    )
    assert statuses(outcomes) == ["accepted", "accepted"]
    known = [latest(store, moment).cancelled_known.tolist()[0] for moment in moments]
    assert known == [minute_floor(moments[0]), NEVER, minute_floor(moments[2])]


def test_a_corrected_departure_is_no_new_departure(store: EventStore) -> None:
    store.append([scheduled(), departed(delay=7)])
    assert statuses(store.append([departed(delay=12, known_at=NOON + 3 * HOUR)])) == ["accepted"]
    assert latest(store, NOON + HOUR).dep_delay.tolist() == [7]
    assert latest(store).dep_delay.tolist() == [12]
    assert latest(store).dep_known.tolist() == [minute_floor(NOON) + 7]


def test_the_label_follows_a_corrected_arrival(store: EventStore, postgres: Database) -> None:
    labels = LabelStore(postgres)
    store.append([scheduled(), arrived(delay=20)])
    first, corrected = NOON + 5 * HOUR, NOON + 8 * HOUR
    assert statuses(store.append([arrived(delay=9, known_at=corrected)])) == ["accepted"]
    assert latest(store).arr_delay.tolist() == [9]
    label = labels.current(flight_id())
    assert label is not None
    assert (label.arr_delay_minutes, label.is_late, label.corrected, label.known_at) == (
        9,
        False,
        True,
        corrected,
    )
    day = NOON.date()
    assert labels.known_by(first, day, day).arr_delay_minutes.tolist() == [20]
    assert labels.known_by(corrected, day, day).arr_delay_minutes.tolist() == [9]


def test_an_arrival_does_not_overrule_a_label_corrected_later(store: EventStore, postgres: Database) -> None:
    labels = LabelStore(postgres)
    store.append([arrived(delay=20)])
    labels.append(flight_id(), 30, NOON + 2 * DAY, "api", correct=True)
    refused = store.append([arrived(delay=9, known_at=NOON + DAY)])[0]
    assert refused.status == "conflict"
    assert "the label says another arrival delay" in (refused.reason or "")
    assert statuses(store.append([arrived(delay=9, known_at=NOON + 3 * DAY)])) == ["accepted"]
    label = labels.current(flight_id())
    assert label is not None
    assert label.arr_delay_minutes == 9


def test_of_contradicting_arrivals_in_a_batch_none_is_called_stored_that_is_not(
    store: EventStore, postgres: Database
) -> None:
    LabelStore(postgres).append(flight_id(), 20, NOON, "api")
    assert statuses(store.append([arrived(delay=15), arrived(delay=20)])) == ["conflict", "conflict"]
    assert store.count() == 0


def test_an_observation_is_corrected(store: EventStore) -> None:
    wrong, right = observation(temp_f=4.0), observation(temp_f=40.0)
    store.append(weather_events=[wrong])
    right = type(right)(right.airport, right.observed_at, right.values, known_at=NOON + 2 * HOUR)
    assert statuses(store.append(weather_events=[right])) == ["accepted"]
    assert statuses(store.append(weather_events=[right, wrong])) == ["duplicate", "duplicate"]
    for moment, values in ((NOON + HOUR, [4.0]), (NOON + 2 * HOUR, [4.0, 40.0])):
        assert store.facts(moment, LONG_AGO)[1].values[:, 0].tolist() == values


def test_two_flights_of_one_number_on_one_day_are_two_flights(store: EventStore) -> None:
    evening = NOON + 8 * HOUR
    second = "UA1-EWR-2-20130411"
    outcomes = store.append(
        [
            scheduled(),
            scheduled(departure=evening, flight_id=second),
            departed(delay=3),
            departed(departure=evening, delay=40, flight_id=second),
        ]
    )
    assert statuses(outcomes) == ["accepted"] * 4
    flights = latest(store)
    assert flights.flight_id.tolist() == [flight_id(), second]
    assert flights.dep_delay.tolist() == [3, 40]


def test_what_was_said_before_may_be_said_again_later(store: EventStore) -> None:
    """Seven minutes, no, nine, no, seven: the last is news; the first, sent again, is not."""
    store.append([departed(delay=7), departed(delay=9, event_time=NOON, known_at=NOON + HOUR)])
    assert statuses(store.append([departed(delay=7)])) == ["duplicate"]
    assert statuses(store.append([departed(delay=7, known_at=NOON + 2 * HOUR)])) == ["accepted"]


def test_a_revision_becomes_known_after_every_tick_that_could_have_used_it(
    store: EventStore, postgres: Database
) -> None:
    states = FeatureStore(postgres)
    store.append([scheduled(), departed(delay=7)])
    states.seal(minute_floor(NOON + HOUR))
    assert statuses(store.append([departed(delay=9, known_at=NOON + 30 * MINUTE)])) == ["accepted"]
    assert latest(store, NOON + HOUR).dep_delay.tolist() == [7]
    assert latest(store, NOON + HOUR + MINUTE).dep_delay.tolist() == [9]
    # By its own word it was known before; that its tick was sealed does not turn the order round.
    older = store.append([departed(delay=8, known_at=NOON + 20 * MINUTE)])[0]
    assert older.status == "conflict"
    assert "known since 2013-04-11T12:30:00Z" in (older.reason or "")


def test_a_schedule_moved_far_ahead_counts_after_the_ticks_that_used_the_earlier_one(
    store: EventStore, postgres: Database
) -> None:
    store.append([scheduled()])
    FeatureStore(postgres).seal(minute_floor(NOON))
    early = NOON - 100 * DAY
    store.append([scheduled(flight_id=flight_id(), event_time=early, known_at=NOON - HOUR,
                            scheduled_departure=early, scheduled_arrival=early + HOUR)])  # fmt: skip
    assert latest(store, NOON).sched_dep.tolist() == [minute_floor(NOON)]


def test_a_snapshot_sees_no_later_revision(store: EventStore, postgres: Database) -> None:
    store.append([scheduled(), departed(delay=7)])
    snapshot = Snapshot.now(postgres)
    before = snapshot.facts(EVER_AFTER, LONG_AGO)[0]
    store.append([departed(delay=9, known_at=NOON + HOUR)])
    again = snapshot.facts(EVER_AFTER, LONG_AGO)[0]
    assert len(again) == 1
    assert again.dep_delay.tolist() == before.dep_delay.tolist() == [7]


def overtaken_by(monkeypatch: pytest.MonkeyPatch, overtake: Callable[[], object]) -> None:
    """Let somebody else append once, after the next batch was compared and before it is stored."""
    store_revisions = _Staged._store_revisions
    others = [overtake]

    def overtaken(*args, **kwargs):
        if others:
            others.pop()()
        return store_revisions(*args, **kwargs)

    monkeypatch.setattr(_Staged, "_store_revisions", overtaken)


@pytest.mark.parametrize(
    ("said", "outcome", "kept"),
    [(9, "duplicate", [7, 9]), (12, "conflict", [7, 12])],
    ids=["same", "other"],
)
def test_a_revision_overtaken_by_another_is_compared_with_that_one(
    store: EventStore, monkeypatch: pytest.MonkeyPatch, said: int, outcome: str, kept: list[int]
) -> None:
    store.append([departed(delay=7), departed(2, delay=7)])
    overtaken_by(monkeypatch, lambda: store.append([departed(delay=said, known_at=NOON + HOUR)]))
    batch = [departed(n, delay=9, known_at=NOON + HOUR) for n in (1, 2)]
    assert statuses(store.append(batch)) == [outcome, "accepted"]
    assert [fact.delay_minutes for fact in store.history(flight_id(1), EVER_AFTER)] == kept


def test_a_later_word_stands_although_it_was_overtaken(
    store: EventStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    store.append([departed(delay=7)])
    overtaken_by(monkeypatch, lambda: store.append([departed(delay=12, known_at=NOON + HOUR)]))
    assert statuses(store.append([departed(delay=9, known_at=NOON + 2 * HOUR)])) == ["accepted"]
    assert [fact.delay_minutes for fact in store.history(flight_id(1), EVER_AFTER)] == [7, 12, 9]


def test_an_arrival_overtaken_leaves_one_label(
    store: EventStore, postgres: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    corrected = arrived(delay=9, known_at=NOON + 8 * HOUR)
    store.append([scheduled(), arrived(delay=20)])
    overtaken_by(monkeypatch, lambda: store.append([corrected]))
    assert statuses(store.append([corrected])) == ["duplicate"]
    day = NOON.date()
    assert LabelStore(postgres).known_by(EVER_AFTER, day, day).arr_delay_minutes.tolist() == [9]
    assert store.count() == 3


def test_an_observation_overtaken_is_stored_once(store: EventStore, monkeypatch: pytest.MonkeyPatch) -> None:
    wrong = observation(temp_f=4.0)
    right = replace(observation(temp_f=40.0), known_at=NOON + 2 * HOUR)
    store.append(weather_events=[wrong])
    overtaken_by(monkeypatch, lambda: store.append(weather_events=[right]))
    assert statuses(store.append(weather_events=[right])) == ["duplicate"]
    assert store.facts(EVER_AFTER, LONG_AGO)[1].values[:, 0].tolist() == [4.0, 40.0]


def test_racing_revisions_store_each_once(store: EventStore) -> None:
    store.append([departed(number=n) for n in range(1, 60)])
    batch = [departed(number=n, delay=9, known_at=NOON + HOUR) for n in range(1, 60)]
    with ThreadPoolExecutor() as pool:
        outcomes = list(pool.map(store.append, (batch, batch[::-1]) * 2))
    counts = Counter(status for each in outcomes for status in statuses(each))
    assert counts == {"accepted": 59, "duplicate": 3 * 59}
    assert store.count() == 2 * 59


def test_until_the_upgrade_is_finished_a_revision_is_refused_not_lost(
    store: EventStore, postgres: Database
) -> None:
    with postgres.transaction() as cursor:
        cursor.execute("ALTER TABLE flight_events ADD UNIQUE (flight_id, kind)")
    store.append([departed(delay=7)])
    refused = store.append([departed(delay=9, known_at=NOON + HOUR)])
    assert statuses(refused) == ["conflict"]
    assert np.array_equal(store.count(), 1)


def test_many_flights_revised_at_once_are_kept_apart(store: EventStore) -> None:
    """Rows of one flight do not leak into those of the next, in whatever order the events are stored."""
    hours = [NOON + timedelta(hours=n) for n in range(6)]
    events = []
    for n, departure in enumerate(hours, 1):
        events += [
            departed(n, departure, delay=n),
            scheduled(n, departure),
            departed(n, departure, delay=10 * n, known_at=departure + 2 * HOUR),
            cancelled(n, departure, known_at=departure - 2 * HOUR)
            if n % 2
            else arrived(n, departure, delay=n),
        ]
    store.append(events[::-1])
    flights = latest(store)
    assert flights.dep_delay.tolist() == [10, 20, 30, 40, 50, 60]
    assert flights.arr_delay.tolist() == [0, 2, 0, 4, 0, 6]
    assert (flights.cancelled_known != NEVER).tolist() == [True, False] * 3


def test_upcoming_flights_are_those_of_the_newest_schedule_and_status_known(store: EventStore) -> None:
    hours = {n: NOON + n * HOUR for n in (1, 2, 3, 6)}
    retimed = {
        "event_time": hours[6], "scheduled_departure": hours[6], "scheduled_arrival": hours[6] + HOUR,
        "known_at": NOON - HOUR,
    }  # fmt: skip
    store.append([scheduled(1, hours[1]), scheduled(2, hours[2]), scheduled(3, hours[3])])
    store.append([scheduled(1, hours[1], **retimed)])
    for number, maker, minutes in ((2, cancelled, 90), (2, reinstated, 30), (3, cancelled, 30)):
        moment = NOON - minutes * MINUTE
        store.append([maker(number, hours[number], event_time=moment, known_at=moment)])
    found = {
        minutes: {
            f.flight_id: f.scheduled_departure
            for f in store.upcoming(NOON - minutes * MINUTE, NOON, NOON + DAY)
        }
        for minutes in (100, 45, 0)
    }
    one, two, three = (flight_id(n) for n in (1, 2, 3))
    assert found == {
        100: {one: hours[1], two: hours[2], three: hours[3]},
        45: {one: hours[6], three: hours[3]},
        0: {one: hours[6], two: hours[2]},
    }
