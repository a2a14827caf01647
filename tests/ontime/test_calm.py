import numpy as np

from ontime import calm


def test_a_week_begins_on_monday():
    # The eighth of April 2013 is a Monday.
    weeks = [calm.week_of(day) for day in (20130407, 20130408, 20130414, 20130415)]
    assert np.diff(weeks).tolist() == [1, 0, 1]
