"""How good probabilities are: pure numpy, overall and by slice; for their intervals see `bootstrap`."""

from collections.abc import Callable
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
import numpy.typing as npt

from domain.flights import Floats, Ints

Labels = npt.NDArray[np.bool_]
Metric = Callable[[Labels, Floats], float]
CLIP = 1e-7
CALIBRATION_BINS = 15
NORMAL_DRAWS = np.array([NormalDist().inv_cdf((k + 0.5) / 64) for k in range(64)])
"""A standard normal variable at 64 values that are equally likely."""


def auc(late: Labels, probability: Floats) -> float:
    """Return the area under the ROC curve: how often a late flight scores above a punctual one, ties counting half.

    Returns
    -------
    float
        NaN where all labels are the same.

    Examples
    --------
    >>> auc(np.array([False, True, True]), np.array([0.1, 0.1, 0.9]))
    0.75
    """
    n_late = int(late.sum())
    n_punctual = len(late) - n_late
    if not n_late or not n_punctual:
        return float("nan")
    _, position, counts = np.unique(probability, return_inverse=True, return_counts=True)
    mean_rank = np.cumsum(counts) - (counts - 1) / 2
    rank_sum = mean_rank[position.reshape(-1)][late].sum()
    return float((rank_sum - n_late * (n_late + 1) / 2) / (n_late * n_punctual))


def average_precision(late: Labels, probability: Floats) -> float:
    """Return the mean precision over the recalled late flights, equal scores taken together.

    Examples
    --------
    >>> average_precision(np.array([True, False]), np.array([0.9, 0.1]))
    1.0
    """
    n_late = int(late.sum())
    if not n_late:
        return float("nan")
    order = np.argsort(-probability, kind="stable")
    hits = np.cumsum(late[order])
    last_of_ties = np.append(np.flatnonzero(np.diff(probability[order])), len(order) - 1)
    recalled = hits[last_of_ties]
    precision = recalled / (last_of_ties + 1)
    return float((np.diff(recalled, prepend=0) * precision).sum() / n_late)


def log_losses(late: Labels, probability: Floats) -> Floats:
    """Return the log-loss of each row in nats, shape (n,); probabilities are kept off 0 and 1."""
    p = np.clip(probability, CLIP, 1 - CLIP)
    losses: Floats = -np.where(late, np.log(p), np.log1p(-p))
    return losses


def log_loss(late: Labels, probability: Floats) -> float:
    """Return the mean log-loss in nats; NaN without rows.

    Examples
    --------
    >>> round(log_loss(np.array([True]), np.array([0.5])), 4)
    0.6931
    """
    return float(log_losses(late, probability).mean()) if len(late) else float("nan")


def brier(late: Labels, probability: Floats) -> float:
    """Return the mean squared error of the probability; NaN without rows.

    Examples
    --------
    >>> brier(np.array([True, False]), np.array([1.0, 0.5]))
    0.125
    """
    return float(((probability - late) ** 2).mean()) if len(late) else float("nan")


@dataclass(frozen=True)
class Reliability:
    """Predicted against observed share of late flights in bins of equally many rows; arrays of one length."""

    predicted: Floats
    observed: Floats
    count: Ints


def reliability(late: Labels, probability: Floats, bins: int = CALIBRATION_BINS) -> Reliability:
    """Sort rows by probability, cut them into bins of equal size, and average each."""
    order = np.argsort(probability, kind="stable")
    parts = [part for part in np.array_split(order, bins) if len(part)]
    return Reliability(
        np.array([probability[part].mean() for part in parts]),
        np.array([late[part].mean() for part in parts]),
        np.array([len(part) for part in parts], dtype=np.int64),
    )


def ece(late: Labels, probability: Floats, bins: int = CALIBRATION_BINS) -> float:
    """Return the expected calibration error: mean distance of predicted and observed share over equal-mass bins.

    What chance adds is taken off, see `calibration_errors`; NaN without rows.

    Examples
    --------
    >>> ece(np.array([True, False]), np.array([0.5, 0.5]), bins=1)
    0.0
    """
    order = np.argsort(probability, kind="stable")
    of_row = equal_bins(len(order), bins)
    return float(calibration_errors(late[order], probability[order], of_row, np.ones((1, len(order))))[0])


def equal_bins(n: int, bins: int = CALIBRATION_BINS) -> Ints:
    """Return the bin of each of n rows that are sorted by probability: bins of equally many rows, shape (n,)."""
    of_row: Ints = np.arange(n) * bins // max(n, 1)
    return of_row


def calibration_errors(late: Labels | Floats, probability: Floats, bins: Ints, weights: Floats) -> Floats:
    """Return the expected calibration error under each row of weights, shape (draws, n) to (draws,).

    A bin's observed share is a draw, so that its distance from the prediction is too large by chance alone. By how
    much another draw around the observed distance would raise it once more is taken off, as Kumar, Liang and Ma do in
    "Verified Uncertainty Calibration" (2019). Where bins are off by more than their noise this takes all of the bias,
    and two fifths of it where there is nothing but noise. The error is never below 0.

    Parameters
    ----------
    late, probability : shape (n,)
        Labels and predictions.
    bins : int64, shape (n,)
        The bin of each row, from 0.
    """
    if not len(bins):
        return np.full(len(weights), np.nan)
    cells = int(bins.max()) + 1
    cell = (np.arange(len(weights))[:, None] * cells + bins).ravel()

    def by_bin(of: Floats) -> Floats:
        return np.asarray(np.bincount(cell, of.ravel(), len(weights) * cells), np.float64)

    mass = by_bin(weights)
    seen = mass > 0
    share = np.divide(1.0, mass, out=np.zeros_like(mass), where=seen)
    gap = np.abs(by_bin(weights * (probability - late))) * share
    spread = np.sqrt(by_bin(weights**2 * (probability * (1 - probability)))) * share
    once_more = np.abs(gap[:, None] + spread[:, None] * NORMAL_DRAWS).mean(axis=1)
    errors = (mass * (2 * gap - once_more)).reshape(-1, cells).sum(axis=1) / weights.sum(axis=1)
    return np.asarray(np.maximum(errors, 0.0))


METRICS: dict[str, Metric] = {
    "auc": auc,
    "average_precision": average_precision,
    "log_loss": log_loss,
    "brier": brier,
    "ece": ece,
}


def summary(late: Labels, probability: Floats) -> dict[str, float]:
    """Return every metric, the number of rows and the share of late flights."""
    values = {name: metric(late, probability) for name, metric in METRICS.items()}
    return values | {"n": float(len(late)), "late_rate": float(late.mean()) if len(late) else float("nan")}


def by_slice(
    late: Labels, probability: Floats, names: npt.NDArray[np.generic]
) -> dict[str, dict[str, float]]:
    """Return the summary of each group of rows that share a name, names ascending."""
    return {str(name): summary(late[names == name], probability[names == name]) for name in np.unique(names)}


def estimated(probability: Floats) -> dict[str, float]:
    """Return the performance to expect before any label is there, if the probabilities are calibrated.

    Each row counts as late with its own probability and as punctual with the rest: the expected value of each
    metric follows (confidence-based performance estimation, as NannyML describes it).

    Returns
    -------
    dict
        auc, log_loss, brier and late_rate; NaN without rows.
    """
    if not len(probability):
        return dict.fromkeys(("auc", "log_loss", "brier", "late_rate"), float("nan"))
    p = np.clip(probability, CLIP, 1 - CLIP)
    return {
        "auc": _expected_auc(p),
        "log_loss": float(-(p * np.log(p) + (1 - p) * np.log1p(-p)).mean()),
        "brier": float((p * (1 - p)).mean()),
        "late_rate": float(p.mean()),
    }


def _expected_auc(p: Floats) -> float:
    """Return the expected share of (late, punctual) pairs in the right order, each pair weighed by its probability."""
    scores, position = np.unique(p, return_inverse=True)
    late = np.bincount(position.reshape(-1), p, len(scores))
    punctual = np.bincount(position.reshape(-1), 1 - p, len(scores))
    below = np.cumsum(punctual) - punctual
    # Two different rows make a pair; a row does not meet itself.
    right = (late * (below + punctual / 2)).sum() - (p * (1 - p)).sum() / 2
    total = late.sum() * punctual.sum() - (p * (1 - p)).sum()
    return float(right / total) if total > 0 else float("nan")


def log_loss_gap(late: Labels, probability: Floats) -> float:
    """Return the realised less expected log-loss, in nats: a hard day raises both, a model gone wrong the difference.

    Examples
    --------
    >>> round(log_loss_gap(np.array([True, True]), np.array([0.5, 0.5])), 4)
    0.0
    """
    return log_loss(late, probability) - estimated(probability)["log_loss"]
