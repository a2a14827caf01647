"""What is measured of columns before they are put on one scale: quantiles, mean and spread, on some of the rows."""

import numpy as np
import numpy.typing as npt

from domain.features.catalogue import CATEGORICAL, FEATURE_NAMES
from domain.flights import Floats
from training.training_set import TrainingSet


def quantiles_of(rows: TrainingSet, at: list[float], most: int, seed: int) -> Floats:
    """Return quantiles of every column, shape (len(at), n_features); 0 where it is a category or never known."""
    sample = rows.X[chosen_rows(np.arange(len(rows)), most, seed)]
    found = np.zeros((len(at), sample.shape[1]))
    for column, values in enumerate(sample.T):
        known = values[~np.isnan(values)]
        if len(known) and FEATURE_NAMES[column] not in CATEGORICAL:
            found[:, column] = np.quantile(known, at)
    return found


def mean_and_scale(
    rows: TrainingSet, low: Floats, high: Floats, most: int, seed: int
) -> tuple[Floats, Floats]:
    """Return the mean and the standard deviation of every column within bounds; 1 in the place of no deviation."""
    sample = np.clip(rows.X[chosen_rows(np.arange(len(rows)), most, seed)], low, high)
    present = ~np.isnan(sample)
    count = np.maximum(present.sum(axis=0), 1)
    mean = np.where(present, sample, 0.0).sum(axis=0) / count
    spread = np.sqrt((np.where(present, sample - mean, 0.0) ** 2).sum(axis=0) / count)
    return mean, np.where(spread > 1e-9, spread, 1.0)


def chosen_rows(rows: npt.NDArray[np.int64], most: int, seed: int) -> npt.NDArray[np.int64]:
    """Return at most so many of some rows, in their order."""
    if len(rows) <= most:
        return rows
    return rows[np.sort(np.random.default_rng(seed).permutation(len(rows))[:most])]
