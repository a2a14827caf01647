"""What holds of every family whatever the flights and the weather: parity, point in time, and its own law."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.features.catalogue import FEATURES, POSITION
from domain.features.columns import DELAY_CEILING, DELAY_FLOOR
from domain.features.state import FAMILIES, KINDS, StateBlock, columns_of, compute_block
from domain.features.vectors import assemble
from tests.domain.worlds import (
    NOON,
    Flight,
    drawn_flights,
    drawn_observations,
    flight_facts,
    query,
    state_of,
    weather_facts,
)  # fmt: skip

each_family = pytest.mark.parametrize("family", [family.FAMILY for family in FAMILIES])
drawn = settings(max_examples=30, deadline=None)


def columns(block: StateBlock, family: str, tick: int = 0) -> dict[tuple[str, str, str], np.ndarray]:
    """The family's values at a tick, by kind, entity and column; what nobody is known of is left out."""
    found = {}
    for kind in KINDS:
        table = block.tables[kind]
        for i, (of, column) in enumerate(columns_of(kind)):
            if of == family:
                for j, entity in enumerate(table.entities):
                    found[kind, entity, column.name] = table.values[tick, j, i]
    return found


@each_family
@drawn
@given(flights=drawn_flights, observations=drawn_observations)
def test_a_run_of_ticks_and_a_tick_alone_give_the_same_bits(family, flights, observations):
    """The way of training and the way of serving, family by family."""
    facts = flight_facts(flights)
    weather = weather_facts(observations, facts.network)
    run = columns(compute_block(facts, weather, NOON - 10, 4), family, tick=2)
    alone = columns(compute_block(facts, weather, NOON, 1), family)
    for key, bits in alone.items():
        assert np.float64(bits).view(np.int64) == np.float64(run[key]).view(np.int64), key


@each_family
@drawn
@given(flights=drawn_flights, observations=drawn_observations)
def test_what_becomes_known_later_changes_no_bit(family, flights, observations):
    facts = flight_facts(flights)
    weather = weather_facts(observations, facts.network)
    everything = columns(compute_block(facts, weather, NOON, 1), family)
    known = columns(compute_block(facts.known_by(NOON), weather.known_by(NOON), NOON, 1), family)
    for key, bits in known.items():
        assert np.float64(bits).view(np.int64) == np.float64(everything[key]).view(np.int64), key


@each_family
@drawn
@given(flights=drawn_flights, observations=drawn_observations)
def test_units_hold(family, flights, observations):
    """Shares of flights are shares, counts are counts, and one absurd delay moves no mean beyond the ceiling."""
    facts = flight_facts(flights)
    block = compute_block(facts, weather_facts(observations, facts.network), NOON, 1)
    units = {(kind, c.name): c.unit for kind in KINDS for of, c in columns_of(kind) if of == family}
    for (kind, _, column), value in columns(block, family).items():
        assert np.isnan(value) or np.isfinite(value)
        if units[kind, column] == "flights":
            assert value >= 0
            assert value == int(value)
        elif "late_share" in column and not np.isnan(value):
            assert 0 <= value <= 1
        elif "delay" in column and not np.isnan(value):
            assert DELAY_FLOOR <= value <= DELAY_CEILING


@drawn
@given(flights=drawn_flights)
def test_the_queue_of_an_airport_is_that_of_its_carriers(flights):
    block = state_of(flights)
    for column in ("queue", "coming_1h"):
        sums = {
            kind: table.values[0, :, table.columns.index(column)].sum()
            for kind, table in ((k, block.tables[k]) for k in ("origin", "origin_carrier"))
        }
        assert sums["origin"] == sums["origin_carrier"]


@drawn
@given(flights=drawn_flights)
def test_arrivals_are_shared_out_alike_by_carrier_destination_and_route(flights):
    block = state_of(flights)
    totals = {
        kind: block.tables[kind].values[0, :, block.tables[kind].columns.index("arrivals_6h")].sum()
        for kind in ("carrier", "dest", "route")
    }
    assert len(set(totals.values())) == 1


@drawn
@given(st.integers(60, 700))
def test_padding_moves_one_to_one_with_the_block(block_minutes):
    landed = [
        Flight(departs=-2000 - 30 * i, gone=-2000 - 30 * i, there=-1760 - 30 * i, arr_delay=0)
        for i in range(5)
    ]
    asked = [
        query(sched_dep=NOON + 60, sched_arr=NOON + 60 + m, as_of=NOON)
        for m in (block_minutes, block_minutes + 7)
    ]
    block = state_of(landed)
    short, long = (assemble(q, block, np.array([NOON]))[0, POSITION["padding"]] for q in asked)
    assert long - short == 7


@drawn
@given(st.integers(0, 500_000), st.integers(0, 1440), st.integers(1, 1440))
def test_the_schedules_features_follow_from_the_schedule_alone(shift, lead, block_minutes):
    departs = NOON + shift
    asked = query(sched_dep=departs, sched_arr=departs + block_minutes, as_of=departs - lead)
    tick = np.array([NOON])
    names = [f.name for f in FEATURES if f.family == "schedule"]
    rows = [
        assemble(asked, state_of(flights), tick)[0]
        for flights in ([], [Flight(departs=-30), Flight(departs=-90, gone=-10)])
    ]
    first, second = (row[[POSITION[name] for name in names]] for row in rows)
    assert np.array_equal(first.view(np.int64), second.view(np.int64))
    found = dict(zip(names, first.tolist(), strict=True))
    assert found["lead_minutes"] == lead
    assert found["block_minutes"] == block_minutes
    assert found["departure_hour_sine"] ** 2 + found["departure_hour_cosine"] ** 2 == pytest.approx(1)
    assert found["weekday"] in range(7)
    assert 0 <= found["departure_minute_local"] < 1440


@drawn
@given(observations=drawn_observations)
def test_the_weather_is_the_newest_that_is_known_of_an_airport(observations):
    facts = flight_facts([])
    weather = weather_facts(observations, facts.network)
    table = compute_block(facts, weather, NOON, 1).tables["weather"]
    for name, row in zip(table.entities, table.values[0], strict=True):
        code = facts.network.airports.codes[name]
        there = (weather.airport == code) & (weather.known <= NOON) & (weather.known > NOON - 1440)
        temperatures = weather.values[there, 0]
        shown = row[table.columns.index("temp_f")]
        assert np.isnan(shown) or shown in temperatures
