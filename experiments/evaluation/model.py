"""The evaluation's model: fitted and calibrated on January to August alone, signed and kept beside its card."""

from collections.abc import Callable
from pathlib import Path

import numpy as np

from adapters import model_artifact
from domain.model import FlightModel
from experiments.evaluation.sets import EvaluationPlan, EvaluationSets
from training import baselines, model_card
from training.evaluate import Evaluation, evaluate
from training.fit import assemble, fit_calibrated
from training.run import git_commit
from training.split import Split, spread
from training.train import TreeParameters
from training.training_set import HEADLINE_LEAD

SEED = 2013
PARAMETERS = TreeParameters(n_trees=700, learning_rate=0.03)
"""Eight months and every lead carry more and smaller steps than a retrain's window: chosen on June to August, by
trees fitted on January to May."""


def split_of(sets: EvaluationSets, plan: EvaluationPlan) -> Split:
    """Lay out the fit's days: all of them, those that calibrate, and the others; the test's days are the evaluation.

    Raises
    ------
    ValueError
        If a day of the test, or a later one, is among those of the fit.
    """
    fit = sets.fit
    if fit.day.max() >= sets.test.day.min():
        raise ValueError(f"a day of the fit, {fit.day.max()}, is not before the test's {sets.test.day.min()}")
    calibrating = np.isin(fit.day, spread(np.unique(fit.day), plan.calibration_days))
    return Split(
        fit=fit, draft=fit.take(~calibrating), calibration=fit.take(calibrating), evaluation=sets.test
    )


def train(
    sets: EvaluationSets,
    plan: EvaluationPlan,
    parameters: TreeParameters,
    key: bytes,
    folder: Path,
    progress: Callable[[float], None],
    seed: int = SEED,
) -> tuple[FlightModel, Evaluation, str]:
    """Fit, calibrate, evaluate, sign; give the model, its evaluation and its hash.

    The same sets, plan, parameters and seed give the same hash on the same commit.
    """
    split = split_of(sets, plan)
    trees, calibration = fit_calibrated(split, parameters, seed, progress)
    model = assemble(trees, calibration, sets.fit, split, parameters, seed, git_commit())
    headline = sets.fit.take(sets.fit.lead == HEADLINE_LEAD)
    simple = {"carrier_by_hour": baselines.carrier_by_hour(headline)(sets.test)}
    evaluation = evaluate(sets.test, model.probability(sets.test.X), simple)
    card = model_card.write_card(model.manifest, evaluation)
    model_artifact.write(folder, trees.text, model.manifest, key, {"card.md": card})
    return model, evaluation, model_artifact.model_hash(folder)
