"""The oracle: which of a week's candidates should have served when, seen from the end of the year.

It takes the candidates of all Mondays, knows what each would lose in each week to come, and picks for every number of
changes of the champion the timetable that loses least; it may go back to an earlier candidate. No policy that changes
it on Mondays can do better; some of its luck is picking among candidates that differ by chance.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from domain.clock import minute_floor
from domain.flights import Floats, Ints
from domain.metrics import log_losses
from experiments.retrain_policies.candidates import Candidate
from experiments.retrain_policies.year import Year


@dataclass(frozen=True)
class Timetable:
    """The best timetable with a number of changes of the champion."""

    changes: int
    days: tuple[str, ...]
    """Of the candidates that serve in it."""
    probability: Floats
    """What it would have answered; shape (n,) as the year's rows."""
    log_loss: float


def timetables(year: Year, rows: Ints, first: Candidate, weekly: dict[str, Candidate]) -> list[Timetable]:
    """Return the best timetable for each number of changes from none up that loses less than any with fewer.

    Parameters
    ----------
    rows : Ints
        The contest's rows.
    weekly : dict of Candidate
        By day (ISO), ascending: each may serve from its day on.
    """
    candidates = [first, *weekly.values()]
    starts = [0, *(minute_floor(c.window.as_of) for c in weekly.values())]
    week = np.searchsorted(starts, year.rows.queries.as_of[rows], side="right") - 1
    losses = np.full((len(candidates), len(candidates)), np.nan)
    for i, candidate in enumerate(candidates):
        later = rows[week >= i]
        lost = log_losses(year.rows.y[later], candidate.probability[later])
        losses[i] = np.bincount(week[week >= i], lost, len(candidates))
    days = ["", *weekly]
    found = []
    for path in cheapest(losses):
        p = np.full(len(year.rows), np.nan)
        for i in sorted(set(path)):
            p[rows[np.array(path)[week] == i]] = candidates[i].probability[rows[np.array(path)[week] == i]]
        chosen = tuple(days[i] for i in sorted(set(path) - {0}))
        loss = float(log_losses(year.rows.y[rows], p[rows]).mean())
        found.append(Timetable(changes_of(path), chosen, p, loss))
    return found


def cheapest(losses: Floats) -> list[list[int]]:
    """Return which candidate serves in each week, for each number of changes from 0 up that pays.

    Parameters
    ----------
    losses : float64, shape (n, n)
        Loss of candidate i in week j; it may serve from week i on. Candidate 0 serves at first.

    Examples
    --------
    >>> cheapest(np.array([[1.0, 5.0, 1.0], [0.0, 2.0, 3.0], [0.0, 0.0, 2.0]]))
    [[0, 0, 0], [0, 1, 1], [0, 1, 0]]
    """
    n = len(losses)
    best: dict[tuple[int, int], tuple[float, list[int]]] = {(0, 0): (0.0, [])}
    for week in range(n):
        after: dict[tuple[int, int], tuple[float, list[int]]] = {}
        for (serving, changes), (lost, path) in best.items():
            for chosen in range(week + 1):
                key = (chosen, changes + (chosen != serving))
                total = lost + losses[chosen, week]
                if key not in after or total < after[key][0]:
                    after[key] = (total, [*path, chosen])
        best = after
    paths: list[tuple[float, list[int]]] = []
    for changes in range(n):
        reached = [kept for (_, made), kept in best.items() if made == changes]
        # One change alone need not pay where two do: there and back again.
        if reached and (not paths or min(reached)[0] < paths[-1][0]):
            paths.append(min(reached))
    return [path for _, path in paths]


def changes_of(path: Sequence[int]) -> int:
    """Count how often another candidate takes over.

    Examples
    --------
    >>> changes_of([0, 1, 1, 0])
    2
    """
    return sum(a != b for a, b in pairwise(path))
