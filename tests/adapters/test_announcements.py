"""What a feed announces of flights: revised like every event, and beside the facts, which it does not touch."""

import numpy as np
import pytest

from adapters.event_store import EventStore
from adapters.snapshots import Snapshot
from domain.clock import NEVER, minute_floor
from domain.features import optional
from tests.builders import DAY, MINUTE, NOON, assigned, departed, estimated, flight_id, scheduled

pytestmark = pytest.mark.integration
LONG_AGO, EVER_AFTER = NOON - 60 * DAY, NOON + 60 * DAY
HOUR = 60 * MINUTE


@pytest.fixture
def store(postgres) -> EventStore:
    return EventStore(postgres)


@pytest.fixture
def switched_on(monkeypatch):
    monkeypatch.setattr(optional, "CHOSEN", tuple(optional.FAMILIES))


def statuses(outcomes) -> list[str]:
    return [outcome.status for outcome in outcomes]


def known(store, moment=EVER_AFTER):
    """Kind, aircraft and delay of what was announced by a moment, in the order in which it became known."""
    said = store.facts(moment, LONG_AGO)[0].announced
    order = np.lexsort((said.sequence, said.known))
    return [(str(said.kind[i]), str(said.tail[i]), int(said.delay[i])) for i in order]


@pytest.mark.usefixtures("switched_on")
def test_an_assignment_and_an_estimate_are_revised_and_what_was_known_before_stays(store):
    store.append([scheduled(), assigned(tail="N1"), estimated(delay=20)])
    swap = assigned(tail="N2", known_at=NOON - HOUR)
    later = estimated(delay=55, known_at=NOON - HOUR + MINUTE)
    assert statuses(store.append([swap, later, assigned(tail="N1")])) == ["accepted", "accepted", "duplicate"]
    before = [("aircraft_assigned", "N1", 0), ("departure_estimated", "", 20)]
    assert known(store, NOON - HOUR - MINUTE) == before
    assert known(store) == [*before, ("aircraft_assigned", "N2", 0), ("departure_estimated", "", 55)]
    assert {fact.tail for fact in store.history(flight_id(), NOON)} == {None, "N1", "N2"}


def test_one_that_claims_to_be_known_before_is_refused_and_names_what_differs(store):
    store.append([scheduled(), assigned(tail="N1")])
    [outcome] = store.append([assigned(tail="N2", known_at=NOON - 9 * HOUR)])
    assert outcome.status == "conflict"
    assert "stored with another tail" in outcome.reason


@pytest.mark.usefixtures("switched_on")
def test_it_leaves_the_rows_of_a_flight_as_they_were(store):
    store.append([scheduled(), departed(delay=9)])
    before, _ = store.facts(EVER_AFTER, LONG_AGO)
    store.append([assigned(tail="N1"), estimated(delay=20)])
    store.append([assigned(tail="N2", known_at=NOON - HOUR), estimated(delay=9, known_at=NOON - HOUR)])
    after, _ = store.facts(EVER_AFTER, LONG_AGO)
    assert len(after) == len(before) == 1
    assert after.superseded.tolist() == [NEVER]
    assert after.dep_known.tolist() == [minute_floor(NOON + 9 * MINUTE)]
    assert len(after.announced) == 4


def test_where_it_is_not_switched_on_it_is_stored_and_not_read(store, postgres):
    store.append([scheduled(), assigned(tail="N1")])
    assert store.count() == 2
    for reader in (store, Snapshot.now(postgres)):
        flights, _ = reader.facts(EVER_AFTER, LONG_AGO)
        assert (len(flights), len(flights.announced)) == (1, 0)


@pytest.mark.usefixtures("switched_on")
def test_it_is_read_of_the_flights_of_an_interval(store):
    store.append([scheduled(), assigned(tail="N1"), assigned(2, tail="N2")])
    tomorrow = NOON + DAY
    store.append([scheduled(3, tomorrow), assigned(3, tomorrow, tail="N3")])
    flights, _ = store.facts(EVER_AFTER, LONG_AGO, NOON)
    assert flights.announced.tail.tolist() == ["N1"]
