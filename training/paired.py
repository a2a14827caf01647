"""Losses of two models, paired by day."""

from collections.abc import Mapping, Sequence

import numpy as np

from domain.bootstrap import DRAWS, draw_blocks, percentile_interval
from training.split import day_of

LEVEL = 0.95


def difference(one: Mapping[str, Sequence[float]], other: Mapping[str, Sequence[float]]) -> dict[str, float]:
    """Return the mean log-loss of one less another's, days paired, with its 95% interval over weeks.

    Parameters
    ----------
    one, other : mapping
        `Evaluated.daily` of both, on the same days.
    """
    days = sorted(one)
    gap = np.array([one[day][0] - other[day][0] for day in days])
    flights = np.array([one[day][1] for day in days])
    _, week = np.unique([day_of(int(day)).toordinal() // 7 for day in days], return_inverse=True)
    gaps, counts = np.bincount(week.reshape(-1), gap), np.bincount(week.reshape(-1), flights)
    drawn = draw_blocks(len(gaps), DRAWS, seed=0)
    low, high = percentile_interval(gaps[drawn].sum(axis=1) / counts[drawn].sum(axis=1), LEVEL)
    return {"mean": float(gap.sum() / flights.sum()), "low": low, "high": high}
