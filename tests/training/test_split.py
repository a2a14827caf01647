from dataclasses import replace
from datetime import date

import numpy as np
import pytest

from domain.errors import InvalidInput
from tests.training.sets import training_set
from training.split import SplitPolicy, day_of, last_days, split_by_time

POLICY = SplitPolicy(evaluation_days=3, minimum_fit_days=15)


def days(rows):
    return set(rows.day.tolist())


def test_the_newest_days_are_kept_for_evaluation_from_everything_else():
    rows = training_set(days=30, per_day=10)
    split = split_by_time(rows, POLICY)
    assert days(split.evaluation) == {20130408, 20130409, 20130410}
    assert split.fit.day.max() < 20130408
    assert len(split.fit) + len(split.evaluation) == len(rows)


def test_a_years_vectors_are_not_copied_where_days_lie_one_after_the_other():
    rows = training_set(days=30, per_day=10)
    split = split_by_time(rows, POLICY)
    assert np.shares_memory(split.fit.X, rows.X)
    assert np.shares_memory(split.evaluation.X, rows.X)


def test_days_that_overlap_as_those_of_several_zones_do_are_split_all_the_same():
    rows = training_set(days=30, per_day=10)
    mixed = rows.take(np.random.default_rng(1).permutation(len(rows)))
    split = split_by_time(mixed, POLICY)
    assert days(split.evaluation) == {20130408, 20130409, 20130410}
    assert len(split.fit) + len(split.evaluation) == len(rows)


@pytest.mark.parametrize(("late", "found"), [(False, "0 late of 270"), (True, "270 late of 270")])
def test_flights_to_fit_on_that_all_ended_alike_are_refused(late, found):
    rows = training_set(days=30, per_day=10)
    alike = replace(rows, y=np.where(rows.day < 20130408, late, rows.y))
    with pytest.raises(InvalidInput, match=f"arr_delay: expected late flights and punctual ones.*{found}"):
        split_by_time(alike, POLICY)


def test_too_short_a_window_is_refused_with_the_days_it_needs():
    with pytest.raises(InvalidInput, match="flown_until: expected a window of at least 18 days, got 17"):
        split_by_time(training_set(days=17, per_day=10), POLICY)
    assert len(split_by_time(training_set(days=18, per_day=10), POLICY).fit) == 150


def test_days_are_dates():
    assert day_of(20131231) == date(2013, 12, 31)
    assert last_days(date(2013, 4, 2), 3) == (date(2013, 3, 31), date(2013, 4, 2))
