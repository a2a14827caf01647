"""Drift of a day's vectors and predictions, by Evidently, with method and threshold pinned per column.

Wasserstein over the deviation for numbers, Jensen-Shannon for codes: both measure how far, not how surely, so that
more rows do not make the same shift more alarming. Evidently raises on empty, all-missing and infinite columns:
those never reach it, and a column that is missing is a finding of its own.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from adapters.atomic_write import atomic_write
from domain.flights import Floats
from monitoring.measures import Measure
from monitoring.reference import COLUMNS, PREDICTION, SAMPLE_ROWS, Reference, is_categorical
from monitoring.trailing import distance, drifted_of

HTML, JSON = "drift.html", "drift.json"
MINIMUM_VALUES = 100
"""Fewer values of a column in a day say nothing of its distribution."""
MINIMUM_FLIGHTS = 30
"""Of fewer the share of missing values is chance: a single flight misses all of a column, or nothing."""


@dataclass(frozen=True)
class ColumnDrift:
    """How far one column lies from the reference."""

    column: str
    score: float
    """NaN where it could not be measured."""
    threshold: float
    missing: float
    """Share of the day's values that are missing."""
    n: int

    @property
    def drifted(self) -> bool:
        """Return whether it lies beyond its threshold."""
        return self.score >= self.threshold


@dataclass(frozen=True)
class DriftReport:
    """A day's drift as measures, and where Evidently's report is; None where there is none."""

    measures: list[Measure]
    html: Path | None
    json: Path | None


def method_of(column: str) -> str:
    """Return Evidently's name of the method of a column."""
    return "jensenshannon" if is_categorical(column) else "wasserstein"


def measurable(reference: Reference, current: Floats) -> list[str]:
    """Return the columns with enough values on both sides, and a threshold."""
    enough = [
        name
        for i, name in enumerate(COLUMNS)
        if np.isfinite(current[:, i]).sum() >= MINIMUM_VALUES
        and np.isfinite(reference.sample[:, i]).sum() >= MINIMUM_VALUES
    ]
    return [name for name in enough if name in reference.thresholds]


def measure_drift(current: Floats, reference: Reference, folder: Path | None) -> DriftReport:
    """Compare a day's watched columns with the reference, and write Evidently's report into `folder`.

    Without a folder no report is drawn, and the same distances are computed here, in milliseconds.

    Parameters
    ----------
    current : float64, shape (n, len(COLUMNS))
        From `reference.watched_columns`; may be empty.
    """
    current = _sample(current)
    columns = measurable(reference, current)
    if not columns:
        scores = {}
    elif folder is None:
        scores = _distances(reference, current, columns)
    else:
        scores = _scores(reference, current, columns, folder)
    drifts = [_column(reference, current, i, scores) for i in range(len(COLUMNS))]
    measures = _measures(drifts, reference, len(current))
    html, json = (folder / HTML, folder / JSON) if columns and folder else (None, None)
    return DriftReport(measures, html, json)


def _column(reference: Reference, current: Floats, i: int, scores: dict[str, float]) -> ColumnDrift:
    name, values = COLUMNS[i], current[:, i]
    return ColumnDrift(
        column=name,
        score=scores.get(name, float("nan")),
        threshold=reference.thresholds.get(name, float("nan")),
        missing=float(np.isnan(values).mean()) if len(values) else float("nan"),
        n=int(np.isfinite(values).sum()),
    )


def _measures(drifts: list[ColumnDrift], reference: Reference, flights: int) -> list[Measure]:
    """Score of each column with its threshold as the upper bound, missing values, and how many drifted."""
    measured = [d for d in drifts if d.score == d.score and d.column != PREDICTION]
    enough = flights >= MINIMUM_FLIGHTS
    lost = [d.missing - reference.missing[d.column] for d in drifts] if enough else []
    return [
        *(Measure("drift", d.score, d.column, high=_bound(d.threshold), n=d.n) for d in drifts),
        *(Measure("missing_share", d.missing, d.column) for d in drifts),
        Measure("drift_columns", drifted_of([d.drifted for d in measured]), n=len(measured)),
        Measure("missing_excess", max(lost, default=float("nan")), n=len(lost)),
    ]


def _bound(threshold: float) -> float | None:
    return threshold if threshold == threshold else None


def _sample(current: Floats) -> Floats:
    if len(current) <= SAMPLE_ROWS:
        return current
    rows = np.random.default_rng(len(current)).permutation(len(current))[:SAMPLE_ROWS]
    return current[np.sort(rows)]


def _distances(reference: Reference, current: Floats, columns: list[str]) -> dict[str, float]:
    found = {}
    for name in columns:
        i = COLUMNS.index(name)
        before, today = (values[np.isfinite(values[:, i]), i] for values in (reference.sample, current))
        found[name] = distance(before, today, name)
    return found


def _scores(reference: Reference, current: Floats, columns: list[str], folder: Path) -> dict[str, float]:
    # Importing Evidently costs seven seconds and 300 MB: only a run that has something to measure pays.
    import pandas as pd
    from evidently import DataDefinition, Dataset, Report
    from evidently.metrics import ValueDrift

    codes = [name for name in columns if is_categorical(name)]
    definition = DataDefinition(
        numerical_columns=[name for name in columns if name not in codes], categorical_columns=codes
    )
    positions = [COLUMNS.index(name) for name in columns]
    today, before = (
        Dataset.from_pandas(
            pd.DataFrame(values[:, positions], columns=columns).astype(dict.fromkeys(codes, str)), definition
        )
        for values in (current, reference.sample)
    )
    report = Report(
        [
            ValueDrift(column=name, method=method_of(name), threshold=reference.thresholds[name])
            for name in columns
        ],
        include_tests=True,
    )
    with np.errstate(all="ignore"):
        snapshot = report.run(today, before)
    with atomic_write(folder / HTML) as page:
        snapshot.save_html(str(page))
    with atomic_write(folder / JSON) as table:
        snapshot.save_json(str(table))
    measured = snapshot.dict()["metrics"]
    return {m["config"]["column"]: float(m["value"]) for m in measured}
