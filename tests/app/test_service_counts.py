"""What the API answered, as it stores it; over a real PostgreSQL that goes away."""

import time
from dataclasses import replace
from datetime import UTC, date, datetime

import pytest

from adapters.clock_store import ClockStore
from adapters.postgres import Database
from adapters.service_store import ServiceStore
from app import service_counts
from app.feature_cache import FeatureCache
from app.service_counts import ServiceCounter
from domain.errors import NotReady
from tests.app import worlds
from tests.app.worlds import NOON, refresh_at
from tests.session import free_port

pytestmark = pytest.mark.integration
DAY = date(2013, 4, 11)


def test_requests_and_predictions_are_stored_by_kind_and_day(own_api):
    one = own_api.predict()
    assert one.status_code == 200
    flights = [{**FLIGHT_LATE, "flight": n} for n in (1, 2)] + [{"carrier": "UA"}]
    assert own_api.post("/v1/predictions", {"flights": flights}, "predict").status_code == 207
    assert own_api.predict(origin="nowhere").status_code == 422
    assert own_api.get("/v1/monitoring/runs").status_code == 401
    assert own_api.get("/health/live").status_code == 200
    own_api.parts.counts.flush()
    store = ServiceStore(own_api.database)
    day = store.day(DAY)
    assert (day.answered, day.refused, day.shed, day.failed) == (2, 2, 0, 0)
    assert store.acknowledged(DAY) == len(own_api.spooled()) == 3


def test_counts_are_stored_when_nothing_was_counted_for_a_while_or_they_have_waited(postgres, monkeypatch):
    refresh_at(postgres, NOON)
    store, cache = ServiceStore(postgres), FeatureCache(postgres)
    cache.refresh()
    counter = ServiceCounter(store, cache.last_known, cache.now)

    def counted() -> int:
        counter.settle()
        return store.day(DAY).requests

    for _ in range(3):
        counter.request("/v1/predictions", "POST", 200, 0.001)
        assert counted() == 0
    assert counted() == 3
    monkeypatch.setattr(service_counts, "LONGEST_WAIT_SECONDS", 0.0)
    counter.request("/v1/predictions", "POST", 200, 0.001)
    assert counted() == 4


def test_a_day_begins_where_midnight_at_home_is_half_past(postgres, stack_settings, monkeypatch):
    monkeypatch.setattr(service_counts, "settings", lambda: replace(stack_settings, home_airport="CCU"))
    store, clock = ServiceStore(postgres), ClockStore(postgres)
    counter = ServiceCounter(store, clock.read, clock.read)
    for minute in (29, 30):
        clock.set_simulated(datetime(2013, 4, 11, 18, minute, tzinfo=UTC))
        counter.request("/v1/predictions", "POST", 200, 0.001)
    counter.flush()
    assert [store.day(day).requests for day in (DAY, date(2013, 4, 12))] == [1, 1]


def test_a_request_before_there_is_a_state_is_shed_and_acknowledges_nothing(postgres, own_settings):
    ClockStore(postgres).set_simulated(NOON)
    with worlds.serving(postgres, own_settings) as api:
        worlds.look(api)
        assert api.predict().status_code == 503
        api.parts.counts.flush()
    store = ServiceStore(postgres)
    assert (store.day(DAY).shed, store.acknowledged(DAY)) == (1, None)


def test_while_postgres_is_away_counting_costs_nothing_and_loses_nothing(postgres, monkeypatch):
    refresh_at(postgres, NOON)
    nowhere = Database(replace(postgres.parameters, port=free_port()))
    away, cache = ServiceStore(nowhere), FeatureCache(nowhere)
    known = FeatureCache(postgres)
    known.refresh()
    counter = ServiceCounter(away, cache.last_known, known.now)
    asked = []
    with monkeypatch.context() as watched:
        watched.setattr(nowhere, "session", lambda: asked.append(1))
        watched.setattr(nowhere, "transaction", lambda: asked.append(1))
        started = time.monotonic()
        for _ in range(1000):
            counter.request("/v1/predictions", "POST", 200, 0.001)
        assert time.monotonic() - started < 0.5
    assert asked == []
    for _ in range(2):
        with pytest.raises(NotReady):
            counter.flush()
        counter.request("/v1/predictions", "POST", 500, 0.001)
    counter._store = ServiceStore(postgres)
    counter.close()
    day = ServiceStore(postgres).day(DAY)
    assert (day.answered, day.failed) == (1000, 2)


FLIGHT_LATE = {
    "carrier": "UA",
    "origin": "EWR",
    "dest": "IAH",
    "scheduled_departure": "2013-04-11T14:00:00Z",
    "scheduled_arrival": "2013-04-11T18:05:00Z",
}
