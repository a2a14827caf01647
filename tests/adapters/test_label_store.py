import threading
import time
from datetime import date, datetime

import pytest

from adapters.clock_store import ClockStore
from adapters.label_store import LabelStore, NewLabel
from adapters.postgres import Database
from domain.errors import InvalidInput
from tests.builders import DAY, MINUTE, NOON, flight_id

FLIGHT = flight_id()
THAT_DAY = date(2013, 4, 11)


@pytest.fixture
def store(postgres: Database) -> LabelStore:
    return LabelStore(postgres)


def test_the_same_label_again_is_a_duplicate_and_another_a_conflict(store: LabelStore) -> None:
    assert store.append(FLIGHT, 14, NOON, "api").status == "accepted"
    assert store.append(FLIGHT, 14, NOON + DAY, "api").status == "duplicate"
    outcome = store.append(FLIGHT, 15, NOON, "api")
    assert outcome.status == "conflict"
    assert "says 14 minutes" in outcome.reason
    assert store.current(FLIGHT).arr_delay_minutes == 14


@pytest.mark.parametrize(("delay", "late"), [(14, False), (15, True), (-30, False)])
def test_late_begins_at_fifteen_minutes(store: LabelStore, delay: int, late: bool) -> None:
    store.append(FLIGHT, delay, NOON, "api")
    assert store.current(FLIGHT).is_late is late


def test_a_correction_is_a_new_row_and_the_newest_word(store: LabelStore, postgres: Database) -> None:
    store.append(FLIGHT, 14, NOON, "api")
    assert store.append(FLIGHT, 20, NOON + DAY, "api", correct=True).status == "accepted"
    assert store.append(FLIGHT, 20, NOON + DAY, "api", correct=True).status == "duplicate"
    assert store.append(FLIGHT, 10, NOON + 2 * DAY, "api", correct=True).status == "accepted"
    label = store.current(FLIGHT)
    assert (label.arr_delay_minutes, label.is_late, label.corrected) == (10, False, True)
    assert store.count() == 1
    with postgres.transaction() as cursor:
        cursor.execute("SELECT arr_delay_minutes FROM labels ORDER BY label_id")
        assert [n for (n,) in cursor.fetchall()] == [14, 20, 10]


def test_a_correction_of_nothing_is_a_conflict(store: LabelStore) -> None:
    assert store.append(FLIGHT, 14, NOON, "api", correct=True).status == "conflict"
    assert store.current(FLIGHT) is None


def test_the_word_at_a_moment_ignores_later_corrections(store: LabelStore) -> None:
    store.append(FLIGHT, 14, NOON, "api")
    store.append(FLIGHT, 20, NOON + DAY, "api", correct=True)
    store.append(flight_id(2, NOON + DAY), 3, NOON, "api")

    def word(moment: datetime) -> list[int]:
        return store.known_by(moment, THAT_DAY, THAT_DAY).arr_delay_minutes.tolist()

    assert word(NOON - DAY) == []
    assert word(NOON) == [14]
    assert word(NOON + DAY) == [20]
    columns = store.known_by(NOON + DAY, THAT_DAY, date(2013, 4, 12))
    assert columns.flight_id.tolist() == [FLIGHT, flight_id(2, NOON + DAY)]
    assert columns.is_late.tolist() == [True, False]


def test_a_correction_counts_from_no_earlier_than_what_it_corrects(store: LabelStore) -> None:
    store.append(FLIGHT, 14, NOON, "api")
    store.append(FLIGHT, 20, NOON + 600 * MINUTE, "api", correct=True)
    assert store.append(FLIGHT, 10, NOON + 300 * MINUTE, "api", correct=True).status == "accepted"
    for hours, word in ((6, 14), (10, 10)):
        moment = NOON + hours * 60 * MINUTE
        assert store.known_by(moment, THAT_DAY, THAT_DAY).arr_delay_minutes.tolist() == [word]
        assert store.count_new(NOON - DAY, moment, THAT_DAY, THAT_DAY) == 1


def test_flights_with_a_new_label_at_a_moment_are_counted_once_each(store: LabelStore) -> None:
    store.append(FLIGHT, 14, NOON, "api")
    store.append(FLIGHT, 20, NOON + DAY, "api", correct=True)
    store.append(flight_id(2, NOON + DAY), 3, NOON + DAY, "api")

    def counted(moment: datetime, last: date = date(2013, 4, 12)) -> int:
        return store.count_new(NOON - DAY, moment, THAT_DAY, last)

    assert [counted(NOON - DAY), counted(NOON), counted(NOON + DAY)] == [0, 1, 2]
    assert store.count_new(NOON + DAY, NOON + 2 * DAY, THAT_DAY, date(2013, 4, 12)) == 0
    assert counted(NOON + DAY, THAT_DAY) == 1
    assert counted(NOON + DAY, THAT_DAY - DAY) == 0


def test_a_label_without_known_at_is_known_from_the_clock_s_now(
    store: LabelStore, postgres: Database
) -> None:
    ClockStore(postgres).set_simulated(NOON)
    store.append(FLIGHT, 14, None, "api")
    assert store.current(FLIGHT).known_at == NOON


def test_racing_labels_agree_on_one(store: LabelStore) -> None:
    results: list[str] = []

    def post(delay: int) -> None:
        labels = [NewLabel(flight_id(n), delay, NOON) for n in range(1, 30)]
        results.extend(o.status for o in store.append_many(labels if delay % 2 else labels[::-1]))

    threads = [threading.Thread(target=post, args=(delay,)) for delay in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert results.count("accepted") == 29
    assert results.count("conflict") == 3 * 29


def test_racing_corrections_follow_one_another(store: LabelStore) -> None:
    store.append(FLIGHT, 0, NOON, "api")
    results: list[str] = []
    threads = [
        threading.Thread(
            target=lambda d=d: results.append(store.append(FLIGHT, d, NOON, "api", correct=True).status)
        )
        for d in range(1, 7)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert results == ["accepted"] * 6
    assert store.count() == 1


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"flight_id": "UA1"}, "flight_id"),
        ({"arr_delay_minutes": 99_999}, "arr_delay_minutes"),
        ({"known_at": NOON.replace(tzinfo=None)}, "known_at"),
    ],
)
def test_a_label_that_does_not_fit_names_its_field(changes: dict[str, object], field: str) -> None:
    with pytest.raises(InvalidInput) as refusal:
        NewLabel(**({"flight_id": FLIGHT, "arr_delay_minutes": 1} | changes))
    assert refusal.value.field == field


def test_a_batch_of_labels_and_arrivals_in_another_order_do_not_wait_for_each_other(
    store: LabelStore, postgres: Database
) -> None:
    """The arrivals append their labels in key order, and take no lock of labels."""
    first, second = flight_id(1), flight_id(2)
    outcomes: list[str] = []

    def append() -> None:
        batch = [NewLabel(second, 5, NOON), NewLabel(first, 5, NOON)]
        outcomes.extend(outcome.status for outcome in store.append_many(batch))

    arrivals = (
        "INSERT INTO labels (flight_id, arr_delay_minutes, known_at, source) VALUES (%s, 5, %s, 'arrival')"
    )
    with postgres.transaction() as cursor:
        cursor.execute(arrivals, [first, NOON])
        thread = threading.Thread(target=append)
        thread.start()
        wait_for_a_blocked_session(postgres)
        cursor.execute(arrivals, [second, NOON])
    thread.join(20)
    assert outcomes == ["duplicate", "duplicate"]


def wait_for_a_blocked_session(database: Database) -> None:
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        with database.transaction() as cursor:
            cursor.execute("SELECT 1 FROM pg_stat_activity WHERE cardinality(pg_blocking_pids(pid)) > 0")
            if cursor.fetchone():
                return
        time.sleep(0.02)
    raise AssertionError("nobody waits")


def test_outcomes_are_in_the_order_of_the_labels(store: LabelStore) -> None:
    store.append(flight_id(2), 5, NOON, "api")
    batch = [
        NewLabel(flight_id(3), 1),
        NewLabel(flight_id(2), 9),
        NewLabel(flight_id(1), 1),
        NewLabel(flight_id(1), 1),
    ]
    assert [o.status for o in store.append_many(batch)] == ["accepted", "conflict", "accepted", "duplicate"]
