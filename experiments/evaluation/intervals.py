"""Every metric with its interval from one bootstrap over days, by weights: rows are sorted once, days are drawn often.

A draw gives each day the number of times it was drawn; a metric of the drawn rows is the metric under those weights.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from domain.flights import Floats, Ints
from domain.metrics import CALIBRATION_BINS, log_losses

DRAWS = 200
LEVEL = 0.95
METRICS = ("auc", "average_precision", "log_loss", "brier", "ece")


@dataclass(frozen=True)
class _Sorted:
    """Rows by descending probability."""

    late: Floats
    probability: Floats
    loss: Floats
    square: Floats
    bins: Ints
    last_of_ties: npt.NDArray[np.bool_]


def quality(
    late: npt.NDArray[np.bool_], probability: Floats, day: Ints, draws: int = DRAWS, seed: int = 0
) -> dict[str, float]:
    """Return every metric of n rows, with `_low` and `_high` of its 95% interval, `n` and `late_rate`.

    Where all labels are the same, AUC and average precision are NaN.
    """
    order = np.argsort(-probability, kind="stable")
    rows = _Sorted(
        late=late[order].astype(np.float64),
        probability=probability[order],
        loss=log_losses(late[order], probability[order]),
        square=(probability[order] - late[order]) ** 2,
        bins=np.arange(len(order)) * CALIBRATION_BINS // max(len(order), 1),
        last_of_ties=np.append(np.diff(probability[order]) != 0, True),
    )
    _, which = np.unique(day[order], return_inverse=True)
    which = which.reshape(-1)
    values = _weighted(rows, np.ones(len(order)))
    generator, days = np.random.default_rng(seed), int(which.max()) + 1
    drawn = []
    for _ in range(draws):
        times = np.bincount(generator.integers(0, days, days), minlength=days).astype(np.float64)
        drawn.append(list(_weighted(rows, times[which]).values()))
    found = dict(values)
    for name, column in zip(values, np.array(drawn).T, strict=True):
        found[f"{name}_low"], found[f"{name}_high"] = _interval(column)
    return found | {"n": float(len(late)), "late_rate": float(late.mean()), "days": float(days)}


def by_name(
    late: npt.NDArray[np.bool_], probability: Floats, day: Ints, names: npt.NDArray[np.generic]
) -> dict[str, dict[str, float]]:
    """Return the quality of each group of rows that share a name, names ascending."""
    groups = {str(name): names == name for name in np.unique(names)}
    return {name: quality(late[rows], probability[rows], day[rows]) for name, rows in groups.items()}


def _interval(drawn: Floats) -> tuple[float, float]:
    known = drawn[~np.isnan(drawn)]
    if not len(known):
        return float("nan"), float("nan")
    low, high = np.quantile(known, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return float(low), float(high)


def _weighted(rows: _Sorted, weights: Floats) -> dict[str, float]:
    total = weights.sum()
    late_weight = weights * rows.late
    late_total = late_weight.sum()
    hits, seen = np.cumsum(late_weight), np.cumsum(weights)
    # Rows of equal probability count as one step of the curve.
    hits, seen = hits[rows.last_of_ties], seen[rows.last_of_ties]
    misses = seen - hits
    with np.errstate(invalid="ignore", divide="ignore"):
        gained = np.diff(hits, prepend=0.0)
        passed = np.diff(misses, prepend=0.0)
        area = (passed * (hits - gained / 2)).sum() / (late_total * (total - late_total))
        precision = np.divide(hits, seen, out=np.zeros_like(hits), where=seen > 0)
        average = (gained * precision).sum() / late_total
    return {
        "auc": float(area),
        "average_precision": float(average),
        "log_loss": float((weights * rows.loss).sum() / total),
        "brier": float((weights * rows.square).sum() / total),
        "ece": _calibration_error(rows, weights),
    }


def _calibration_error(rows: _Sorted, weights: Floats) -> float:
    predicted = np.bincount(rows.bins, weights * rows.probability, CALIBRATION_BINS)
    observed = np.bincount(rows.bins, weights * rows.late, CALIBRATION_BINS)
    return float(np.abs(predicted - observed).sum() / weights.sum())
