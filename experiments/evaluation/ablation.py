"""What each family of features is worth: the same fit without it, and the schedule alone."""

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from domain.features.catalogue import FEATURES
from domain.metrics import summary
from training.train import TreeParameters, fit_trees
from training.training_set import TrainingSet

ALL = "all features"
SCHEDULE_ALONE = "the schedule alone"


def variants() -> dict[str, tuple[str, ...]]:
    """Return the families that each variant leaves out, by its name."""
    families = tuple(dict.fromkeys(f.family for f in FEATURES))
    without = {f"without {family}": (family,) for family in families}
    return {ALL: ()} | without | {SCHEDULE_ALONE: tuple(f for f in families if f != "schedule")}


def ablate(
    fit: TrainingSet, test: TrainingSet, parameters: TreeParameters, seed: int
) -> Iterator[tuple[str, dict[str, float]]]:
    """Fit and evaluate each variant at the headline lead: its name and its quality, one after the other."""
    for name, families in variants().items():
        yield name, _quality(without(fit, families), without(test, families), parameters, seed)


def without(rows: TrainingSet, families: tuple[str, ...]) -> TrainingSet:
    """Blank the features of some families: trees cannot split on a column that never varies."""
    blank = np.array([f.family in families for f in FEATURES])
    vectors = rows.X.copy()
    vectors[:, blank] = np.nan
    return replace(rows, X=vectors)


def _quality(fit: TrainingSet, test: TrainingSet, parameters: TreeParameters, seed: int) -> dict[str, float]:
    return summary(test.y, fit_trees(fit, parameters, seed).probability(test.X))
