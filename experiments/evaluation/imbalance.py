"""What balancing the classes does to a forecast: weights and resampling against nothing, before and after calibration.

One flight in four is late. Balancing changes what a probability means, and calibration has to undo it; the
experiment measures what is left. Small on purpose: the headline lead and a few weeks are enough to see it.
"""

from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from datetime import date, datetime, timedelta
from typing import Any

import numpy as np
import numpy.typing as npt

from adapters.lightgbm_booster import LightGBMBooster
from adapters.terminal import Say
from domain.features.catalogue import FEATURE_NAMES
from domain.flights import Floats
from domain.metrics import summary
from domain.model import Calibration, CategoryEncoder
from experiments.evaluation.platt import fit_calibration
from training.train import TreeParameters, fit_trees
from training.training_set import HEADLINE_LEAD, EventStore, TrainingSet, build

METRICS = ("auc", "average_precision", "log_loss", "brier", "ece")


@dataclass(frozen=True)
class Plan:
    """Days to fit, to calibrate and to test on, in this order, and how the trees are grown."""

    fit_from: date = date(2013, 1, 15)
    fit_days: int = 45
    calibration_days: int = 21
    test_days: int = 28
    seed: int = 2013
    parameters: TreeParameters = field(
        default_factory=lambda: TreeParameters(n_trees=100, min_data_in_leaf=200)
    )

    @property
    def flown_until(self) -> date:
        """Return the last day of the test."""
        return self.fit_from + timedelta(days=self.fit_days + self.calibration_days + self.test_days - 1)


def undersampled(late: npt.NDArray[np.bool_], generator: np.random.Generator) -> npt.NDArray[np.int64]:
    """Return the rows with as many punctual flights as late ones: the rest is thrown away."""
    punctual = generator.permutation(np.flatnonzero(~late))[: int(late.sum())]
    return np.sort(np.concatenate([np.flatnonzero(late), punctual]))


def oversampled(late: npt.NDArray[np.bool_], generator: np.random.Generator) -> npt.NDArray[np.int64]:
    """Return the rows with late flights repeated until they are as many as the punctual ones."""
    missing = int((~late).sum()) - int(late.sum())
    repeated = generator.choice(np.flatnonzero(late), size=max(missing, 0))
    return np.sort(np.concatenate([np.arange(len(late)), repeated]))


def weighted(late: npt.NDArray[np.bool_], generator: np.random.Generator) -> npt.NDArray[np.int64]:
    """Return the rows with every late flight as often as the whole ratio says: the weight of a row, without a draw."""
    ratio = round(float((~late).sum() / late.sum()))
    return np.sort(np.concatenate([np.arange(len(late)), *[np.flatnonzero(late)] * (ratio - 1)]))


WAYS: dict[str, Callable[..., npt.NDArray[np.int64]] | None] = {
    "nothing": None,
    "class weights": weighted,
    "undersampling": undersampled,
    "oversampling": oversampled,
}


def compare(
    store: EventStore,
    as_of: datetime,
    plan: Plan | None = None,
    say: Say = lambda line: None,
) -> dict[str, Any]:
    """Fit each way on the same days, and measure it on later ones; plain values for JSON."""
    plan = plan or Plan()
    rows = build(store, plan.fit_from, plan.flown_until, as_of, (HEADLINE_LEAD,), 0)
    fit, calibration, test = _stretches(rows, plan)
    outcomes = {}
    for i, (name, resample) in enumerate(WAYS.items()):
        say(f"  imbalance {i + 1} of {len(WAYS)}: {name}")
        outcomes[name] = _measure(resample, fit, calibration, test, plan)
    return {
        "plan": asdict(plan)
        | {"fit_from": plan.fit_from.isoformat(), "flown_until": plan.flown_until.isoformat()},
        "rows": {"fit": len(fit), "calibration": len(calibration), "test": len(test)},
        "late": {"fit": float(fit.y.mean()), "test": float(test.y.mean())},
        "ways": outcomes,
    }


def _stretches(rows: TrainingSet, plan: Plan) -> tuple[TrainingSet, TrainingSet, TrainingSet]:
    days = [plan.fit_from + timedelta(days=plan.fit_days + more) for more in (0, plan.calibration_days)]
    first, second = (int(f"{day:%Y%m%d}") for day in days)
    return (
        rows.take(rows.day < first),
        rows.take((rows.day >= first) & (rows.day < second)),
        rows.take(rows.day >= second),
    )


def _measure(
    resample: Callable[..., npt.NDArray[np.int64]] | None,
    fit: TrainingSet,
    calibration: TrainingSet,
    test: TrainingSet,
    plan: Plan,
) -> dict[str, Any]:
    chosen = fit.take(resample(fit.y, np.random.default_rng(plan.seed))) if resample else fit
    trees = fit_trees(chosen, plan.parameters, plan.seed)
    encode = CategoryEncoder(FEATURE_NAMES, trees.categories)
    with LightGBMBooster(trees.text) as booster:
        platt = fit_calibration(booster.raw_scores(encode(calibration.X)), calibration.y, calibration.day)
        raw = booster.raw_scores(encode(test.X))
    return {
        "rows_fitted": len(chosen),
        "late_fitted": float(chosen.y.mean()),
        "platt": {"slope": platt.slope, "intercept": platt.intercept},
        "as_fitted": _quality(test, Calibration().apply(raw)),
        "calibrated": _quality(test, platt.apply(raw)),
    }


def _quality(test: TrainingSet, probability: Floats) -> dict[str, float]:
    values = summary(test.y, probability)
    return {name: values[name] for name in METRICS} | {"mean": float(probability.mean())}
