"""Splits in time: fit on the past, calibrate on what came next, evaluate on the newest days."""

from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np

from domain.errors import InvalidInput
from training.training_set import TrainingSet


@dataclass(frozen=True)
class SplitPolicy:
    """How many of the newest days a training run keeps from fitting."""

    calibration_days: int = 14
    evaluation_days: int = 7
    minimum_fit_days: int = 14


@dataclass(frozen=True)
class Split:
    """Three stretches of days, each wholly after the one before."""

    fit: TrainingSet
    calibration: TrainingSet
    evaluation: TrainingSet


def split_by_time(rows: TrainingSet, policy: SplitPolicy) -> Split:
    """Split by local day of the scheduled departure.

    Raises
    ------
    InvalidInput
        If there are too few days.
    """
    days = np.unique(rows.day)
    held = policy.calibration_days + policy.evaluation_days
    if len(days) < held + policy.minimum_fit_days:
        raise InvalidInput(
            "flown_until", f"a window of at least {held + policy.minimum_fit_days} days", len(days)
        )
    evaluation_from, calibration_from = days[-policy.evaluation_days], days[-held]
    return Split(
        fit=rows.take(rows.day < calibration_from),
        calibration=rows.take((rows.day >= calibration_from) & (rows.day < evaluation_from)),
        evaluation=rows.take(rows.day >= evaluation_from),
    )


def day_of(number: int) -> date:
    """The date of YYYYMMDD.

    Examples
    --------
    >>> day_of(20130401).isoformat()
    '2013-04-01'
    """
    return date(number // 10_000, number // 100 % 100, number % 100)


def last_days(until: date, count: int) -> tuple[date, date]:
    """First and last of the `count` days that end with `until`."""
    return until - timedelta(days=count - 1), until
