import itertools

import numpy as np

from experiments.retrain_policies.hindsight import changes_of, cheapest


def total(losses: np.ndarray, path: tuple[int, ...]) -> float:
    return sum(losses[i, week] for week, i in enumerate(path))


def test_no_timetable_with_as_many_changes_loses_less():
    n = 5
    losses = np.random.default_rng(3).random((n, n))
    allowed = list(itertools.product(*(range(week + 1) for week in range(n))))
    found = cheapest(losses)
    for path in found:
        best = min(total(losses, other) for other in allowed if changes_of(other) <= changes_of(path))
        assert np.isclose(total(losses, tuple(path)), best)
    assert np.isclose(total(losses, tuple(found[-1])), min(total(losses, other) for other in allowed))


def test_of_many_weeks_each_has_its_best_candidate_at_last():
    n = 40
    losses = np.random.default_rng(4).random((n, n))
    best = sum(losses[: week + 1, week].min() for week in range(n))
    assert np.isclose(total(losses, tuple(cheapest(losses)[-1])), best)


def test_changes_that_do_not_pay_are_not_made():
    losses = np.tile([[1.0], [2.0], [3.0]], 3)
    assert cheapest(losses) == [[0, 0, 0]]
