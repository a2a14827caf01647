"""What a training set must look like, as a pandera schema: checked at every training run, before the fit.

The schema follows the table of features: whole numbers and units have ranges, what has a default is never missing, and
whatever comes from the schedule is there. Delays in features are winsorised; the label's delay is not in the set.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np
import pandas as pd
import pandera.pandas as pa
from pandera.errors import SchemaErrors

from domain.errors import InvalidInput
from domain.features.catalogue import FEATURE_NAMES, FEATURES, POSITION, Feature
from domain.features.columns import DELAY_CEILING, DELAY_FLOOR
from domain.features.grid import DAY_MINUTES
from domain.flights import Floats
from training.training_set import TrainingSet

LARGEST_CODE = 36**3 - 1
"""The highest number of three letters and digits, read in base 36."""
RANGES: dict[str, tuple[float, float]] = {
    "flights": (0, 10_000),
    "hours": (0, 25),
    "minutes": (-1440, 1440),
    "share": (-1, 5),
    "mph": (-200, 200),
    "°F": (-150, 150),
    "%": (-100, 100),
    "inches": (-20, 60),
    "mb": (-200, 1100),
    "miles": (-100, 100),
    "1": (-1, 1),
    "0 = Monday": (0, 6),
    "days, at most 7": (0, 7),
    "minutes after local midnight": (0, DAY_MINUTES - 1),
    "minutes after local midnight at the destination": (0, DAY_MINUTES - 1),
    "minutes from the question to the scheduled departure": (0, DAY_MINUTES),
    "base-36 number of the code": (0, LARGEST_CODE),
    "statute miles": (1, 12_500),
    "miles a minute of block": (0, 15),
}
"""What a feature of a unit may be, changes of a reading included; a unit that is not here need only be finite."""
DELAYS = ("congestion", "cohort", "queue", "history")
"""Families whose minutes are delays."""
DIFFERENCES = ("margin_", "_excess_")
"""Parts of the names of delays less something else, which reach beyond those of any delay."""
ALWAYS_KNOWN = "schedule"
WHOLE = ("int64", "category")
"""Types of features that are whole numbers."""
MOST_UNFIT = 0.02
"""Share of the rows that may have a value no feature can have: more is no faulty reading, but another unit or code."""


@dataclass(frozen=True)
class Checked:
    """The rows of a training set that fit."""

    rows: TrainingSet
    left_out: int = 0
    columns: dict[str, int] = field(default_factory=dict)
    """Of the rows left out, how many have a value in a column that it cannot have."""


def expectations(leads: tuple[int, ...], features: Sequence[Feature] = FEATURES) -> pa.DataFrameSchema:
    """Return the schema of a training set that was asked for at some leads, as `table` lays it out."""
    columns = {feature.name: _feature(feature) for feature in features}
    columns |= {
        "late": pa.Column(bool),
        "lead": pa.Column("int64", pa.Check.isin(leads)),
        "day": pa.Column("int64", pa.Check.in_range(19_870_101, 20_991_231)),
        "flight_id": pa.Column(str),
        "asked_late": pa.Column(bool, pa.Check.eq(False), nullable=False),
    }
    return pa.DataFrameSchema(columns, unique=["flight_id", "lead"], strict=True)


def table(rows: TrainingSet, features: Sequence[Feature] = FEATURES) -> pd.DataFrame:
    """Return a training set as a frame: its features or some of them, label, lead, day and flight."""
    # One column after the other: `assign` would copy all vectors, which are most of what a training run holds.
    names = [feature.name for feature in features]
    vectors = rows.X if features is FEATURES else rows.X[:, [POSITION[name] for name in names]]
    frame = pd.DataFrame(vectors, columns=names, copy=False)
    frame["late"] = rows.y
    frame["lead"] = rows.lead.astype(np.int64)
    frame["day"] = rows.day.astype(np.int64)
    frame["flight_id"] = rows.flight_id.astype(object)
    frame["asked_late"] = rows.queries.as_of > rows.queries.sched_dep
    return frame


def doubtful(vectors: Floats) -> list[Feature]:
    """Return the features whose values the schema has to look at one by one: the extremes of the others fit.

    Parameters
    ----------
    vectors : Floats, shape (n, n_features)
    """
    # Along the rows as they lie in memory: a tenth of a second for a year, which took the schema three.
    lowest = np.fmin.reduce(vectors, axis=0, initial=np.inf)
    highest = np.fmax.reduce(vectors, axis=0, initial=-np.inf)
    missing = np.isnan(np.minimum.reduce(vectors, axis=0, initial=np.inf))
    found = []
    for i, feature in enumerate(FEATURES):
        low, high = _range(feature)
        fits = lowest[i] >= low and highest[i] <= high and not (missing[i] and _required(feature))
        if not fits or feature.dtype in WHOLE:
            found.append(feature)
    return found


def leave_out_unfit(rows: TrainingSet, leads: tuple[int, ...]) -> Checked:
    """Validate a training set by its schema; leave out the few rows with a value that no feature can have.

    Vectors keep what was known at their moment, so a value that was corrected since stays in them: it must not stop
    every retrain until its day has left the window.

    Raises
    ------
    InvalidInput
        If more rows do not fit than may be, or a rule is broken that is not about a feature's value; names the first
        column, the rule, and how many rows or values break it.
    """
    try:
        features = doubtful(rows.X)
        expectations(leads, features).validate(table(rows, features), lazy=True, inplace=True)
    except SchemaErrors as errors:
        return _without_unfit(rows, errors)
    return Checked(rows)


def _without_unfit(rows: TrainingSet, errors: SchemaErrors) -> Checked:
    cases = errors.failure_cases
    others = cases[~cases["column"].isin(FEATURE_NAMES) | cases["index"].isna()]
    if len(others):
        raise _refusal(
            others, f"in every row of the training set ({len(others)} values break a rule)"
        ) from errors
    unfit = np.unique(cases["index"].to_numpy(dtype=np.int64))
    if len(unfit) > MOST_UNFIT * len(rows):
        least = f"in at least {1 - MOST_UNFIT:.0%} of the rows ({len(unfit)} of {len(rows)} do not fit)"
        raise _refusal(cases, least) from errors
    columns = cases.groupby("column")["index"].nunique()
    return Checked(rows.take(np.delete(np.arange(len(rows)), unfit)), len(unfit), columns.to_dict())


def _refusal(cases: pd.DataFrame, where: str) -> InvalidInput:
    first = cases.iloc[0]
    return InvalidInput(str(first["column"]), f"{first['check']} {where}", str(first["failure_case"]))


def _feature(feature: Feature) -> pa.Column:
    low, high = _range(feature)
    checks = [pa.Check(_between(low, high), error=f"a finite number from {low:g} to {high:g}")]
    if feature.dtype in WHOLE:
        checks.append(pa.Check(_whole, error="a whole number"))
    return pa.Column("float64", checks, nullable=not _required(feature))


def _required(feature: Feature) -> bool:
    # A default of 0 means that nothing known is nothing counted; NaN stays NaN, and the trees learn what it means.
    return feature.default == 0 or feature.family == ALWAYS_KNOWN


def _range(feature: Feature) -> tuple[float, float]:
    is_difference = any(part in feature.name for part in DIFFERENCES)
    if feature.unit == "minutes" and feature.family in DELAYS and not is_difference:
        return DELAY_FLOOR, DELAY_CEILING
    largest = float(np.finfo(np.float64).max)
    return RANGES.get(feature.unit, (-largest, largest))


def _between(low: float, high: float) -> Callable[[pd.Series], bool | pd.Series]:
    def check(column: pd.Series) -> bool | pd.Series:
        values = column.to_numpy()
        # Nearly every column fits, and says so without a row of answers.
        if not len(values) or (
            np.nanmin(values, initial=high) >= low and np.nanmax(values, initial=low) <= high
        ):
            return True
        return column.between(low, high) | column.isna()

    return check


def _whole(column: pd.Series) -> pd.Series:
    values = column.to_numpy()
    return pd.Series(np.isnan(values) | (values == np.floor(values)), index=column.index)
