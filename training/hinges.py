"""Fit the hinge logistic regression: Newton's method on some rows, then the same step's direction on all of them."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import partial

import numpy as np
import numpy.typing as npt
from threadpoolctl import threadpool_limits

from domain.features.catalogue import FEATURE_NAMES, POSITION
from domain.flights import Floats
from domain.hinges import KNOTS, HingeLogistic
from training.standardisation import chosen_rows, mean_and_scale, quantiles_of
from training.training_set import TrainingSet

BAND_UNTIL = (90.0, 360.0, 1440.0)
"""Minutes: what lateness by now says of a flight fades with the lead, so that each band has weights of its own."""
CHUNK = 16_384
NEWTON_ROWS = 24_576
NEWTON_STEPS, STEPS = 8, 25
TOLERANCE = 1e-4
LINES = 1 + KNOTS


@dataclass(frozen=True)
class HingeParameters:
    """What is chosen of the logistic regression."""

    c: float = 0.002
    """Inverse strength of the squared penalty on the weights, against a sum of losses."""
    bounds: tuple[float, float] = (0.005, 0.995)
    """Quantiles between which a column is kept."""
    knots: tuple[float, float] = (0.5, 0.9)
    """Quantiles at which it bends."""
    rows: int = 150_000
    """Most rows that a band is fitted on."""
    share: float = 0.15
    """Of the model's log-odds."""


def fit_hinges(rows: TrainingSet, parameters: HingeParameters, seed: int) -> HingeLogistic:
    """Fit a hinge logistic regression of every band of leads; one thread, so that the same rows give the same bits.

    A band that no row is in has the weights of the one before it, or else of the next.
    """
    with threadpool_limits(1):
        shape = _shape(rows, parameters, seed)
        bands: list[tuple[Floats, Floats, float] | None] = []
        low = -np.inf
        for until in BAND_UNTIL:
            inside = np.flatnonzero((rows.lead > low) & (rows.lead <= until))
            bands.append(_fit_band(shape, rows, inside, parameters, seed) if len(inside) else None)
            low = until
    fitted = _filled(bands)
    return replace(
        shape,
        weights=np.stack([weights for weights, _, _ in fitted]),
        expected=np.stack([expected for _, expected, _ in fitted]),
        intercept=np.array([intercept for _, _, intercept in fitted]),
    )


def _shape(rows: TrainingSet, parameters: HingeParameters, seed: int) -> HingeLogistic:
    """Return bounds, scale and knots of every column, the weights still zero."""
    at = [parameters.bounds[0], *parameters.knots, parameters.bounds[1]]
    low, first, second, high = quantiles_of(rows, at, parameters.rows // 3, seed)
    mean, scale = mean_and_scale(rows, low, high, parameters.rows, seed)
    n = len(FEATURE_NAMES)
    return HingeLogistic(
        lead_column=POSITION["lead_minutes"],
        band_until=np.array(BAND_UNTIL),
        low=low,
        high=high,
        mean=mean,
        scale=scale,
        knots=np.stack([(knot - mean) / scale for knot in (first, second)]),
        weights=np.zeros((len(BAND_UNTIL), LINES, n)),
        intercept=np.zeros(len(BAND_UNTIL)),
        expected=np.zeros((len(BAND_UNTIL), n)),
    )


class _Band:
    """The rows of one band as the design matrix of the regression, made again a chunk at a time."""

    def __init__(self, shape: HingeLogistic, rows: TrainingSet, chosen: npt.NDArray[np.int64]):
        self._shape, self._rows, self._chosen = shape, rows, chosen
        self.n = len(chosen)
        self.width = LINES * rows.X.shape[1] + 1
        # Memory for each chunk is made once: to get it from the system again took a third of a fit.
        self._room = np.ones((min(self.n, CHUNK), self.width))

    def chunks(self) -> Iterator[tuple[Floats, npt.NDArray[np.bool_]]]:
        """Yield the design, shape (n_chunk, width), the constant last, until the next; and the labels."""
        for start in range(0, self.n, CHUNK):
            rows = self._chosen[start : start + CHUNK]
            design = self._room[: len(rows)]
            z, *hinges = np.split(design[:, :-1], LINES, axis=1)
            z[:] = self._shape.standardised(self._rows.X[rows])
            for hinge, knot in zip(hinges, self._shape.knots, strict=True):
                np.subtract(z, knot, out=hinge)
                np.maximum(hinge, 0.0, out=hinge)
            yield design, self._rows.y[rows]

    def gradient(self, weights: Floats) -> Floats:
        """Return the gradient of the mean log-loss."""
        total = np.zeros(self.width)
        for design, late in self.chunks():
            total += design.T @ (_probability(design @ weights) - late)
        return total / self.n

    def hessian(self, weights: Floats) -> Floats:
        """Return the Hessian of the mean log-loss; in single precision, as it only gives the direction."""
        total = np.zeros((self.width, self.width))
        for design, _ in self.chunks():
            p = _probability(design @ weights)
            single = design.astype(np.float32)
            total += (single * (p * (1 - p)).astype(np.float32)[:, None]).T @ single
        return total / self.n

    def means(self) -> Floats:
        """Return the mean of every column of the design."""
        total = np.zeros(self.width)
        for design, _ in self.chunks():
            total += design.sum(axis=0)
        return total / self.n


def _fit_band(
    shape: HingeLogistic,
    rows: TrainingSet,
    inside: npt.NDArray[np.int64],
    parameters: HingeParameters,
    seed: int,
) -> tuple[Floats, Floats, float]:
    everything = _Band(shape, rows, chosen_rows(inside, parameters.rows, seed))
    some = _Band(shape, rows, chosen_rows(inside, NEWTON_ROWS, seed))
    # The penalty stands against the losses of all rows, here and there.
    penalty = np.full(some.width, 1.0 / (parameters.c * everything.n))
    penalty[-1] = 0.0
    weights = np.zeros(some.width)
    curvature = np.diag(penalty)
    for _ in range(NEWTON_STEPS):
        curvature = some.hessian(weights) + np.diag(penalty + 1e-9)
        step = np.linalg.solve(curvature, some.gradient(weights) + penalty * weights)
        weights -= step
        if np.abs(step).max() < 10 * TOLERANCE:
            break
    for _ in range(STEPS if everything.n > some.n else 0):
        step = np.linalg.solve(curvature, everything.gradient(weights) + penalty * weights)
        weights -= step
        if np.abs(step).max() < TOLERANCE:
            break
    lines = weights[:-1].reshape(LINES, -1)
    expected = (lines * everything.means()[:-1].reshape(LINES, -1)).sum(axis=0)
    return lines, expected, float(weights[-1])


def _filled(bands: list[tuple[Floats, Floats, float] | None]) -> list[tuple[Floats, Floats, float]]:
    present = [i for i, band in enumerate(bands) if band is not None]
    # Of two bands equally near, the shorter leads.
    nearest = [sorted(present, key=partial(_distance, at))[0] for at in range(len(bands))]
    return [band for i in nearest if (band := bands[i]) is not None]


def _probability(log_odds: Floats) -> Floats:
    probability: Floats = 1.0 / (1.0 + np.exp(-log_odds))
    return probability


def _distance(at: int, band: int) -> tuple[int, int]:
    return abs(band - at), band
