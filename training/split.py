"""Splits in time: fit on the past, evaluate on the newest days."""

from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np
import numpy.typing as npt

from domain.errors import InvalidInput
from training.training_set import TrainingSet


@dataclass(frozen=True)
class SplitPolicy:
    """How many of the newest days a training run keeps for its evaluation."""

    evaluation_days: int = 7
    minimum_fit_days: int = 35
    """Days that must be left to fit on."""


@dataclass(frozen=True)
class Split:
    """Days before the evaluation, and the evaluation's."""

    fit: TrainingSet
    """Every day before the evaluation."""
    evaluation: TrainingSet
    """The newest days, after all others."""


def split_by_time(rows: TrainingSet, policy: SplitPolicy) -> Split:
    """Split by local day of the scheduled departure.

    Raises
    ------
    InvalidInput
        If there are too few days, or all flights to fit on were late, or none was.
    """
    days = np.unique(rows.day)
    needed = policy.minimum_fit_days + policy.evaluation_days
    if len(days) < needed:
        raise InvalidInput("flown_until", f"a window of at least {needed} days", len(days))
    earlier = rows.day < days[-policy.evaluation_days]
    fit = rows.take(_together(earlier))
    late = int(fit.y.sum())
    if late in (0, len(fit)):
        found = f"{late} late of {len(fit)}"
        raise InvalidInput("arr_delay", "late flights and punctual ones to fit on", found)
    return Split(fit=fit, evaluation=rows.take(_together(~earlier)))


def _together(chosen: npt.NDArray[np.bool_]) -> npt.NDArray[np.bool_] | slice:
    """Return the rows as a slice where they lie together, as of one time zone: a year's are not copied then."""
    at = np.flatnonzero(chosen)
    lie_together = len(at) and at[-1] - at[0] + 1 == len(at)
    return slice(int(at[0]), int(at[-1]) + 1) if lie_together else chosen


def day_of(number: int) -> date:
    """Return the date of YYYYMMDD.

    Examples
    --------
    >>> day_of(20130401).isoformat()
    '2013-04-01'
    """
    return date(number // 10_000, number // 100 % 100, number % 100)


def last_days(until: date, count: int) -> tuple[date, date]:
    """Return the first and last of the `count` days that end with `until`."""
    return until - timedelta(days=count - 1), until
