from datetime import UTC, date, datetime

import numpy as np
import pytest

from data.facts import FactsInMemory
from domain.clock import NEVER
from domain.features.grid import DAY_MINUTES
from experiments.benchmarks.training_set import YEAR_DAYS, SortedFacts, by_month, repeat
from tests.training.sets import FlownStore
from training.training_set import EXTRA_LEADS, LEADS, build

FIRST, LAST = date(2013, 3, 25), date(2013, 4, 7)


@pytest.fixture(scope="module")
def facts():
    """A made-up timetable of a month and its weather."""
    store = FlownStore()
    return store.flights, store.weather


def test_month_by_month_gives_the_rows_of_one_build_to_the_bit(facts):
    whole = build(FactsInMemory(*facts), FIRST, LAST, datetime(2013, 5, 1, tzinfo=UTC), LEADS, EXTRA_LEADS)
    parts = list(by_month(SortedFacts(*facts), FIRST, LAST))
    assert len(parts) == 2
    assert np.array_equal(np.concatenate([p.flight_id for p in parts]), whole.flight_id)
    assert np.array_equal(np.concatenate([p.lead for p in parts]), whole.lead)
    assert np.array_equal(np.concatenate([p.y for p in parts]), whole.y)
    vectors = np.concatenate([p.X for p in parts])
    assert np.array_equal(vectors.view(np.int64), whole.X.view(np.int64))


def test_a_repeated_year_has_every_flight_again_with_its_weekday(facts):
    flights, _ = repeat(*facts, 3)
    once = facts[0]
    assert len(flights.sched_dep) == 3 * len(once.sched_dep)
    assert len(set(flights.flight_id.tolist())) == len(flights.flight_id)
    assert (np.diff(flights.sched_dep) >= 0).all()
    assert YEAR_DAYS % 7 == 0
    later = flights.sched_dep >= once.sched_dep.max() + DAY_MINUTES
    assert later.sum() == 2 * len(once.sched_dep)
    assert ((flights.arr_known == NEVER).sum()) == 3 * (once.arr_known == NEVER).sum()
    gone = flights.dep_known != NEVER
    assert (flights.dep_known[gone] - flights.sched_dep[gone]).min() == (
        once.dep_known[once.dep_known != NEVER] - once.sched_dep[once.dep_known != NEVER]
    ).min()
