from datetime import UTC, date, datetime

import pytest

from adapters.service_store import ServiceCount, ServiceDay, ServiceStore

DAY = date(2013, 4, 3)
NOON = datetime(2013, 4, 3, 16, 0, tzinfo=UTC)
LATER = datetime(2013, 4, 3, 16, 1, tzinfo=UTC)


@pytest.fixture
def store(postgres):
    return ServiceStore(postgres)


def test_a_day_is_summed_over_workers_and_batches_minute_by_minute(store):
    store.save("one", 0, [ServiceCount(NOON, DAY, "answered", 40), ServiceCount(NOON, DAY, "failed", 2)])
    store.save("one", 1, [ServiceCount(NOON, DAY, "shed", 3), ServiceCount(LATER, DAY, "answered", 5)])
    store.save("two", 0, [ServiceCount(NOON, DAY, "refused", 7)])
    assert store.day(DAY) == ServiceDay(answered=45, refused=7, shed=3, failed=2, minutes=2, most_a_minute=52)
    assert store.day(DAY).requests == 57


def test_a_batch_that_is_sent_again_counts_once(store):
    batch = [ServiceCount(NOON, DAY, "predicted", 4), ServiceCount(NOON, DAY, "answered", 1)]
    store.save("one", 0, batch)
    store.save("one", 0, batch)
    assert (store.acknowledged(DAY), store.day(DAY).requests) == (4, 1)


def test_predictions_are_of_their_flights_day_and_are_no_requests(store):
    store.save("one", 0, [ServiceCount(NOON, date(2013, 4, 4), "predicted", 9)])
    assert store.acknowledged(date(2013, 4, 4)) == 9
    assert store.acknowledged(DAY) is None
    assert store.day(date(2013, 4, 4)) == ServiceDay(0, 0, 0, 0, 0, 0)


def test_old_counts_go_and_newer_ones_stay(store):
    for day in (2, 3):
        store.save(str(day), 0, [ServiceCount(NOON, date(2013, 4, day), "answered", 1)])
    assert store.forget(DAY) == 1
    assert [store.day(date(2013, 4, day)).requests for day in (2, 3)] == [0, 1]
