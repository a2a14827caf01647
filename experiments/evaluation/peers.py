"""Other models on the same split and the same vectors at the headline lead: quality, fit time, size, speed."""

import pickle
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedKFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler, TargetEncoder

from adapters.lightgbm_booster import LightGBMBooster
from domain.bootstrap import paired_difference
from domain.features import weather
from domain.features.catalogue import CATEGORICAL, FEATURE_NAMES, FEATURES, POSITION
from domain.flights import Floats
from domain.hinges import HingeLogistic
from domain.metrics import log_losses
from domain.model import CategoryEncoder
from domain.perceptrons import Perceptrons
from experiments.evaluation.intervals import quality, weeks_of
from training import baselines
from training.hinges import HingeParameters, fit_hinges
from training.perceptrons import PerceptronParameters, fit_perceptrons
from training.train import TreeParameters, category_maps, fit_trees
from training.training_set import TrainingSet

ONE_BY_ONE = 300
FOREST_TREES = 150
BATCH = 10_000
CODES = [POSITION[name] for name in CATEGORICAL]
NUMBERS = [i for i in range(len(FEATURE_NAMES)) if i not in CODES]
ADDED = ("memory",)
"""Families that the recipe before had not."""
ADDED_WEATHER = tuple(f"weather_{column.name}" for column in weather.SUMS)
MEGABYTE = 1e6


@dataclass(frozen=True)
class Peer:
    """A fitted model: how to ask it, and how large it is."""

    probability: Callable[[Floats], Floats]
    megabytes: float


def compare(
    fit: TrainingSet, test: TrainingSet, own: Floats, parameters: TreeParameters, seed: int
) -> Iterator[tuple[str, dict[str, float]]]:
    """Fit each on the same rows and evaluate it on the same test: its name and what was measured, one after the other.

    Parameters
    ----------
    fit, test : TrainingSet
        At the headline lead.
    own : float64, shape (n_test,)
        What the evaluated model says of the test: its log-loss less each other's, paired by flight, is measured too.
    """
    rate = baselines.carrier_by_hour(fit)(test)
    yield "late rate by carrier and hour", quality(test.y, rate, test.day) | _paired(test, own, rate)
    for name, make in FAMILIES.items():
        began, cpu = time.perf_counter(), time.process_time()
        peer = make(fit, parameters, seed)
        seconds, cpu = time.perf_counter() - began, time.process_time() - cpu
        said = peer.probability(test.X)
        yield (
            name,
            quality(test.y, said, test.day)
            | _paired(test, own, said)
            | {
                "fit_seconds": seconds,
                "fit_cpu_seconds": cpu,
                "megabytes": peer.megabytes,
                "microseconds_one": _microseconds(peer, test.X, 1, ONE_BY_ONE),
                "microseconds_batch": _microseconds(peer, test.X, BATCH, 3),
            },
        )


def _paired(test: TrainingSet, own: Floats, other: Floats) -> dict[str, float]:
    """Return the own log-loss less another's on the same flights, with its 95% interval over weeks."""
    difference = paired_difference(
        log_losses(test.y, own), log_losses(test.y, other), weeks_of(test.day), level=0.95
    )
    return {"against": difference.mean, "against_low": difference.low, "against_high": difference.high}


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
    """Fit on numbers standardised, medians for what is missing, and a column for each category."""
    numbers = make_pipeline(SimpleImputer(strategy="median", keep_empty_features=True), StandardScaler())
    columns = ColumnTransformer(
        [("numbers", numbers, NUMBERS), ("codes", OneHotEncoder(handle_unknown="ignore"), CODES)],
        sparse_threshold=0.0,
    )
    model = make_pipeline(columns, LogisticRegression(C=0.01, max_iter=300))
    model.fit(fit.X, fit.y)
    return Peer(lambda vectors: model.predict_proba(vectors)[:, 1], _size(model))


def random_forest(fit: TrainingSet, parameters: TreeParameters, seed: int) -> Peer:
    """Fit trees of at least 40 flights a leaf; a category is its late rate on other folds of the fit."""
    folds = StratifiedKFold(5, shuffle=True, random_state=seed)
    columns = ColumnTransformer(
        [("codes", TargetEncoder(target_type="binary", cv=folds), CODES)], remainder="passthrough"
    )
    forest = RandomForestClassifier(
        FOREST_TREES, min_samples_leaf=40, max_features=0.15, max_samples=0.5, n_jobs=2, random_state=seed
    )
    model = make_pipeline(columns, forest)
    model.fit(fit.X, fit.y)
    forest.set_params(n_jobs=1)
    return Peer(lambda vectors: model.predict_proba(vectors)[:, 1], _size(model))


def histogram_boosting(fit: TrainingSet, parameters: TreeParameters, seed: int) -> Peer:
    """Fit scikit-learn's, with its own categories, as many trees and leaves as ours, features drawn at every node."""
    encode = CategoryEncoder(FEATURE_NAMES, category_maps(fit.X))
    model = HistGradientBoostingClassifier(
        max_iter=parameters.n_trees, learning_rate=parameters.learning_rate,
        max_leaf_nodes=parameters.num_leaves, min_samples_leaf=parameters.min_data_in_leaf,
        l2_regularization=parameters.lambda_l2, max_features=max(parameters.feature_fraction, 0.1),
        categorical_features=CODES, early_stopping=False, random_state=seed,
    )  # fmt: skip
    model.fit(encode(fit.X), fit.y)
    return Peer(lambda vectors: model.predict_proba(encode(vectors))[:, 1], _size(model))


def hinges(fit: TrainingSet, parameters: TreeParameters, seed: int) -> Peer:
    """Return the logistic regression with hinges that is served beside the trees, alone."""
    return _of_part(fit_hinges(fit, HingeParameters(), seed))


def perceptrons(fit: TrainingSet, parameters: TreeParameters, seed: int) -> Peer:
    """Return the perceptrons that are served beside the trees, alone."""
    lines = fit_hinges(fit, HingeParameters(), seed)
    return _of_part(fit_perceptrons(fit, lines, PerceptronParameters(), seed))


def _of_part(part: HingeLogistic | Perceptrons) -> Peer:
    return Peer(lambda vectors: 1 / (1 + np.exp(-part.raw_scores(vectors))), len(part.to_json()) / MEGABYTE)


def before(fit: TrainingSet, parameters: TreeParameters, seed: int) -> Peer:
    """Return trees of 31 leaves without the families that came last: the recipe before this one."""
    blank = np.array([f.family in ADDED or f.name in ADDED_WEATHER for f in FEATURES])
    older = replace(parameters, n_trees=350, num_leaves=31, learning_rate=0.05)

    def without(vectors: Floats) -> Floats:
        kept = vectors.copy()
        kept[:, blank] = np.nan
        return kept

    peer = lightgbm(replace(fit, X=without(fit.X)), older, seed)
    return Peer(lambda vectors: peer.probability(without(vectors)), peer.megabytes)


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
    "logistic regression with hinges": hinges,
    "perceptrons": perceptrons,
    "LightGBM": lightgbm,
    "LightGBM, the recipe before": before,
}


def _size(model: Any) -> float:
    return len(pickle.dumps(model)) / MEGABYTE
