import random

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.clock import NEVER
from domain.features.grid import slow_boundary
from domain.features.state import compute_block
from domain.flights import FlightFacts, Network, columns_of
from tests.domain.histories import Said, drawn_histories, facts_of_history, plain_facts
from tests.domain.worlds import NOON, drawn_observations, no_weather, same_bits, weather_facts

drawn = settings(max_examples=150, deadline=None)
MOMENTS = st.integers(-3100, 700)
BOUNDARY = slow_boundary(NOON) - NOON
"""The minute of the day at which the slow statistics are taken: there one cut of the log says everything."""


def assert_same(one, other) -> None:
    for name in columns_of(FlightFacts):
        np.testing.assert_array_equal(getattr(one, name), getattr(other, name), name)


def test_a_flight_that_nothing_was_said_of_twice_says_what_its_events_say():
    said = [Said(1, "scheduled", -900, 0), Said(1, "departed", 7, delay=7), Said(1, "arrived", 130, delay=10)]
    last = facts_of_history(said).latest()
    assert (last.dep_known.tolist(), last.dep_delay.tolist()) == ([NOON + 7], [7])
    assert (last.arr_known.tolist(), last.arr_delay.tolist()) == ([NOON + 130], [10])
    assert last.cancelled_known.tolist() == [NEVER]


def test_no_event_is_no_flight():
    assert len(facts_of_history([])) == 0
    assert len(facts_of_history([Said(1, "departed", 3)])) == 0


@drawn
@given(drawn_histories, MOMENTS)
def test_what_is_known_at_a_minute_is_the_newest_word_of_each_kind(said, minute):
    network = Network()
    found = facts_of_history(said, network).known_by(NOON + minute).latest()
    plain = plain_facts(said, minute, network)
    for name in ("flight_id", "sched_dep", "sched_arr", "dep_known", "dep_delay", "arr_known", "arr_delay",
                 "air_time", "cancelled_known", "origin", "dest", "carrier"):  # fmt: skip
        np.testing.assert_array_equal(getattr(found, name), getattr(plain, name), name)


@drawn
@given(drawn_histories, MOMENTS)
def test_at_every_minute_a_flight_has_one_row_at_most(said, minute):
    facts = facts_of_history(said)
    valid = (facts.scheduled_known <= NOON + minute) & (facts.superseded > NOON + minute)
    assert len(set(facts.flight_id[valid].tolist())) == valid.sum()


@drawn
@given(drawn_histories, st.randoms(use_true_random=False))
def test_the_order_of_arrival_changes_no_fact(said, chance: random.Random):
    shuffled = list(said)
    chance.shuffle(shuffled)
    network = Network()
    assert_same(facts_of_history(said, network), facts_of_history(shuffled, network))


@drawn
@given(drawn_histories, drawn_observations)
def test_a_state_equals_that_of_a_log_cut_at_its_tick(said, observations):
    cut = [s for s in said if s.known <= 0]
    blocks = []
    for history in (said, cut):
        facts = facts_of_history(history)
        weather = weather_facts([o for o in observations if history is said or o.known <= 0], facts.network)
        blocks.append(compute_block(facts, weather, NOON, 1))
    assert same_bits(*blocks)


@drawn
@given(drawn_histories)
def test_a_state_says_what_the_newest_word_on_each_flight_says(said):
    """What was said before is nowhere counted, in no family: a plain reading of the log gives the same bits."""
    network = Network()
    plain = plain_facts(said, BOUNDARY, network)
    weather = no_weather(network)
    tick = NOON + BOUNDARY
    found = compute_block(facts_of_history(said, network), weather, tick, 1)
    assert same_bits(found, compute_block(plain, weather, tick, 1))


@drawn
@given(drawn_histories)
def test_a_run_of_ticks_over_revisions_equals_each_tick_alone(said):
    facts = facts_of_history(said)
    weather = no_weather(facts.network)
    run = compute_block(facts, weather, NOON - 10, 4)
    alone = compute_block(facts, weather, NOON, 1)
    for kind, table in alone.tables.items():
        for name, position in table.index.items():
            there = run.tables[kind]
            assert (table.values[0, position] + 0.0).tobytes() == (
                there.values[2, there.index[name]] + 0.0
            ).tobytes()
