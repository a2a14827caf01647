"""The evaluation's two commands: train the model, and evaluate it; both may be interrupted and run again."""

import json
import math
import time
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from adapters import model_artifact
from adapters.engine import LOCAL, Engine
from adapters.model_keys import ModelKeys
from adapters.terminal import Say
from domain.errors import NotReady
from domain.features.catalogue import CONTRACT_HASH, FEATURES
from domain.flights import Floats, Ints, Queries
from domain.metrics import reliability
from domain.model import FlightModel
from experiments.evaluation import ablation, cancellations, costs, model, peers, published, refits
from experiments.evaluation.intervals import by_name, quality
from experiments.evaluation.operations import operations
from experiments.evaluation.sets import EvaluationPlan, EvaluationSets, load_sets
from training.baselines import departure_hours
from training.train import TreeParameters
from training.training_set import HEADLINE_LEAD, TrainingSet

PEER_SPLITS = 3
RELIABILITY_BINS = 20
MODEL = "model"
BUILT = "training.json"


@dataclass(frozen=True)
class Workspace:
    """Where the evaluation finds its data and leaves its work."""

    data_dir: Path
    folder: Path
    package: Path
    """The dataset's package, for the columns that only the published comparison uses."""
    keys: ModelKeys
    plan: EvaluationPlan
    parameters: TreeParameters
    engine: Engine = LOCAL
    """Builds the rows that `train` needs, and fits the trees where it has workers that do."""


class PrintedProgress:
    """Says what is done, and how long the rest will take by the pace so far."""

    def __init__(self, say: Say):
        self._say, self._began, self._step = say, time.monotonic(), ""

    def __call__(self, name: str, done: float, of: float) -> None:
        """Report the share of a step that is done."""
        if name != self._step:
            self._step, self._began = name, time.monotonic()
            self._say(name)
        elif done:
            left = (time.monotonic() - self._began) * (of - done) / done
            self._say(f"  {done / of:4.0%}, {left:.0f} s left")


def train(workspace: Workspace, say: Say) -> dict[str, Any]:
    """Build the rows, fit, sign, and leave the model with what was measured; return that."""
    progress, began = PrintedProgress(say), time.monotonic()
    sets = load_sets(workspace.plan, workspace.data_dir, workspace.folder, progress, workspace.engine)
    last = [0]

    def fitting(share: float) -> None:
        if int(share * 10) > last[0]:
            last[0] = int(share * 10)
            progress("fitting", last[0], 10)

    progress("fitting", 0, 10)
    folder, workers = workspace.folder / MODEL, workspace.engine.trees
    _, evaluation, digest = model.train(
        sets, workspace.parameters, workspace.keys, folder, fitting, workers=workers
    )
    built = {
        "model_hash": digest,
        "data_hash": sets.fit.data_hash,
        "rows": len(sets.fit),
        "features": len(FEATURES),
        "seconds": round(time.monotonic() - began, 1),
        "headline": {k: round(v, 6) for k, v in evaluation.headline.items()},
    }
    (workspace.folder / BUILT).write_text(json.dumps(built, indent=1) + "\n")
    say(
        f"AUC {evaluation.headline['auc']:.4f}, log-loss {evaluation.headline['log_loss']:.4f} on the test's "
        f"{evaluation.headline['n']:.0f} flights; model {digest[:16]}"
    )
    return built


def evaluate(workspace: Workspace, say: Say, splits: int = PEER_SPLITS) -> dict[str, Any]:
    """Evaluate the model that `train` left on the test's days, and others beside it.

    Raises
    ------
    NotReady
        If there is no model, or it was trained on other features than this code computes.
    """
    progress = PrintedProgress(say)
    folder = workspace.folder / MODEL
    served = trained(workspace)
    sets = load_sets(workspace.plan, workspace.data_dir, workspace.folder, progress)
    progress("scoring the test's questions", 0, 1)
    test, probability = sets.test, served.probability(sets.test.X)
    at = test.lead == HEADLINE_LEAD
    rows, p = test.take(at), probability[at]
    table = reliability(rows.y, p, RELIABILITY_BINS)
    found = {
        "made_at": f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}",
        "split": {name: str(value) for name, value in asdict(workspace.plan).items()},
        "lead": HEADLINE_LEAD,
        **quality(rows.y, p, rows.day),
        "model_hash": model_artifact.model_hash(folder),
        "data_hash": served.manifest.data_hash,
        "git_commit": served.manifest.git_commit,
        "features": len(FEATURES),
        "parameters": served.manifest.parameters,
        "logistic_share": served.manifest.logistic_share,
        "perceptron_share": served.manifest.perceptron_share,
        "training": json.loads((workspace.folder / BUILT).read_text()),
        "by_lead": by_name(test.y, probability, test.day, test.lead),
        "slices": _slices(rows, p),
        "reliability": {name: np.asarray(v).tolist() for name, v in asdict(table).items()},
        "blocks": "weeks",
        "operations": operations(rows.y, p, rows.day),
        "costs": costs.cost_curve(rows.y, p),
        "cost_curves": {
            "thresholds": list(costs.THRESHOLDS),
            **{str(ratio): costs.swept(rows.y, p, ratio) for ratio in costs.RATIOS},
        },
        "baselines": _peers(sets, p, workspace, progress),
        "tidymodels": _published(sets, workspace, splits, progress),
    }
    return _plain(found)


def trained(workspace: Workspace) -> FlightModel:
    """Read the model that `train` left.

    Raises
    ------
    NotReady
        If there is none, or it was trained on other features than this code computes.
    """
    folder = workspace.folder / MODEL
    if not (folder / model_artifact.MANIFEST).exists():
        raise NotReady("there is no model yet: run `make train` first")
    served = model_artifact.load(folder, workspace.keys)
    if served.manifest.contract_hash != CONTRACT_HASH:
        raise NotReady(
            "the model was trained on other features than this code computes: run `make train` again"
        )
    return served


def announce(workspace: Workspace, say: Say) -> dict[str, Any]:
    """Score the test's flights again, with cancellations known as early as a live feed announces them."""
    plan, data_dir = workspace.plan, workspace.data_dir
    return _plain(cancellations.compare(trained(workspace), plan, data_dir, PrintedProgress(say)))


def ablate(workspace: Workspace, say: Say) -> dict[str, Any]:
    """Fit without each family of features, at the headline lead."""
    progress = PrintedProgress(say)
    sets = load_sets(workspace.plan, workspace.data_dir, workspace.folder, progress)
    fit, test = _headline(sets)
    found, names = {}, list(ablation.variants())
    progress("fitting without each family", 0, len(names))
    for done, (name, values) in enumerate(ablation.ablate(fit, test, workspace.parameters, model.SEED), 1):
        found[name] = values
        progress("fitting without each family", done, len(names))
    counts = {f.family: sum(g.family == f.family for g in FEATURES) for f in FEATURES}
    return _plain({"variants": found, "features": counts})


def _headline(sets: EvaluationSets) -> tuple[TrainingSet, TrainingSet]:
    return sets.fit.take(sets.fit.lead == HEADLINE_LEAD), sets.test.take(sets.test.lead == HEADLINE_LEAD)


def _slices(rows: TrainingSet, p: Any) -> dict[str, Any]:
    kinds = {
        "month": rows.day // 100,
        "origin": rows.origin,
        "carrier": rows.carrier,
        "hour": departure_hours(rows),
    }
    return {kind: by_name(rows.y, p, rows.day, names) for kind, names in kinds.items()}


def _peers(
    sets: EvaluationSets, own: Floats, workspace: Workspace, progress: PrintedProgress
) -> dict[str, Any]:
    fit, test = _headline(sets)
    found: dict[str, Any] = {}
    progress("fitting other models on the same split", 0, 1)
    for name, values in peers.compare(fit, test, own, workspace.parameters, model.SEED):
        found[name] = values
        progress("fitting other models on the same split", len(found), len(peers.FAMILIES) + 2)
    return found


def refit(workspace: Workspace, say: Say) -> dict[str, Any]:
    """Fit before every month, at the headline lead, beside models that stay what they were."""
    progress = PrintedProgress(say)
    rows, delay = _year(load_sets(workspace.plan, workspace.data_dir, workspace.folder, progress))
    scores, months = {}, refits.refit_months(rows)
    progress("fitting before every month", 0, len(months))
    for month, said in refits.scored(rows, delay, workspace.parameters, model.SEED):
        scores[month] = said
        progress("fitting before every month", len(scores), len(months))
    return _plain(refits.evaluate(rows, scores))


def _year(sets: EvaluationSets) -> tuple[TrainingSet, Ints]:
    """Return all flights at the headline lead, those of the fit before those of the test, and their arrival delays."""
    fit, test = sets.fit.lead == HEADLINE_LEAD, sets.test.lead == HEADLINE_LEAD
    parts = sets.fit.take(fit), sets.test.take(test)
    columns = ("X", "y", "lead", "flight_id", "day")
    questions = {
        name: np.concatenate([getattr(part.queries, name) for part in parts])
        for name in vars(parts[0].queries)
    }
    joined: dict[str, Any] = {
        name: np.concatenate([getattr(part, name) for part in parts]) for name in columns
    }
    rows = TrainingSet(**joined, queries=Queries(**questions), as_of=parts[0].as_of)
    return rows, np.concatenate([sets.fit_delay[fit], sets.test_delay[test]])


def _published(
    sets: EvaluationSets, workspace: Workspace, splits: int, progress: PrintedProgress
) -> dict[str, Any]:
    """Return both on random splits of the whole year, at the headline lead."""
    rows, delay = _year(sets)
    progress("the published set-up, on random splits", 0, 1)
    flights, found = published.raw_flights(workspace.package), []
    for one in published.repeated(flights, rows, delay, workspace.parameters, splits, model.SEED):
        found.append(one)
        progress("the published set-up, on random splits", len(found), 2 * splits)
    return published.summary(found) | {
        "published": {"auc": published.PUBLISHED},
        "late_minutes": published.LATE_MINUTES,
        "flights": {"theirs": len(flights), "ours": len(rows)},
    }


def _plain(found: dict[str, Any]) -> dict[str, Any]:
    return {str(name): _plain_value(value) for name, value in found.items()}


def _plain_value(value: Any) -> Any:
    """Return a value as JSON holds it: no NaN, and six digits are enough."""
    if isinstance(value, dict):
        return _plain(value)
    if isinstance(value, list | tuple):
        return [_plain_value(v) for v in value]
    if isinstance(value, float | np.floating):
        return None if math.isnan(value) else round(float(value), 6)
    return value
