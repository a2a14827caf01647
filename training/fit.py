"""Fit a model: trees, and beside them the hinge logistic regression and the perceptrons, on the same rows."""

from collections.abc import Callable
from concurrent.futures import Executor, ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC
from functools import partial
from typing import Any

from sklearn.neural_network import MLPClassifier
from threadpoolctl import threadpool_limits

from adapters.engine import DASK, TreeWorkers
from adapters.lightgbm_booster import LightGBMBooster
from domain.features.catalogue import CONTRACT_HASH, FEATURE_NAMES
from domain.hinges import HingeLogistic
from domain.model import FlightModel, ModelManifest
from domain.perceptrons import Perceptrons
from training.hinges import HingeParameters, fit_hinges
from training.perceptrons import PerceptronParameters, prepare
from training.split import Split, day_of
from training.train import THREADS, TreeParameters, Trees, bin_rows, fit_trees, grow_trees
from training.training_set import TrainingSet


@dataclass(frozen=True)
class Recipe:
    """What is chosen of each part of a model."""

    trees: TreeParameters = field(default_factory=TreeParameters)
    hinges: HingeParameters = field(default_factory=HingeParameters)
    perceptrons: PerceptronParameters = field(default_factory=PerceptronParameters)

    def as_dict(self) -> dict[str, Any]:
        """Return all values as JSON has them, those of the parts beside the trees under names that say of what."""
        beside = {"hinges": self.hinges, "perceptrons": self.perceptrons}
        return self.trees.as_dict() | {
            f"{part}_{name}": list(value) if isinstance(value, tuple) else value
            for part, chosen in beside.items()
            for name, value in vars(chosen).items()
        }


@dataclass(frozen=True)
class Fitted:
    """The parts of a model."""

    trees: Trees
    hinges: HingeLogistic
    perceptrons: Perceptrons

    @property
    def megabytes(self) -> float:
        """Return how long their texts are."""
        return sum(map(len, (self.trees.text, self.hinges.to_json(), self.perceptrons.to_json()))) / 1e6


def fit_model(
    rows: TrainingSet,
    recipe: Recipe,
    seed: int,
    progress: Callable[[float], None] = lambda share: None,
    at_once: int = 2,
    workers: TreeWorkers | None = None,
) -> Fitted:
    """Fit all parts.

    Parameters
    ----------
    progress : callable
        Called with the share of the trees that is done, 0 to 1; from another thread.
    at_once : int
        Fits beside each other, 1 or 2; each is one thread, and the result is the same.
    workers : TreeWorkers, optional
        Fit the trees together; without them this process does.
    """
    with ThreadPoolExecutor(at_once) as pool:
        return begin_fit(pool, rows, recipe, seed, progress, at_once, workers)()


def begin_fit(
    pool: Executor,
    rows: TrainingSet,
    recipe: Recipe,
    seed: int,
    progress: Callable[[float], None] = lambda share: None,
    at_once: int = 2,
    workers: TreeWorkers | None = None,
) -> Callable[[], Fitted]:
    """Bin the rows, begin to fit all parts on a pool's threads, and return what waits for them.

    What is given to the pool next is computed by the thread that is done first. Other parameters are those of
    `fit_model`.
    """

    def tree_done(tree: int, of: int) -> None:
        progress(tree / of)

    if workers is None:
        # With all threads and before the hinges begin, so that there are never more than may be.
        grow = partial(grow_trees, bin_rows(rows, recipe.trees, seed, at_once))
    else:
        grow = partial(fit_trees, rows, workers=workers)

    def network(number: int) -> MLPClassifier:
        return prepared.result().network(number)

    limits = threadpool_limits(1)
    lines = pool.submit(fit_hinges, rows, recipe.hinges, seed)
    trees = pool.submit(grow, recipe.trees, seed, tree_done)
    # Theirs is the scale that the hinges measured. Each waits for one that was begun before it, so that one thread is
    # enough, and whichever is free takes the next.
    prepared = pool.submit(lambda: prepare(rows, lines.result(), recipe.perceptrons, seed))
    networks = [pool.submit(network, number) for number in range(recipe.perceptrons.networks)]

    def fitted() -> Fitted:
        try:
            beside = prepared.result().together([network.result() for network in networks])
            return Fitted(trees.result(), lines.result(), beside)
        finally:
            limits.restore_original_limits()

    return fitted


def assemble(
    fitted: Fitted,
    rows: TrainingSet,
    split: Split,
    recipe: Recipe,
    seed: int,
    commit: str,
) -> FlightModel:
    """Put fitted parts together with where they come from.

    Parameters
    ----------
    rows : TrainingSet
        Everything that was built, the evaluation's days included: its hash and its moment are the model's.
    """
    how: dict[str, Any] = {"threads": THREADS}
    if fitted.trees.workers:
        # Whoever compares models by their bits has to know.
        how = {"fit_engine": DASK, "fit_workers": fitted.trees.workers}
    manifest = ModelManifest(
        contract_hash=CONTRACT_HASH,
        feature_names=FEATURE_NAMES,
        categories=fitted.trees.categories,
        trained_from=day_of(int(split.fit.day.min())).isoformat(),
        trained_until=day_of(int(split.fit.day.max())).isoformat(),
        as_of=f"{rows.as_of.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}",
        data_hash=rows.data_hash,
        git_commit=commit,
        seed=seed,
        logistic_share=recipe.hinges.share,
        perceptron_share=recipe.perceptrons.share,
        parameters=recipe.as_dict() | how,
    )
    return FlightModel(manifest, LightGBMBooster(fitted.trees.text), fitted.hinges, fitted.perceptrons)
