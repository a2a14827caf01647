"""What a model must beat: the late rate by carrier and hour, and a logistic regression on its vectors."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler

from domain.airports import local_minutes
from domain.features.catalogue import CATEGORICAL, FEATURE_NAMES
from domain.features.grid import DAY_MINUTES
from domain.flights import Floats, Ints, Strings
from training.split import Split
from training.training_set import HEADLINE_LEAD, TrainingSet

SMOOTHING_FLIGHTS = 50
LOGISTIC_ROWS = 40_000

Predictor = Callable[[TrainingSet], Floats]


def carrier_by_hour(fit: TrainingSet) -> Predictor:
    """Return the late rate by carrier and local hour, drawn towards the overall rate where flights are few."""
    keys = _carrier_hour(fit)
    overall = float(fit.y.mean())
    names, position = np.unique(keys, return_inverse=True)
    late = np.bincount(position.reshape(-1), fit.y, len(names))
    count = np.bincount(position.reshape(-1), minlength=len(names))
    smoothed = (late + SMOOTHING_FLIGHTS * overall) / (count + SMOOTHING_FLIGHTS)
    rates = dict(zip(names.tolist(), smoothed.tolist(), strict=True))
    return lambda rows: np.array([rates.get(key, overall) for key in _carrier_hour(rows).tolist()])


def logistic_regression(fit: TrainingSet, among: Ints, seed: int) -> Predictor:
    """Fit a logistic regression on the numeric features of some rows, standardised, medians for what is missing.

    Parameters
    ----------
    among : Ints
        Positions of the rows that it may be fitted on; of many, some are drawn.
    """
    numeric = np.array([i for i, name in enumerate(FEATURE_NAMES) if name not in CATEGORICAL])
    rows = among[np.random.default_rng(seed).permutation(len(among))[:LOGISTIC_ROWS]]
    model: Pipeline = make_pipeline(
        SimpleImputer(strategy="median", keep_empty_features=True),
        StandardScaler(),
        LogisticRegression(C=0.01, max_iter=200),
    )
    model.fit(fit.X[np.ix_(rows, numeric)], fit.y[rows])
    return lambda queries: model.predict_proba(queries.X[:, numeric])[:, 1]


def predictions(split: Split, seed: int) -> dict[str, Floats]:
    """Fit each baseline on the headline lead, and return its probability of every row of the evaluation."""
    headline = np.flatnonzero(split.fit.lead == HEADLINE_LEAD)
    # The rate needs no vectors, and a copy of them is most of the set.
    bare = replace(split.fit, X=split.fit.X[:, :0])
    predictors = {
        "carrier_by_hour": carrier_by_hour(bare.take(headline)),
        "logistic_regression": logistic_regression(split.fit, headline, seed),
    }
    return {name: predict(split.evaluation) for name, predict in predictors.items()}


def departure_hours(rows: TrainingSet) -> Ints:
    """Return the local hours of the scheduled departures, shape (n,); 23 where the origin's zone is unknown."""
    minutes = np.nan_to_num(local_minutes(rows.origin.tolist(), rows.queries.sched_dep), nan=-1.0)
    return (minutes.astype(np.int64) % DAY_MINUTES) // 60


def _carrier_hour(rows: TrainingSet) -> Strings:
    return np.char.add(np.char.add(rows.carrier, "@"), departure_hours(rows).astype(str))
