"""Splits in time: fit on the past, evaluate on the newest days, calibrate on weeks spread over the past.

Calibration on the last two weeks alone was worse than none: how late flights are changes from week to week, and
two weeks' level carried into the next ten days costs more than it mends. Over eight windows of 2013 of 90 days
each, log-loss on the ten days after the window was 0.447 that way, 0.440 without calibration, and 0.440 with
weeks spread over the window and trees that are fitted again on every day, which keeps the slope unbiased too.
"""

from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np

from domain.errors import InvalidInput
from domain.flights import Ints
from training.training_set import TrainingSet

BLOCK_DAYS = 7
"""Days that calibrate come in weeks: weather lasts days, so a single day's neighbours would give it away."""


@dataclass(frozen=True)
class SplitPolicy:
    """How many days calibrate, and how many of the newest ones a training run keeps for its evaluation."""

    calibration_days: int = 21
    evaluation_days: int = 7
    minimum_fit_days: int = 14
    """Days that must be left to fit the trees that calibration asks."""


@dataclass(frozen=True)
class Split:
    """Days before the evaluation, once all of them and once in two parts; and the evaluation's."""

    fit: TrainingSet
    """Every day before the evaluation."""
    draft: TrainingSet
    """Those of them that do not calibrate."""
    calibration: TrainingSet
    evaluation: TrainingSet
    """The newest days, after all others."""


def split_by_time(rows: TrainingSet, policy: SplitPolicy) -> Split:
    """Split by local day of the scheduled departure.

    Raises
    ------
    InvalidInput
        If there are too few days.
    """
    days = np.unique(rows.day)
    needed = policy.minimum_fit_days + policy.calibration_days + policy.evaluation_days
    if len(days) < needed:
        raise InvalidInput("flown_until", f"a window of at least {needed} days", len(days))
    before, evaluated = days[: -policy.evaluation_days], days[-policy.evaluation_days :]
    calibrating = np.isin(rows.day, spread(before, policy.calibration_days))
    earlier = rows.day < evaluated[0]
    return Split(
        fit=rows.take(earlier),
        draft=rows.take(earlier & ~calibrating),
        calibration=rows.take(calibrating),
        evaluation=rows.take(~earlier),
    )


def spread(days: Ints, count: int) -> Ints:
    """Choose `count` of some days, in blocks of about a week at equal distances.

    Examples
    --------
    >>> spread(np.arange(1, 29), 14)
    array([ 4,  5,  6,  7,  8,  9, 10, 18, 19, 20, 21, 22, 23, 24])
    """
    blocks = max(1, round(count / BLOCK_DAYS))
    chosen = []
    for block, stretch in enumerate(np.array_split(days, blocks)):
        size = count // blocks + (block < count % blocks)
        start = (len(stretch) - size) // 2
        chosen.append(stretch[start : start + size])
    return np.concatenate(chosen)


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
