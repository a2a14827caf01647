from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.features.columns import DELAY_CEILING
from domain.features.state import FAMILIES, KINDS, LOOKBACK_MINUTES, columns_of, compute_block
from domain.flights import Network
from tests.domain.worlds import (
    NOON,
    Flight,
    drawn_flights,
    drawn_observations,
    flight_facts,
    no_weather,
    same_bits,
    state_of,
    value,
    weather_facts,
)

# 08:00 UTC lies 8 hours before NOON: the runs cross the daily boundary.
FIRST = -9 * 60
TICKS = 140


@settings(max_examples=60, deadline=None)
@given(drawn_flights, drawn_observations)
def test_a_long_run_of_ticks_equals_each_tick_alone_to_the_bit(flights, observations):
    facts = flight_facts(flights)
    weather = weather_facts(observations, facts.network)
    run = compute_block(facts, weather, NOON + FIRST, TICKS)
    for tick in range(0, TICKS, 9):
        alone = compute_block(facts, weather, NOON + FIRST + 5 * tick, 1)
        tables = {kind: replace(t, values=t.values[tick : tick + 1]) for kind, t in run.tables.items()}
        assert same_bits(replace(run, tables=tables), alone)


@settings(max_examples=100, deadline=None)
@given(drawn_flights, drawn_observations, st.integers(FIRST // 5, 20))
def test_facts_known_after_a_moment_move_no_state_before_it(flights, observations, tick):
    facts = flight_facts(flights)
    weather = weather_facts(observations, facts.network)
    moment = NOON + 5 * tick
    everything = compute_block(facts, weather, moment - 50, 11)
    as_known = compute_block(facts.known_by(moment), weather.known_by(moment), moment - 50, 11)
    assert same_bits(everything, as_known)


@settings(max_examples=100, deadline=None)
@given(drawn_flights, drawn_observations)
def test_flights_older_than_the_lookback_change_no_bit(flights, observations):
    facts = flight_facts(flights)
    weather = weather_facts(observations, facts.network)
    recent = facts.take(facts.sched_dep > NOON - LOOKBACK_MINUTES)
    assert same_bits(compute_block(facts, weather, NOON, 1), compute_block(recent, weather, NOON, 1))


@settings(max_examples=60, deadline=None)
@given(drawn_flights, drawn_observations)
def test_the_order_in_which_names_were_seen_changes_no_bit(flights, observations):
    shuffled = Network()
    for name in ("SJU", "ZZZ", "JFK", "XXX"):
        shuffled.airports.code(name)
    shuffled.carriers.code("9E")
    one, other = flight_facts(flights), flight_facts(flights, shuffled)
    assert same_bits(
        compute_block(one, weather_facts(observations, one.network), NOON, 3),
        compute_block(other, weather_facts(observations, other.network), NOON, 3),
    )


def test_a_state_without_a_single_fact_has_every_table_and_no_entity():
    block = state_of([])
    assert set(block.tables) == set(KINDS)
    assert all(len(table.entities) == 0 for table in block.tables.values())


def test_an_entity_whose_flights_say_nothing_has_the_defaults():
    block = state_of([Flight(departs=150)])
    for kind in ("origin_carrier", "carrier", "route", "sector"):
        table = block.tables[kind]
        defaults = np.array([column.default for _, column in columns_of(kind)])
        np.testing.assert_array_equal(table.values[0, 0], defaults)


def test_tables_hold_the_columns_their_families_declare():
    block = state_of([Flight(gone=5)], at=10)
    for kind, table in block.tables.items():
        assert table.columns == tuple(c.name for f in FAMILIES for c in f.COLUMNS.get(kind, ()))
        assert table.values.shape == (1, len(table.entities), len(table.columns))


def test_a_tick_off_the_grid_is_refused():
    facts = flight_facts([])
    with pytest.raises(ValueError, match="grid"):
        compute_block(facts, no_weather(facts.network), NOON + 3, 1)


def test_one_absurd_delay_counts_as_the_ceiling():
    block = state_of([Flight(departs=-1300, gone=-10, late=1290)])
    assert value(block, "origin", "EWR", "departure_delay_1h") == DELAY_CEILING


def test_a_schedule_not_yet_published_counts_nowhere():
    hidden = [Flight(departs=-30, scheduled_known=5), Flight(departs=-20, gone=-15, scheduled_known=5)]
    facts = flight_facts(hidden)
    empty = flight_facts([])
    assert same_bits(
        compute_block(facts, no_weather(facts.network), NOON, 1),
        compute_block(empty, no_weather(empty.network), NOON, 1),
    )
