"""Fit the perceptrons: scikit-learn's, a few of them from other first weights, each a few passes over the rows."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
from sklearn.neural_network import MLPClassifier
from threadpoolctl import threadpool_limits

from domain.features.catalogue import CATEGORICAL, POSITION
from domain.flights import Floats
from domain.perceptrons import Perceptrons
from domain.standardisation import Standardisation
from training.hinges import BAND_UNTIL
from training.standardisation import chosen_rows
from training.training_set import TrainingSet

CHUNK = 16_384


@dataclass(frozen=True)
class PerceptronParameters:
    """What is chosen of the perceptrons."""

    networks: int = 8
    """One alone is another one with every seed; the mean of eight is steady, and better than any of them."""
    units: int = 64
    """Hidden units of each."""
    alpha: float = 0.5
    """Of the squared penalty on the weights."""
    learning_rate: float = 8e-4
    batch: int = 1024
    passes: int = 3
    """Over the rows; more fit the past better and the next months worse."""
    bound: float = 5.0
    """Standard deviations at which a column ends."""
    least_rows: int = 600
    """Rows that a value of a categorical feature needs for an input of its own."""
    rows: int = 450_000
    """Most rows that they are fitted on."""
    share: float = 0.45
    """Of the model's log-odds."""


def fit_perceptrons(
    rows: TrainingSet, columns: Standardisation, parameters: PerceptronParameters, seed: int
) -> Perceptrons:
    """Fit them one after another and put them side by side; one thread, so that the same rows give the same bits.

    Parameters
    ----------
    columns : Standardisation
        Of the rows' columns, constants where they are categories.
    """
    with threadpool_limits(1):
        fit = prepare(rows, columns, parameters, seed)
        return fit.together([fit.network(number) for number in range(parameters.networks)])


@dataclass(frozen=True)
class PerceptronFit:
    """What every one of the perceptrons is fitted on; each may be fitted on a thread of its own."""

    shape: Perceptrons
    """How inputs are made, no unit behind them yet."""
    inputs: npt.NDArray[np.float32]
    late: npt.NDArray[np.bool_]
    parameters: PerceptronParameters
    seed: int

    def network(self, number: int) -> MLPClassifier:
        """Fit one of them."""
        parameters = self.parameters
        network = MLPClassifier(
            (parameters.units,),
            alpha=parameters.alpha,
            learning_rate_init=parameters.learning_rate,
            batch_size=min(parameters.batch, len(self.late)),
            random_state=self.seed + number,
        )
        for _ in range(parameters.passes):
            network.partial_fit(self.inputs, self.late, classes=[False, True])
        return network

    def together(self, networks: Sequence[MLPClassifier]) -> Perceptrons:
        """Put fitted ones side by side."""
        hidden, out = zip(*(network.coefs_ for network in networks), strict=True)
        bias, intercept = zip(*(network.intercepts_ for network in networks), strict=True)
        return replace(
            self.shape,
            weights=np.hstack(hidden),
            bias=np.concatenate(bias),
            out=(np.concatenate(out)[:, 0] / len(networks)).astype(np.float32),
            intercept=float(np.mean(intercept, dtype=np.float64)),
            expected=self.inputs.mean(axis=0, dtype=np.float64),
        )


def prepare(
    rows: TrainingSet, columns: Standardisation, parameters: PerceptronParameters, seed: int
) -> PerceptronFit:
    """Choose rows and make their inputs; parameters are those of `fit_perceptrons`."""
    chosen = chosen_rows(np.arange(len(rows)), parameters.rows, seed)
    shape = _shape(rows, columns, parameters)
    return PerceptronFit(shape, _inputs(shape, rows, chosen), rows.y[chosen], parameters, seed)


def _shape(rows: TrainingSet, columns: Standardisation, parameters: PerceptronParameters) -> Perceptrons:
    """Return what the inputs are made with, no unit behind them yet."""
    at, values = _frequent_values(rows, parameters.least_rows)
    reach = parameters.bound * columns.scale
    none = np.zeros(0, dtype=np.float32)
    return Perceptrons(
        low=np.maximum(columns.low, columns.mean - reach),
        high=np.minimum(columns.high, columns.mean + reach),
        mean=columns.mean,
        scale=columns.scale,
        lead_column=POSITION["lead_minutes"],
        lead_bounds=np.array(BAND_UNTIL[:-1]),
        value_column=at,
        value=values,
        weights=none,
        bias=none,
        out=none,
        intercept=0.0,
        expected=np.zeros(0),
    )


def _frequent_values(rows: TrainingSet, least: int) -> tuple[npt.NDArray[np.int64], Floats]:
    at, values = [], []
    for column in (POSITION[name] for name in CATEGORICAL):
        found, count = np.unique(rows.X[:, column], return_counts=True)
        frequent = found[(count >= least) & ~np.isnan(found)]
        at += [column] * len(frequent)
        values += frequent.tolist()
    return np.array(at, dtype=np.int64), np.array(values, dtype=np.float64)


def _inputs(shape: Perceptrons, rows: TrainingSet, chosen: npt.NDArray[np.int64]) -> npt.NDArray[np.float32]:
    """Return the inputs in single precision, in which they are fitted: a year's are most of what a fit holds."""
    inputs = np.empty((len(chosen), shape.n_inputs), dtype=np.float32)
    for start in range(0, len(chosen), CHUNK):
        piece = slice(start, start + CHUNK)
        inputs[piece] = shape.inputs(rows.X[chosen[piece]])
    return inputs
