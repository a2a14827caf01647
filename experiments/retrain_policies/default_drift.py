"""What a team sees that puts Evidently's drift preset over a day's features and leaves every default as it is.

Above 1,000 reference rows the preset takes, for each column, the Wasserstein distance over the reference's deviation,
for codes and for numbers of at most five values the Jensen-Shannon distance, calls the column drifted from 0.1 on, and
the dataset from half of its columns on. Those are numbers of `monitoring.thresholds`: taken from there, a day costs
milliseconds instead of seconds, and a test holds the share equal to what Evidently itself reports.
"""

from dataclasses import dataclass

import numpy as np

from domain.features.catalogue import CATEGORICAL, FEATURE_NAMES
from domain.flights import Floats, Ints
from experiments.retrain_policies.contest import DayView
from monitoring.thresholds import jensen_shannon, wasserstein

COLUMN_THRESHOLD = 0.1
DATASET_SHARE = 0.5
FEW_VALUES = 5
LEAST_REFERENCE_ROWS = 1_001
"""With fewer Evidently takes other methods: a place with so few flights has no day that is called drifted."""


@dataclass(frozen=True)
class DefaultDrift:
    """A day against the champion's training days."""

    columns: int = 30
    reference_rows: int = 5_000

    def share(self, view: DayView) -> float:
        """Return the share of columns that are called drifted; NaN where the reference has too few rows."""
        chosen = self.chosen()
        current = view.year.rows.X[np.ix_(view.flown, chosen)]
        return drifted_share(
            self._reference(view, chosen), current, [FEATURE_NAMES[i] in CATEGORICAL for i in chosen]
        )

    def chosen(self) -> Ints:
        """Return the positions of the columns, spread evenly over the catalogue so that each family has its share."""
        n = len(FEATURE_NAMES)
        return np.unique(np.linspace(0, n - 1, min(self.columns, n)).round().astype(np.int64))

    def _reference(self, view: DayView, chosen: Ints) -> Floats:
        champion, year = view.champion, view.year
        known = year.known(champion.trained_from, champion.trained_until, champion.window.as_of)
        rows = np.random.default_rng(0).permutation(np.flatnonzero(known))[: self.reference_rows]
        values: Floats = year.rows.X[np.ix_(np.sort(rows), chosen)]
        return values


def drifted_share(reference: Floats, current: Floats, categorical: list[bool]) -> float:
    """Return the share of columns whose distance reaches Evidently's default threshold.

    Parameters
    ----------
    reference : float64, shape (n, k)
    current : float64, shape (m, k)
    categorical : list of bool
        Which columns hold codes.

    Returns
    -------
    float
        NaN where the reference has less than `LEAST_REFERENCE_ROWS`.
    """
    if len(reference) < LEAST_REFERENCE_ROWS:
        return float("nan")
    distances = [
        distance(before[np.isfinite(before)], today[np.isfinite(today)], codes)
        for before, today, codes in zip(reference.T, current.T, categorical, strict=True)
    ]
    # Evidently raises on a column without any value: a team leaves such columns out.
    known = [d for d in distances if d == d]
    return sum(d >= COLUMN_THRESHOLD for d in known) / len(known) if known else 0.0


def distance(before: Floats, today: Floats, codes: bool) -> float:
    """Return the distance of a column's known values from those before; NaN where either side has none."""
    if not len(before) or not len(today):
        return float("nan")
    values, position = np.unique(np.concatenate([before, today]), return_inverse=True)
    if not codes and len(values) > FEW_VALUES:
        return wasserstein(before, today)
    sides = np.split(position.reshape(-1), [len(before)])
    counts = [np.bincount(side, minlength=len(values)).astype(np.float64) for side in sides]
    return jensen_shannon(counts[0], counts[1])
