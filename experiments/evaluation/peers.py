"""Other models on the same split and the same vectors at the headline lead: quality, fit time, size, speed."""

import pickle
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from adapters.lightgbm_booster import LightGBMBooster
from domain.features.catalogue import CATEGORICAL, FEATURE_NAMES, POSITION
from domain.flights import Floats
from domain.model import CategoryEncoder
from experiments.evaluation.intervals import quality
from training import baselines
from training.train import TreeParameters, fit_trees
from training.training_set import TrainingSet

ONE_BY_ONE = 300
BATCH = 10_000
MEGABYTE = 1e6


@dataclass(frozen=True)
class Peer:
    """A fitted model: how to ask it, and how large it is."""

    probability: Callable[[Floats], Floats]
    megabytes: float


def compare(
    fit: TrainingSet, test: TrainingSet, parameters: TreeParameters, seed: int
) -> Iterator[tuple[str, dict[str, float]]]:
    """Fit each on the same rows and evaluate it on the same test: its name and what was measured, one after the other.

    Parameters
    ----------
    fit, test : TrainingSet
        At the headline lead.
    """
    rate = baselines.carrier_by_hour(fit)
    yield "late rate by carrier and hour", quality(test.y, rate(test), test.day)
    for name, make in FAMILIES.items():
        began, cpu = time.perf_counter(), time.process_time()
        peer = make(fit, parameters, seed)
        seconds, cpu = time.perf_counter() - began, time.process_time() - cpu
        found = quality(test.y, peer.probability(test.X), test.day)
        yield (
            name,
            found
            | {
                "fit_seconds": seconds,
                "fit_cpu_seconds": cpu,
                "megabytes": peer.megabytes,
                "microseconds_one": _microseconds(peer, test.X, 1, ONE_BY_ONE),
                "microseconds_batch": _microseconds(peer, test.X, BATCH, 3),
            },
        )


def _microseconds(peer: Peer, vectors: Floats, rows: int, times: int) -> float:
    """Return the median time a prediction takes, in batches of some rows."""
    taken = []
    for i in range(times):
        start = (i * rows) % max(1, len(vectors) - rows)
        batch = vectors[start : start + rows]
        began = time.perf_counter()
        peer.probability(batch)
        taken.append((time.perf_counter() - began) / len(batch))
    return float(np.median(taken) * 1e6)


def logistic_regression(fit: TrainingSet, parameters: TreeParameters, seed: int) -> Peer:
    """Fit on the numeric features, standardised, medians for what is missing; categories as their late rate."""
    encode = _late_rates(fit)
    model = make_pipeline(
        SimpleImputer(strategy="median", keep_empty_features=True),
        StandardScaler(),
        LogisticRegression(C=0.01, max_iter=300),
    )
    model.fit(encode(fit.X), fit.y)
    return Peer(lambda vectors: model.predict_proba(encode(vectors))[:, 1], _size(model))


def random_forest(fit: TrainingSet, parameters: TreeParameters, seed: int) -> Peer:
    """Return the 150 trees of at least 40 flights a leaf."""
    encode = _late_rates(fit)
    model = RandomForestClassifier(
        150, min_samples_leaf=40, max_features=0.15, max_samples=0.5, n_jobs=2, random_state=seed
    )
    model.fit(encode(fit.X), fit.y)
    model.set_params(n_jobs=1)
    return Peer(lambda vectors: model.predict_proba(encode(vectors))[:, 1], _size(model))


def histogram_boosting(fit: TrainingSet, parameters: TreeParameters, seed: int) -> Peer:
    """Fit scikit-learn's, as many trees and leaves as ours, without feature sampling by tree."""
    encode = _late_rates(fit)
    model = HistGradientBoostingClassifier(
        max_iter=parameters.n_trees, learning_rate=parameters.learning_rate,
        max_leaf_nodes=parameters.num_leaves, min_samples_leaf=parameters.min_data_in_leaf,
        l2_regularization=parameters.lambda_l2, max_features=max(parameters.feature_fraction, 0.1),
        early_stopping=False, random_state=seed,
    )  # fmt: skip
    model.fit(encode(fit.X), fit.y)
    return Peer(lambda vectors: model.predict_proba(encode(vectors))[:, 1], _size(model))


def lightgbm(fit: TrainingSet, parameters: TreeParameters, seed: int) -> Peer:
    """Return the trees that are served, fitted on the headline lead alone and not calibrated, as the others."""
    trees = fit_trees(fit, parameters, seed)
    booster, encode = LightGBMBooster(trees.text), CategoryEncoder(FEATURE_NAMES, trees.categories)
    return Peer(
        lambda vectors: 1 / (1 + np.exp(-booster.raw_scores(encode(vectors)))), len(trees.text) / MEGABYTE
    )


FAMILIES = {
    "logistic regression": logistic_regression,
    "random forest": random_forest,
    "histogram gradient boosting": histogram_boosting,
    "LightGBM": lightgbm,
}


def _size(model: Any) -> float:
    return len(pickle.dumps(model)) / MEGABYTE


def _late_rates(fit: TrainingSet) -> Callable[[Floats], Floats]:
    """Replace the codes of categories by their smoothed late rate in the fit: the others take no category."""
    overall, maps = float(fit.y.mean()), {}
    for name in CATEGORICAL:
        codes, which = np.unique(fit.X[:, POSITION[name]], return_inverse=True)
        late, count = np.bincount(which.reshape(-1), fit.y), np.bincount(which.reshape(-1))
        maps[POSITION[name]] = (codes, (late + 50 * overall) / (count + 50))

    def encode(vectors: Floats) -> Floats:
        encoded = vectors.copy()
        for column, (codes, rates) in maps.items():
            position = np.minimum(np.searchsorted(codes, vectors[:, column]), len(codes) - 1)
            encoded[:, column] = np.where(codes[position] == vectors[:, column], rates[position], overall)
        return encoded

    return encode
