from datetime import date

import numpy as np
import pytest

from domain.errors import InvalidInput
from tests.training.sets import training_set
from training.split import SplitPolicy, day_of, last_days, split_by_time, spread

POLICY = SplitPolicy(calibration_days=5, evaluation_days=3, minimum_fit_days=10)


def days(rows):
    return set(rows.day.tolist())


def test_the_newest_days_are_kept_for_evaluation_from_everything_else():
    rows = training_set(days=30, per_day=10)
    split = split_by_time(rows, POLICY)
    assert days(split.evaluation) == {20130408, 20130409, 20130410}
    assert split.fit.day.max() < 20130408
    assert len(split.fit) + len(split.evaluation) == len(rows)


def test_the_days_that_calibrate_are_unseen_by_the_draft_alone():
    split = split_by_time(training_set(days=30, per_day=10), POLICY)
    assert len(days(split.calibration)) == 5
    assert days(split.draft) | days(split.calibration) == days(split.fit)
    assert not days(split.draft) & days(split.calibration)


def test_the_days_that_calibrate_are_weeks_spread_over_the_window():
    chosen = spread(np.arange(84), 21)
    weeks = np.split(chosen, np.flatnonzero(np.diff(chosen) > 1) + 1)
    assert [week.tolist() for week in weeks] == [
        list(range(10, 17)), list(range(38, 45)), list(range(66, 73))
    ]  # fmt: skip


@pytest.mark.parametrize("count", range(1, 40))
def test_any_number_of_days_can_calibrate(count):
    chosen = spread(np.arange(60), count)
    assert len(set(chosen.tolist())) == count


def test_too_short_a_window_is_refused_with_the_days_it_needs():
    with pytest.raises(InvalidInput, match="flown_until: expected a window of at least 18 days, got 17"):
        split_by_time(training_set(days=17, per_day=10), POLICY)
    assert len(split_by_time(training_set(days=18, per_day=10), POLICY).draft) == 100


def test_days_are_dates():
    assert day_of(20131231) == date(2013, 12, 31)
    assert last_days(date(2013, 4, 2), 3) == (date(2013, 3, 31), date(2013, 4, 2))
