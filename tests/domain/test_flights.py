import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.clock import NEVER
from domain.flights import Vocabulary, flight_id
from tests.domain.worlds import NOON, Flight, Observation, drawn_flights, flight_facts, query, weather_facts


def test_a_flight_is_named_by_carrier_number_origin_and_local_date():
    assert flight_id("9E", 4, "JFK", "20130310") == "9E4-JFK-20130310"


def test_what_is_not_known_yet_leaves_no_trace():
    flight = Flight(departs=-60, gone=-30, there=200, arr_delay=40, air_time=180, cancelled=300)
    facts = flight_facts([flight]).known_by(NOON)
    assert facts.dep_delay.tolist() == [30]
    assert facts.arr_known.tolist() == [NEVER]
    assert facts.arr_delay.tolist() == [0]
    assert facts.air_time.tolist() == [-1]
    assert facts.cancelled_known.tolist() == [NEVER]


def test_a_flight_whose_schedule_is_not_known_does_not_exist():
    facts = flight_facts([Flight(scheduled_known=1), Flight(scheduled_known=0)])
    assert len(facts.known_by(NOON)) == 1


@settings(max_examples=40, deadline=None)
@given(drawn_flights, st.integers(-3000, 900), st.integers(-3000, 900))
def test_forgetting_twice_is_forgetting_back_to_the_earlier_moment(flights, one, other):
    facts = flight_facts(flights)
    twice = facts.known_by(NOON + one).known_by(NOON + other)
    once = facts.known_by(NOON + min(one, other))
    np.testing.assert_array_equal(twice.dep_known, once.dep_known)
    np.testing.assert_array_equal(twice.arr_delay, once.arr_delay)
    np.testing.assert_array_equal(twice.flight_id, once.flight_id)


def test_observations_are_forgotten_by_when_they_were_known():
    facts = flight_facts([])
    weather = weather_facts(
        [Observation("EWR", -60, -8, {"temp_f": 50.0}), Observation("EWR", 0, 52, {})], facts.network
    )
    assert weather.known_by(NOON).values[:, 0].tolist() == [50.0]


def test_rows_are_taken_from_every_column():
    taken = flight_facts([Flight(departs=1), Flight(departs=2, dest="SJU")]).take(slice(1, 2))
    assert (taken.network.airports.names[taken.dest[0]], len(taken.flight_id)) == ("SJU", 1)
    assert len(query().take(np.array([False]))) == 0


def test_codes_never_change_when_names_are_added():
    vocabulary = Vocabulary()
    first = vocabulary.encode(np.array(["B", "A", "B"]))
    second = vocabulary.encode(np.array(["C", "A", "B"]))
    assert [vocabulary.names[c] for c in first] == ["B", "A", "B"]
    assert [vocabulary.names[c] for c in second] == ["C", "A", "B"]
    assert first[1] == second[1]
