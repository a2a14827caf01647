import math

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from domain.clock import NEVER
from domain.features.entities import Groups
from domain.features.grid import Ticks
from domain.features.windows import Pairs, Tally, expand, ratio, until, winsorised

SPANS = st.lists(st.tuples(st.integers(-100, 100) | st.just(NEVER), st.integers(-100, 200) | st.just(NEVER)))


@given(SPANS, st.integers(-10, 10), st.integers(1, 30))
def test_expanding_pairs_a_flight_with_exactly_the_ticks_inside_its_span(spans, first, n_ticks):
    ticks = Ticks(5 * first, n_ticks)
    start, stop = (np.array([s[i] for s in spans], dtype=np.int64) for i in (0, 1))
    pairs = expand(start, stop, ticks)
    expected = [
        (row, i)
        for row, (low, high) in enumerate(spans)
        for i, minute in enumerate(ticks.minutes().tolist())
        if low <= minute < high
    ]
    assert list(zip(pairs.flight.tolist(), pairs.tick.tolist(), strict=True)) == expected


@given(st.lists(st.tuples(st.integers(-1, 2), st.integers(0, 3), st.integers(-60, 360))))
def test_a_tally_counts_sums_and_finds_the_largest_of_each_entity_at_each_tick(rows):
    codes, ticks, values = (np.array([r[i] for r in rows], dtype=np.int64) for i in range(3))
    pairs = Pairs(np.arange(len(rows)), ticks)
    tally = Tally(Groups(("a", "b", "c"), codes), pairs, 4)
    for tick in range(4):
        for entity in range(3):
            own = [v for c, t, v in rows if c == entity and t == tick]
            assert tally.count()[tick, entity] == len(own)
            assert tally.count(values > 0)[tick, entity] == sum(v > 0 for v in own)
            assert tally.sum(values)[tick, entity] == sum(own)
            largest = tally.max(values)[tick, entity]
            assert largest == max(own) if own else math.isnan(largest)


def test_a_ratio_of_nothing_is_unknown():
    assert np.isnan(ratio(np.array([3.0]), np.array([0.0])))[0]


def test_a_fact_that_never_becomes_known_leaves_no_window_by_overflow():
    known = np.array([NEVER, 10], dtype=np.int64)
    assert until(known, 60, np.array([NEVER, 40])).tolist() == [NEVER, 40]


def test_delays_are_bounded_on_both_sides():
    assert winsorised(np.array([-500, 0, 5000])).tolist() == [-60, 0, 360]
