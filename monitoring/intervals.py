"""Intervals of realised performance of a single day, by a bootstrap over its hours.

Flights of one hour share its weather and its queues, so rows are not independent and hours are the blocks. A day is
one day: its intervals say how much its figures owe to single hours, not how days differ; for that see the window's
intervals, whose blocks are days.
"""

from dataclasses import dataclass

import numpy as np

from domain.bootstrap import MINIMUM_BLOCKS, bootstrap, percentile_interval
from domain.flights import Floats, Ints
from domain.metrics import METRICS, Labels

HEADLINE = ("auc", "log_loss", "brier", "ece")


@dataclass(frozen=True)
class Bounded:
    """A value with its interval; without bounds where one day allows none."""

    value: float
    low: float | None = None
    high: float | None = None


def headline_intervals(late: Labels, probability: Floats, hour: Ints) -> dict[str, Bounded]:
    """Return AUC, log-loss, Brier score and calibration error with 95% intervals.

    Parameters
    ----------
    late, probability : shape (n,)
        What came, and what was said.
    hour : int64, shape (n,)
        Anything that is equal within an hour.
    """
    values = {name: METRICS[name](late, probability) for name in HEADLINE}
    if len(np.unique(hour)) < MINIMUM_BLOCKS:
        return {name: Bounded(value) for name, value in values.items()}
    draws = bootstrap(late, probability, hour, HEADLINE)
    return {name: _bounded(value, draws[name]) for name, value in values.items()}


def _bounded(value: float, draws: Floats) -> Bounded:
    if np.isnan(draws).mean() > 1 / 2:  # late flights in so few hours that most draws have none
        return Bounded(value)
    return Bounded(value, *percentile_interval(draws))
