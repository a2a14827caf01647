import numpy as np
import pytest

from data.events import DatasetEvents
from data.facts import facts_of
from domain.clock import NEVER, minute_floor
from domain.features.grid import DAY_MINUTES
from domain.features.state import compute_block
from domain.features.vectors import vectors_for
from domain.flights import FlightFacts, Queries, WeatherFacts, flight_numbers

FIRST = np.datetime64("2013-02-01T00:00").astype("datetime64[m]").astype(np.int64).item()


@pytest.fixture(scope="module")
def facts(dataset_events: DatasetEvents) -> tuple[FlightFacts, WeatherFacts]:
    flights, weather = facts_of(dataset_events)
    return flights.take(flights.sched_dep < FIRST + 8 * DAY_MINUTES), weather


def test_facts_are_the_datasets_rows(dataset_events):
    flights, weather = facts_of(dataset_events)
    assert len(flights) == 336_776
    assert (flights.arr_known != NEVER).sum() == 327_346
    assert (flights.cancelled_known != NEVER).sum() == 8_255 + 1_175
    assert (np.diff(flights.sched_dep) >= 0).all()
    assert (np.diff(weather.known) >= 0).all()
    first = flights.take(slice(0, 1))
    assert first.flight_id.tolist() == ["UA1545-EWR-20130101"]
    assert first.dep_delay.tolist() == [2]
    assert first.sched_dep.tolist() == [minute_floor(dataset_events.flight_events["event_time"].min())]


def test_a_real_day_computed_at_once_equals_each_of_its_ticks_alone(facts):
    flights, weather = facts
    day = compute_block(flights, weather, FIRST, 288)
    for tick in range(0, 288, 24):
        moment = FIRST + 5 * tick
        alone = compute_block(flights.known_by(moment), weather.known_by(moment), moment, 1)
        for kind, table in alone.tables.items():
            whole = day.tables[kind]
            rows = [whole.index[name] for name in table.entities]
            assert (whole.values[tick, rows] + 0.0).tobytes() == (table.values[0] + 0.0).tobytes(), kind


def test_dropping_every_later_fact_moves_no_real_vector(facts):
    flights, weather = facts
    cut = FIRST + 3 * DAY_MINUTES + 20 * 60
    rows = np.flatnonzero((flights.sched_dep > cut - DAY_MINUTES) & (flights.sched_dep < cut + DAY_MINUTES))
    asked = _questions(flights, rows[::7])
    asked = asked.take(asked.as_of <= cut)
    everything = vectors_for(asked, flights, weather)
    as_known = vectors_for(asked, flights.known_by(cut), weather.known_by(cut))
    assert len(asked) > 100
    assert everything.tobytes() == as_known.tobytes()


def _questions(flights: FlightFacts, rows: np.ndarray) -> Queries:
    carriers, airports = (np.array(v.names) for v in (flights.network.carriers, flights.network.airports))
    return Queries(
        carrier=carriers[flights.carrier[rows]],
        number=flight_numbers(flights.flight_id[rows]),
        origin=airports[flights.origin[rows]],
        dest=airports[flights.dest[rows]],
        sched_dep=flights.sched_dep[rows],
        sched_arr=flights.sched_arr[rows],
        as_of=flights.sched_dep[rows] - 60,
    )
