"""Drift against the weeks just served: the season is no surprise to them, and what broke yesterday is.

The distances are Evidently's own, computed here in milliseconds; its report compares the day with the training days.
"""

import numpy as np

from domain.flights import Floats, Ints
from monitoring.measures import Measure
from monitoring.reference import COLUMNS, PREDICTION, Reference, is_categorical
from monitoring.thresholds import jensen_shannon, wasserstein

DAYS = 28
MINIMUM_VALUES = 100


def measure_trailing(current: Floats, trailing: Reference) -> list[Measure]:
    """Compare a day's watched columns with the weeks served before it.

    Parameters
    ----------
    current : float64, shape (n, len(COLUMNS))
        From `reference.watched_columns`; may be empty.
    """
    measures = [
        Measure(
            "drift_trailing",
            distance(before, today, name),
            name,
            high=trailing.thresholds[name],
            n=len(today),
        )
        for name, before, today in _pairs(current, trailing)
    ]
    features = [m for m in measures if m.slice != PREDICTION]
    drifted = drifted_of([m.high is not None and m.value >= m.high for m in features])
    return [*measures, Measure("drift_trailing_columns", drifted, n=len(features))]


def drifted_of(columns: list[bool]) -> float:
    """Return how many columns have drifted; NaN where none could be measured, as on a day of few flights.

    Examples
    --------
    >>> drifted_of([True, False]), drifted_of([])
    (1.0, nan)
    """
    return float(sum(columns)) if columns else float("nan")


def prediction_drift(measures: list[Measure], name: str, as_name: str) -> list[Measure]:
    """Return how far the predictions lie from the reference, as a multiple of their threshold; none where unknown."""
    found = [m for m in measures if m.name == name and m.slice == PREDICTION and m.high]
    return [Measure(as_name, m.value / m.high, n=m.n) for m in found if m.high]


def distance(before: Floats, today: Floats, column: str) -> float:
    """Return the distance of two samples of a column that its method measures."""
    if not is_categorical(column):
        return wasserstein(before, today)
    codes, position = np.unique(np.concatenate([before, today]), return_inverse=True)
    place: Ints = position.reshape(-1)
    counts = [
        np.bincount(part, minlength=len(codes)).astype(np.float64) for part in np.split(place, [len(before)])
    ]
    return jensen_shannon(*counts)


def _pairs(current: Floats, trailing: Reference) -> list[tuple[str, Floats, Floats]]:
    """Return name, reference values and the day's values of the columns that can be compared."""
    found = []
    for i, name in enumerate(COLUMNS):
        before, today = (table[np.isfinite(table[:, i]), i] for table in (trailing.sample, current))
        if name in trailing.thresholds and min(len(before), len(today)) >= MINIMUM_VALUES:
            found.append((name, before, today))
    return found
