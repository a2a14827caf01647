"""What an operator decides by: the riskiest flights of each day, warnings at a given precision, and net benefit."""

from typing import Any

import numpy as np
import numpy.typing as npt

from domain.bootstrap import DRAWS, draw_blocks, percentile_interval
from domain.flights import Floats, Ints
from experiments.evaluation.intervals import weeks_of

Labels = npt.NDArray[np.bool_]
RISKIEST = (10, 25, 50, 100, 200)
"""Flights of a day that are looked at."""
PRECISIONS = (0.5, 0.6, 0.7, 0.8)
RECALLS = (0.2, 0.3, 0.4, 0.48, 0.6)
"""One of them is that of a published model an hour ahead with inbound aircraft: precision 0.607 at recall 0.480."""
THRESHOLDS = tuple(round(0.05 * step, 2) for step in range(1, 15))


def operations(late: Labels, probability: Floats, day: Ints) -> dict[str, Any]:
    """Return all of it for n flights, with intervals over weeks."""
    return {
        "riskiest": [_riskiest(late, probability, day, k) for k in RISKIEST],
        "at_precision": [_at_precision(late, probability, wanted) for wanted in PRECISIONS],
        "at_recall": [_at_recall(late, probability, wanted) for wanted in RECALLS],
        "net_benefit": net_benefit(late, probability),
    }


def riskiest_of_days(late: Labels, probability: Floats, day: Ints, k: int) -> tuple[Ints, Ints, Ints]:
    """Return, for each day, how many of its k riskiest flights came late, how many were looked at, and all late ones.

    A day of fewer flights is looked at whole.
    """
    days, position = np.unique(day, return_inverse=True)
    position = position.reshape(-1)
    order = np.lexsort((-probability, position))
    first = np.searchsorted(position[order], np.arange(len(days)))
    chosen = order[np.arange(len(day)) - first[position[order]] < k]
    hits, looked, all_late = (
        np.bincount(position[rows], minlength=len(days)).astype(np.int64)
        for rows in (chosen[late[chosen]], chosen, np.flatnonzero(late))
    )
    return hits, looked, all_late


def _riskiest(late: Labels, probability: Floats, day: Ints, k: int) -> dict[str, float]:
    hits, looked, all_late = riskiest_of_days(late, probability, day, k)
    _, week = np.unique(weeks_of(np.unique(day)), return_inverse=True)
    week = week.reshape(-1)
    hits_of, looked_of = np.bincount(week, hits), np.bincount(week, looked)
    drawn = draw_blocks(len(hits_of), DRAWS, 0)
    low, high = percentile_interval(hits_of[drawn].sum(axis=1) / looked_of[drawn].sum(axis=1))
    return {
        "k": float(k),
        "precision": float(hits.sum() / looked.sum()),
        "precision_low": low,
        "precision_high": high,
        "recall": float(hits.sum() / max(all_late.sum(), 1)),
    }


def _curve(late: Labels, probability: Floats) -> tuple[Floats, Floats, Floats]:
    """Return precision, recall and threshold of warning every flight down to each probability."""
    order = np.argsort(-probability, kind="stable")
    last_of_ties = np.flatnonzero(np.append(np.diff(probability[order]) != 0, True))
    hits = np.cumsum(late[order])[last_of_ties]
    return hits / (last_of_ties + 1), hits / max(late.sum(), 1), probability[order][last_of_ties]


def _at_precision(late: Labels, probability: Floats, wanted: float) -> dict[str, float | None]:
    precision, recall, threshold = _curve(late, probability)
    enough = np.flatnonzero(precision >= wanted)
    if not len(enough):
        return {"precision": wanted, "recall": 0.0, "threshold": None}
    best = enough[np.argmax(recall[enough])]
    return {"precision": wanted, "recall": float(recall[best]), "threshold": float(threshold[best])}


def _at_recall(late: Labels, probability: Floats, wanted: float) -> dict[str, float]:
    precision, recall, threshold = _curve(late, probability)
    first = int(np.argmax(recall >= wanted))
    return {"recall": wanted, "precision": float(precision[first]), "threshold": float(threshold[first])}


def net_benefit(late: Labels, probability: Floats) -> list[dict[str, float]]:
    """Return the decision curve: late flights warned of, less false warnings at the threshold's odds, per flight.

    Warning of every flight and of none stand beside it; who warns from a threshold holds a miss to cost
    (1 - threshold) / threshold false warnings.
    """
    rows = []
    for threshold in THRESHOLDS:
        odds, warned = threshold / (1 - threshold), probability >= threshold
        rows.append(
            {
                "threshold": threshold,
                "model": float((late & warned).mean() - odds * (~late & warned).mean()),
                "every_flight": float(late.mean() - odds * (1 - late.mean())),
                "none": 0.0,
            }
        )
    return rows
