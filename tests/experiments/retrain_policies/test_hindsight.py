import itertools

import numpy as np

from experiments.retrain_policies.hindsight import cheapest


def total(losses: np.ndarray, path: tuple[int, ...]) -> float:
    return sum(losses[i, week] for week, i in enumerate(path))


def test_no_timetable_with_as_many_retrains_loses_less():
    n = 5
    losses = np.random.default_rng(3).random((n, n))
    allowed = [
        path
        for path in itertools.product(range(n), repeat=n)
        if path[0] == 0 and all(a <= b <= week for week, (a, b) in enumerate(itertools.pairwise(path), 1))
    ]
    for path in cheapest(losses, n):
        changes = len(set(path)) - 1
        best = min(total(losses, other) for other in allowed if len(set(other)) - 1 == changes)
        assert np.isclose(total(losses, tuple(path)), best)


def test_more_retrains_than_pay_are_not_made():
    losses = np.tile([[1.0], [2.0], [3.0]], 3)
    assert cheapest(losses, 2) == [[0, 0, 0]]
