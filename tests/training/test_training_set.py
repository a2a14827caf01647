from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta

import numpy as np
import pytest

from domain.clock import from_minute, minute_floor
from domain.features.catalogue import FEATURE_NAMES, POSITION
from domain.features.vectors import vectors_for
from domain.flights import FlightFacts, WeatherFacts
from tests.domain.histories import Said, facts_of_history, identity
from tests.domain.worlds import NOON, Flight, Observation, flight_facts, weather_facts
from training.table_versions import table_versions
from training.training_set import HEADLINE_LEAD, LEADS, TrainingSet, build, choose_leads

DAY = date(2013, 4, 10)
AS_OF = datetime(2013, 4, 11, 4, tzinfo=UTC)


class Store:
    """An event store that holds facts in memory."""

    def __init__(self, flights: FlightFacts, weather: WeatherFacts):
        self.flights, self.weather = flights, weather

    def facts(self, known_by: datetime, scheduled_from: datetime) -> tuple[FlightFacts, WeatherFacts]:
        moment = minute_floor(known_by)
        scheduled = self.flights.take(self.flights.sched_dep >= minute_floor(scheduled_from))
        return scheduled.known_by(moment), self.weather.known_by(moment)


def flight(departs: int, arr_delay: int = 0, **more) -> Flight:
    return Flight(
        departs=departs, gone=departs + 5, there=departs + 240 + arr_delay, arr_delay=arr_delay, **more
    )


@pytest.fixture
def store() -> Store:
    flights = [flight(10 * i, arr_delay=3 * i) for i in range(20)]
    flights += [Flight(departs=15, cancelled=75), Flight(departs=25, gone=30)]
    facts = flight_facts(flights)
    weather = weather_facts([Observation("EWR", 60 * h, 60 * h + 52, {"temp_f": 50.0 + h}) for h in range(-9, 4)],
                            facts.network)  # fmt: skip
    return Store(facts, weather)


def built(store: Store, as_of: datetime = AS_OF, **more) -> TrainingSet:
    return build(store, DAY, DAY, as_of, **more)


def test_every_flight_with_a_label_is_asked_about_at_the_headline_lead_and_another(store):
    training = built(store)
    assert len(training) == 20 * 2
    assert (training.lead == HEADLINE_LEAD).sum() == 20
    assert set(training.lead.tolist()) <= set(LEADS)
    assert len(set(zip(training.flight_id.tolist(), training.lead.tolist(), strict=True))) == len(training)


def test_labels_are_arrivals_of_fifteen_minutes_and_more(store):
    headline = built(store, leads=(HEADLINE_LEAD,))
    assert headline.y.tolist() == [3 * i >= 15 for i in range(20)]


def test_an_arrival_not_known_at_the_sets_own_moment_gives_no_row(store):
    # The tenth flight is scheduled 90 minutes after NOON and lands 27 minutes late.
    landed = NOON + 90 + 240 + 27
    at = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(minutes=landed)
    assert len(set(built(store, at).flight_id.tolist())) == 10
    assert len(set(built(store, at - timedelta(minutes=1)).flight_id.tolist())) == 9


def test_vectors_are_those_of_the_one_implementation(store):
    training = built(store)
    assert training.X.shape == (40, len(FEATURE_NAMES))
    again = vectors_for(training.queries, store.flights, store.weather)
    assert training.X.tobytes() == again.tobytes()
    np.testing.assert_array_equal(training.X[:, POSITION["lead_minutes"]], training.lead)


def test_days_are_local_and_both_ends_are_included(store):
    assert len(build(store, date(2013, 4, 9), DAY, AS_OF)) == 40
    assert len(build(store, DAY, date(2013, 4, 12), AS_OF)) == 40
    assert len(build(store, date(2013, 4, 11), date(2013, 4, 12), AS_OF)) == 0
    assert set(built(store).day.tolist()) == {20130410}


def test_the_same_facts_give_the_same_set_and_the_same_hash(store):
    one, other = built(store), built(store)
    assert one.data_hash == other.data_hash
    assert one.X.tobytes() == other.X.tobytes()


def test_the_hash_does_not_depend_on_the_order_of_names_or_ties(store):
    backwards = np.arange(len(store.flights))[::-1]
    order = backwards[np.argsort(store.flights.sched_dep[backwards], kind="stable")]
    assert built(Store(store.flights.take(order), store.weather)).data_hash == built(store).data_hash


@pytest.mark.parametrize("column", ["y", "X", "flight_id", "queries"])
def test_the_hash_sees_every_part(store, column):
    training = built(store)
    changed = {
        "y": ~training.y,
        "X": training.X + (np.arange(len(training)) == 7)[:, None],
        "flight_id": np.char.add(training.flight_id, "x"),
        "queries": replace(training.queries, as_of=training.queries.as_of + 1),
    }
    assert replace(training, **{column: changed[column]}).data_hash != training.data_hash


def test_leads_depend_on_the_flight_alone():
    ids = np.array([f"UA{i}-EWR-20130410" for i in range(3000)])
    chosen = choose_leads(ids, LEADS, 2)
    assert (chosen.sum(axis=1) == 3).all()
    assert chosen[:, LEADS.index(HEADLINE_LEAD)].all()
    np.testing.assert_array_equal(chosen[1000:1001], choose_leads(ids[1000:1001], LEADS, 2))
    others = np.delete(chosen, LEADS.index(HEADLINE_LEAD), axis=1).mean(axis=0)
    assert np.abs(others - 2 / 9).max() < 0.04


@pytest.mark.parametrize("leads", [(-1,), (1441,), tuple(range(17))])
def test_leads_that_nobody_can_be_asked_at_are_refused(store, leads):
    with pytest.raises(ValueError, match="leads"):
        built(store, leads=leads)


def test_taking_rows_takes_them_everywhere(store):
    training = built(store)
    headline = training.take(training.lead == HEADLINE_LEAD)
    assert len(headline) == len(headline.queries) == len(headline.X) == len(headline.carrier) == 20
    assert headline.data_hash != training.data_hash


def test_a_set_without_flights_is_empty_not_an_error(store):
    empty = build(store, date(2013, 1, 1), date(2013, 1, 2), AS_OF)
    assert empty.X.shape == (0, len(FEATURE_NAMES))
    assert len(empty.data_hash) == 64


@dataclass
class SomeLabels:
    flight_id: np.ndarray
    arr_delay_minutes: np.ndarray

    def known_by(self, moment: datetime, flown_from: date, flown_until: date) -> "SomeLabels":
        return self


def test_a_corrected_label_counts_before_the_arrival(store):
    names = store.flights.flight_id[:2]
    corrected = SomeLabels(names, np.array([90, -5]))
    training = built(store, leads=(HEADLINE_LEAD,), label_store=corrected)
    assert training.flight_id.tolist() == names.tolist()
    assert training.y.tolist() == [True, False]


@pytest.fixture
def retimed() -> Store:
    """Flight 1 leaves at 60, not 0, which is known at -30, and a correction says how late it came; flight 2 at 10."""
    events = [
        Said(1, "scheduled", -9000, departs=0), Said(1, "scheduled", -30, departs=60),
        Said(1, "departed", 70, delay=10), Said(1, "arrived", 190, delay=9), Said(1, "arrived", 300, delay=25),
        Said(2, "scheduled", -9000, departs=10), Said(2, "departed", 12, delay=2), Said(2, "arrived", 135, delay=5),
    ]  # fmt: skip
    facts = facts_of_history(events)
    return Store(facts, weather_facts([], facts.network))


def test_a_retimed_flight_is_asked_about_by_the_schedule_known_then(retimed: Store):
    rows = built(retimed, leads=(30, 60, 180), extra_leads=2)
    of_first = rows.take(rows.flight_id == identity(1))
    asked = dict(zip(of_first.lead.tolist(), (of_first.queries.sched_dep - NOON).tolist(), strict=True))
    # An hour before either departure its schedule was the one known: the newer one is asked about.
    assert asked == {30: 60, 60: 60, 180: 0}
    assert len(rows) == 6


def test_the_label_of_a_flight_that_was_revised_is_its_last_word(retimed: Store):
    headline = built(retimed, leads=(HEADLINE_LEAD,))
    late = dict(zip(headline.flight_id.tolist(), headline.y.tolist(), strict=True))
    assert late == {identity(1): True, identity(2): False}
    before = built(retimed, from_minute(NOON + 200), leads=(HEADLINE_LEAD,))
    assert not before.y.any()


def test_what_a_training_set_read_has_another_hash_with_another_revision(retimed: Store):
    read = table_versions(retimed.flights, retimed.weather, None)["flights"]
    moved = replace(retimed.flights, superseded=np.minimum(retimed.flights.superseded, NOON + 500))
    assert table_versions(moved, retimed.weather, None)["flights"].sha256 != read.sha256
