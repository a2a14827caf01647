"""Platt's calibration: two numbers fitted on days the trees have not seen."""

import numpy as np
import numpy.typing as npt

from domain.flights import Floats
from domain.model import Calibration

ITERATIONS = 50
TOLERANCE = 1e-10


def fit_calibration(raw: Floats, late: npt.NDArray[np.bool_]) -> Calibration:
    """Fit slope and intercept by maximum likelihood (Newton's method).

    Parameters
    ----------
    raw : float64, shape (n,)
        Raw log-odds of the trees.

    Raises
    ------
    ValueError
        If all labels are the same: then no finite fit exists.
    """
    if late.all() or not late.any():
        raise ValueError("expected both late and punctual flights to calibrate on")
    design = np.column_stack([raw, np.ones_like(raw)])
    weights = np.array([1.0, 0.0])
    for _ in range(ITERATIONS):
        p = 1.0 / (1.0 + np.exp(-design @ weights))
        gradient = design.T @ (p - late)
        hessian = (design * (p * (1 - p))[:, None]).T @ design
        step = np.linalg.solve(hessian, gradient)
        weights -= step
        if np.abs(step).max() < TOLERANCE:
            break
    return Calibration(slope=float(weights[0]), intercept=float(weights[1]))
