"""Intervals of realised performance of a single day, by a bootstrap over its hours.

Flights of one hour share its weather and its queues, so rows are not independent and hours are the blocks. A day is
one day: its intervals tell how much its figures owe to single hours, not how days differ; for that see the window's
intervals, whose blocks are days. Everything is summed by hour first, so that a draw is a weighted sum of hours: two
hundred draws of every metric cost milliseconds.
"""

from dataclasses import dataclass

import numpy as np

from domain.flights import Floats, Ints
from domain.metrics import CALIBRATION_BINS, METRICS, Labels, log_losses

HEADLINE = ("auc", "log_loss", "brier", "ece")
MINIMUM_BLOCKS = 5
"""Of fewer hours a draw is too often the same few again: no interval."""
DRAWS, LEVEL, SEED = 200, 0.95, 0


@dataclass(frozen=True)
class Bounded:
    """A value with its interval; without bounds where one day allows none."""

    value: float
    low: float | None = None
    high: float | None = None


def headline_intervals(late: Labels, probability: Floats, hour: Ints) -> dict[str, Bounded]:
    """Return AUC, log-loss, Brier score and calibration error with 95% intervals.

    Parameters
    ----------
    late, probability : shape (n,)
        What came, and what was said.
    hour : int64, shape (n,)
        Anything that is equal within an hour.
    """
    values = {name: METRICS[name](late, probability) for name in HEADLINE}
    hours, block = np.unique(hour, return_inverse=True)
    if len(hours) < MINIMUM_BLOCKS:
        return {name: Bounded(value) for name, value in values.items()}
    block = block.reshape(-1)
    n = len(hours)
    drawn = np.random.default_rng(SEED).integers(0, n, (DRAWS, n))
    weight = np.stack([np.bincount(row, minlength=n) for row in drawn]).astype(np.float64)
    draws = {
        "auc": _auc_draws(late, probability, block, weight),
        "log_loss": _mean_draws(log_losses(late, probability), block, weight),
        "brier": _mean_draws((probability - late) ** 2, block, weight),
        "ece": _ece_draws(late, probability, block, weight),
    }
    # Resampling adds noise, and noise alone raises a calibration error: its draws are moved back by what they rose.
    draws["ece"] = np.maximum(0.0, draws["ece"] - (draws["ece"].mean() - values["ece"]))
    return {name: _bounded(value, draws[name]) for name, value in values.items()}


def _bounded(value: float, draws: Floats) -> Bounded:
    draws = draws[np.isfinite(draws)]
    if len(draws) < DRAWS / 2:  # late flights in so few hours that most draws have none
        return Bounded(value)
    low, high = np.quantile(draws, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return Bounded(value, float(low), float(high))


def _mean_draws(losses: Floats, block: Ints, weight: Floats) -> Floats:
    means: Floats = (weight @ np.bincount(block, losses)) / (weight @ np.bincount(block))
    return means


def _auc_draws(late: Labels, probability: Floats, block: Ints, weight: Floats) -> Floats:
    """Return the AUC of each draw.

    The pairs of a late and a punctual flight in the right order, counted by pair of hours.
    """
    n = weight.shape[1]
    right = np.empty((n, n))
    scores, of = probability[late], block[late]
    for i in range(n):
        punctual = np.sort(probability[~late & (block == i)])
        below = np.searchsorted(punctual, scores, "left") + np.searchsorted(punctual, scores, "right")
        right[:, i] = np.bincount(of, below / 2, n)
    pairs = (weight @ np.bincount(of, minlength=n)) * (weight @ np.bincount(block[~late], minlength=n))
    found: Floats = np.full(len(weight), np.nan)
    np.divide(((weight @ right) * weight).sum(axis=1), pairs, out=found, where=pairs > 0)
    return found


def _ece_draws(late: Labels, probability: Floats, block: Ints, weight: Floats) -> Floats:
    """Calibration error of each draw over the bins of the day itself."""
    n = weight.shape[1]
    bins = np.empty(len(late), dtype=np.int64)
    for i, rows in enumerate(np.array_split(np.argsort(probability, kind="stable"), CALIBRATION_BINS)):
        bins[rows] = i
    cell = block * CALIBRATION_BINS + bins
    gaps = np.bincount(cell, probability - late, n * CALIBRATION_BINS).reshape(n, CALIBRATION_BINS)
    errors: Floats = np.abs(weight @ gaps).sum(axis=1) / (weight @ np.bincount(block, minlength=n))
    return errors
