"""Fit the trees: LightGBM, strongly regularised, the same bits for the same data, parameters and seed.

Workers that fit together merge sums of their own rows: other bits than one process's, the same for as many workers.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from typing import Any

import lightgbm
import numpy as np

from adapters.engine import Share, TreeWorkers
from adapters.lightgbm_booster import LightGBMBooster
from domain.features.catalogue import CATEGORICAL, FEATURE_NAMES
from domain.flights import Floats
from domain.model import CategoryEncoder
from training.training_set import HEADLINE_LEAD, TrainingSet

THREADS = 1
"""Fixed, as a sum over another number of threads may round another way; and one, as two threads that wait for each
other on two busy cores took eight times as long as one."""
DEALT_ROWS = 16_384
"""Rows that are dealt to workers at a time: what the process that deals holds of them."""


@dataclass(frozen=True)
class TreeParameters:
    """What was found to matter, by forward-chaining folds over seasons: much regularisation, few leaves."""

    n_trees: int = 350
    learning_rate: float = 0.05
    num_leaves: int = 15
    min_data_in_leaf: int = 400
    feature_fraction: float = 0.15
    bagging_fraction: float = 0.8
    lambda_l2: float = 20.0
    cat_smooth: float = 100.0
    max_bin: int = 127
    headline_weight: float = 3.0
    """Weight of a question at the headline lead beside one at another: one model for all leads then loses nothing
    there to one of that lead alone."""

    def as_dict(self) -> dict[str, Any]:
        """Return all values by name."""
        return asdict(self)

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> "TreeParameters":
        """Take them from a model's manifest, which holds more; what it lacks is as by default."""
        known = {field.name for field in fields(cls)}
        return cls(**{name: value for name, value in values.items() if name in known})


@dataclass(frozen=True)
class Trees:
    """A fitted text model, the map of its categories, and what each feature gave."""

    text: str
    categories: dict[str, tuple[float, ...]]
    gain: dict[str, float]
    """Total drop of the loss by splits on each feature, largest first."""
    workers: int = 0
    """How many fitted them together; 0 = one process alone."""

    def probability(self, vectors: Floats) -> Floats:
        """Return what the trees alone say of n vectors, shape (n,)."""
        with LightGBMBooster(self.text) as booster:
            raw = booster.raw_scores(CategoryEncoder(FEATURE_NAMES, self.categories)(vectors))
        probability: Floats = 1.0 / (1.0 + np.exp(-raw))
        return probability


@dataclass(frozen=True)
class BinnedRows:
    """Rows as LightGBM fits on them, a byte a value; and the map of their categories."""

    data: lightgbm.Dataset
    categories: dict[str, tuple[float, ...]]


def category_maps(vectors: Floats) -> dict[str, tuple[float, ...]]:
    """Return the values of each categorical feature, ascending."""
    columns = {name: vectors[:, FEATURE_NAMES.index(name)] for name in CATEGORICAL}
    return {name: tuple(np.unique(column[~np.isnan(column)]).tolist()) for name, column in columns.items()}


def fit_trees(
    rows: TrainingSet,
    parameters: TreeParameters,
    seed: int,
    progress: Callable[[int, int], None] | None = None,
    workers: TreeWorkers | None = None,
) -> Trees:
    """Fit on a training set.

    Parameters
    ----------
    progress : callable, optional
        Called after each tree with how many are done, of how many; not where workers fit.
    workers : TreeWorkers, optional
        Fit together, each on its share of the rows; without them this process fits.
    """
    if workers is not None:
        return _fit_on(workers, rows, category_maps(rows.X), parameters, seed)
    return grow_trees(bin_rows(rows, parameters, seed), parameters, seed, progress)


def bin_rows(rows: TrainingSet, parameters: TreeParameters, seed: int, threads: int = THREADS) -> BinnedRows:
    """Sort the values of each column into bins: a third of a fit, and the part whose bits no thread changes.

    Parameters
    ----------
    threads : int
        Of this process, each for columns and rows of its own.
    """
    categories = category_maps(rows.X)
    data = lightgbm.Dataset(
        CategoryEncoder(FEATURE_NAMES, categories)(rows.X),
        rows.y.astype(np.float64),
        weight=_weights(rows, parameters.headline_weight),
        feature_name=list(FEATURE_NAMES),
        categorical_feature=[FEATURE_NAMES.index(name) for name in categories],
        params=_settings(parameters, seed) | {"num_threads": threads},
        free_raw_data=True,
    )
    return BinnedRows(data.construct(), categories)


def grow_trees(
    rows: BinnedRows,
    parameters: TreeParameters,
    seed: int,
    progress: Callable[[int, int], None] | None = None,
) -> Trees:
    """Fit on rows that are binned by the same parameters and seed; otherwise as `fit_trees`."""
    callbacks = [lambda env: progress(env.iteration + 1, env.end_iteration)] if progress else []
    booster = lightgbm.train(_settings(parameters, seed), rows.data, parameters.n_trees, callbacks=callbacks)
    return Trees(booster.model_to_string(), rows.categories, _gain(booster))


def _fit_on(
    workers: TreeWorkers,
    rows: TrainingSet,
    categories: dict[str, tuple[float, ...]],
    parameters: TreeParameters,
    seed: int,
) -> Trees:
    encode, weights = CategoryEncoder(FEATURE_NAMES, categories), _weights(rows, parameters.headline_weight)

    def deal(count: int) -> Iterator[Sequence[Share]]:
        # Drawn row by row: LightGBM finds the bins of a column on one worker, and months alone would bin by season.
        draw = np.random.default_rng(seed)
        for start in range(0, len(rows), DEALT_ROWS):
            piece = slice(start, start + DEALT_ROWS)
            columns = encode(rows.X[piece]), rows.y[piece].astype(np.float64), weights[piece]
            worker = draw.integers(count, size=len(columns[1]))
            yield [tuple(column[worker == i] for column in columns) for i in range(count)]

    settings = _settings(parameters, seed)
    del settings["num_threads"]  # as many as a worker has
    categorical = [FEATURE_NAMES.index(name) for name in categories]
    text, count = workers.fit(deal, parameters.n_trees, settings, FEATURE_NAMES, categorical)
    return Trees(text, categories, _gain(lightgbm.Booster(model_str=text)), count)


def _weights(rows: TrainingSet, headline: float) -> Floats:
    """Return weights of mean 1, so that regularisation weighs what it weighs without them; shape (n,)."""
    weights: Floats = np.where(rows.lead == HEADLINE_LEAD, headline, 1.0)
    weights /= weights.mean()
    return weights


def _gain(booster: lightgbm.Booster) -> dict[str, float]:
    total = dict(zip(FEATURE_NAMES, booster.feature_importance("gain").tolist(), strict=True))
    return dict(sorted(total.items(), key=lambda item: -item[1]))


def _settings(parameters: TreeParameters, seed: int) -> dict[str, Any]:
    values = parameters.as_dict()
    del values["n_trees"], values["headline_weight"]
    return values | {
        "objective": "binary",
        "bagging_freq": 1,
        "seed": seed,
        "deterministic": True,
        "force_row_wise": True,
        "num_threads": THREADS,
        "verbosity": -1,
    }
