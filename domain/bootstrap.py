"""Intervals by a bootstrap that draws blocks of rows with replacement: weeks or days, or the hours of one day.

Flights of one day share its weather and its queues, so rows are not independent; nor are days, whose weather lasts:
where there are weeks enough, they are the blocks. A draw
weighs each block by the number of times it was drawn; a metric of the drawn rows is the metric under those weights, so
that rows are sorted once however often blocks are drawn.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np

from domain.flights import Floats, Ints
from domain.metrics import METRICS, Labels, calibration_errors, ece, equal_bins, log_losses

DRAWS = 200
LEVEL = 0.95
MINIMUM_BLOCKS = 5
"""Of fewer blocks a draw is too often the same few again: no interval."""
CELLS_AT_ONCE = 100_000
"""Weights that are held in memory together, as draws by rows."""


def draw_blocks(n: int, draws: int, seed: int) -> Ints:
    """Return the positions of the drawn blocks, n of n with replacement, shape (draws, n)."""
    return np.random.default_rng(seed).integers(0, n, (draws, n))


def percentile_interval(drawn: Floats, level: float = LEVEL) -> tuple[float, float]:
    """Return the bounds that leave out equally many draws on each side; draws without a value do not count.

    Examples
    --------
    >>> percentile_interval(np.array([0.0, 1.0, 2.0, np.nan]), level=0.5)
    (0.5, 1.5)
    """
    known = drawn[~np.isnan(drawn)]
    if not len(known):
        return float("nan"), float("nan")
    low, high = np.quantile(known, [(1 - level) / 2, (1 + level) / 2])
    return float(low), float(high)


@dataclass(frozen=True)
class RankedRows:
    """Rows by descending probability, with all that a metric under weights needs; arrays of one length."""

    order: Ints
    late: Floats
    probability: Floats
    loss: Floats
    square: Floats
    bins: Ints
    last_of_ties: Ints
    """Positions, shorter than the other arrays where probabilities are equal."""

    @classmethod
    def of(cls, late: Labels, probability: Floats) -> Self:
        """Sort n rows; their bins of equally many rows are those of the rows, not of a draw."""
        order = np.argsort(-probability, kind="stable")
        return cls(
            order=order,
            late=late[order].astype(np.float64),
            probability=probability[order],
            loss=log_losses(late[order], probability[order]),
            square=(probability[order] - late[order]) ** 2,
            bins=equal_bins(len(order)),
            last_of_ties=np.flatnonzero(np.append(np.diff(probability[order]) != 0, True)),
        )

    def metric(self, name: str, weights: Floats) -> Floats:
        """Return a metric of `METRICS` under each row of weights, shape (draws, n) to (draws,).

        NaN where it has no value, as AUC where all labels are the same.
        """
        with np.errstate(invalid="ignore", divide="ignore"):
            return _WEIGHTED[name](self, weights)


def bootstrap(
    late: Labels,
    probability: Floats,
    block: Ints,
    names: Sequence[str] = tuple(METRICS),
    draws: int = DRAWS,
    seed: int = 0,
) -> dict[str, Floats]:
    """Return the value of each metric in each draw, shape (draws,).

    Parameters
    ----------
    late, probability : shape (n,)
        What came, and what was predicted.
    block : int64, shape (n,)
        Anything that is equal within a day, or within an hour.
    names : sequence of str
        Of `METRICS`.
    """
    rows = RankedRows.of(late, probability)
    blocks, position = np.unique(block[rows.order], return_inverse=True)
    drawn = draw_blocks(len(blocks), draws, seed)
    times = np.stack([np.bincount(which, minlength=len(blocks)) for which in drawn]).astype(np.float64)
    found: dict[str, list[Floats]] = {name: [] for name in names}
    for some in np.array_split(times, max(1, min(draws, times.shape[0] * len(late) // CELLS_AT_ONCE))):
        weights = np.take(some, position.reshape(-1), axis=1)
        for name in names:
            found[name].append(rows.metric(name, weights))
    drawn_values = {name: np.concatenate(values) for name, values in found.items()}
    if "ece" in drawn_values:
        # Resampling adds noise, and noise alone raises a calibration error: its draws are moved back by what they rose.
        errors = drawn_values["ece"]
        drawn_values["ece"] = np.maximum(0.0, errors - (errors.mean() - ece(late, probability)))
    return drawn_values


@dataclass(frozen=True)
class PairedDifference:
    """Mean loss of a candidate less a champion's on the same rows; negative = the candidate is better."""

    mean: float
    low: float
    high: float
    probability_worse: float
    """Share of bootstrap draws in which the candidate's loss is the larger."""
    days: int


def paired_difference(
    candidate: Floats, champion: Floats, day: Ints, draws: int = 2000, level: float = 0.9, seed: int = 0
) -> PairedDifference:
    """Bootstrap the mean difference of two losses on the same rows, days as blocks.

    Of fewer than `MINIMUM_BLOCKS` days the interval is too narrow to say anything by itself.

    Parameters
    ----------
    candidate, champion : float64, shape (n,)
        Loss of each row.
    day : int64, shape (n,)
        Anything that is equal within a day.

    Raises
    ------
    ValueError
        If there are no rows.
    """
    if not len(day):
        raise ValueError("expected at least one row to compare on")
    _, position = np.unique(day, return_inverse=True)
    totals = np.bincount(position.reshape(-1), candidate - champion)
    counts = np.bincount(position.reshape(-1))
    drawn = draw_blocks(len(counts), draws, seed)
    means = totals[drawn].sum(axis=1) / counts[drawn].sum(axis=1)
    low, high = percentile_interval(means, level)
    return PairedDifference(
        float(totals.sum() / counts.sum()), low, high, float((means > 0).mean()), len(counts)
    )


def _auc(rows: RankedRows, weights: Floats) -> Floats:
    hits, seen = _curve(rows, weights)
    misses = seen - hits
    gained, passed = np.diff(hits, prepend=0.0), np.diff(misses, prepend=0.0)
    late, punctual = hits[:, -1], misses[:, -1]
    area: Floats = (passed * (hits - gained / 2)).sum(axis=1) / (late * punctual)
    return area


def _average_precision(rows: RankedRows, weights: Floats) -> Floats:
    hits, seen = _curve(rows, weights)
    precision = np.divide(hits, seen, out=np.zeros_like(hits), where=seen > 0)
    average: Floats = (np.diff(hits, prepend=0.0) * precision).sum(axis=1) / hits[:, -1]
    return average


def _curve(rows: RankedRows, weights: Floats) -> tuple[Floats, Floats]:
    """Return the weight of late rows and of all rows down to each probability: equal ones count as one step."""
    hits, seen = np.cumsum(weights * rows.late, axis=1), np.cumsum(weights, axis=1)
    return np.take(hits, rows.last_of_ties, axis=1), np.take(seen, rows.last_of_ties, axis=1)


def _log_loss(rows: RankedRows, weights: Floats) -> Floats:
    mean: Floats = (weights * rows.loss).sum(axis=1) / weights.sum(axis=1)
    return mean


def _brier(rows: RankedRows, weights: Floats) -> Floats:
    mean: Floats = (weights * rows.square).sum(axis=1) / weights.sum(axis=1)
    return mean


def _ece(rows: RankedRows, weights: Floats) -> Floats:
    return calibration_errors(rows.late, rows.probability, rows.bins, weights)


_WEIGHTED: dict[str, Callable[[RankedRows, Floats], Floats]] = {
    "auc": _auc,
    "average_precision": _average_precision,
    "log_loss": _log_loss,
    "brier": _brier,
    "ece": _ece,
}
