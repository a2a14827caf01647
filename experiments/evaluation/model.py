"""The evaluation's model: fitted on January to August alone, signed and kept beside its card."""

from collections.abc import Callable
from pathlib import Path

from adapters.engine import TreeWorkers
from adapters.model_keys import ModelKeys
from domain.model import FlightModel
from experiments.evaluation.sets import EvaluationSets
from training import baselines
from training.evaluate import Evaluation, evaluate
from training.fit import Recipe, assemble, fit_model
from training.provenance import git_commit
from training.run import write_model
from training.split import Split
from training.train import TreeParameters
from training.training_set import HEADLINE_LEAD

SEED = 2013
PARAMETERS = TreeParameters()
"""Those of a retrain: the model of this page is the one that serves."""


def split_of(sets: EvaluationSets) -> Split:
    """Lay out the fit's days, and the test's as the evaluation.

    Raises
    ------
    ValueError
        If a day of the test, or a later one, is among those of the fit.
    """
    fit = sets.fit
    if fit.day.max() >= sets.test.day.min():
        raise ValueError(f"a day of the fit, {fit.day.max()}, is not before the test's {sets.test.day.min()}")
    return Split(fit=fit, evaluation=sets.test)


def train(
    sets: EvaluationSets,
    parameters: TreeParameters,
    keys: ModelKeys,
    folder: Path,
    progress: Callable[[float], None],
    seed: int = SEED,
    workers: TreeWorkers | None = None,
) -> tuple[FlightModel, Evaluation, str]:
    """Fit, evaluate, sign; return the model, its evaluation and its hash.

    The same sets, parameters and seed give the same hash on the same commit, where as many workers fit the trees.
    """
    split, recipe = split_of(sets), Recipe(parameters)
    fitted = fit_model(split.fit, recipe, seed, progress, workers=workers)
    model = assemble(fitted, sets.fit, split, recipe, seed, git_commit())
    headline = sets.fit.take(sets.fit.lead == HEADLINE_LEAD)
    simple = {"carrier_by_hour": baselines.carrier_by_hour(headline)(sets.test)}
    evaluation = evaluate(sets.test, model.probability(sets.test.X), simple)
    return model, evaluation, write_model(folder, fitted, model.manifest, evaluation, keys)
