"""A training run from the event log to a registered, signed version; and the gate before the champion.

The version that is registered is the one that was evaluated: nothing is fitted again afterwards, so what the gate
saw is what serves. The price is that the newest days, on which it is evaluated, are not in its fit.
"""

import json
import math
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import Executor, ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from pathlib import Path
from typing import Any

import numpy as np

from adapters import model_artifact
from adapters.engine import LOCAL, RETRAIN_THREADS, Engine
from adapters.model_keys import ModelKeys
from adapters.model_registry import ModelRegistry
from adapters.training_runs import Run
from domain.flights import Floats
from domain.model import FlightModel, ModelManifest
from training import baselines, model_card, plots
from training import snapshot as snapshots
from training.evaluate import Evaluation, evaluate
from training.expectations import Checked, leave_out_unfit
from training.fit import Fitted, Recipe, assemble, begin_fit
from training.gate import GatePolicy, GateVerdict, evaluate_gate
from training.hinges import HingeParameters
from training.own_vectors import LoggedVectors, champion_on
from training.perceptrons import PerceptronParameters
from training.provenance import git_commit
from training.retraining import comparison
from training.split import Split, SplitPolicy, split_by_time
from training.train import TreeParameters
from training.training_set import (
    EXTRA_LEADS,
    HEADLINE_LEAD,
    LEADS,
    EventStore,
    LabelStore,
    TrainingSet,
    build,
)

Progress = Callable[[str, float], None]
TIMED_ROWS = 200


@dataclass(frozen=True)
class TrainingRequest:
    """What to train on, and why."""

    flown_from: date
    flown_until: date
    as_of: datetime
    reason: str
    leads: tuple[int, ...] = LEADS
    extra_leads: int = EXTRA_LEADS
    parameters: TreeParameters = field(default_factory=TreeParameters)
    hinges: HingeParameters = field(default_factory=HingeParameters)
    perceptrons: PerceptronParameters = field(default_factory=PerceptronParameters)
    split: SplitPolicy = field(default_factory=SplitPolicy)
    seed: int = 2013

    @property
    def recipe(self) -> Recipe:
        """Return what is chosen of each part of the model."""
        return Recipe(self.parameters, self.hinges, self.perceptrons)


@dataclass(frozen=True)
class TrainedModel:
    """A registered version, and what the gate needs to evaluate it."""

    version: int
    run_id: str
    model: FlightModel
    model_hash: str
    evaluation: Evaluation
    fitted_on: TrainingSet
    """Rows of the days before the held-out ones."""
    held_out: TrainingSet
    """Rows of the newest matured days, which the fit has not seen."""
    baselines: dict[str, Floats]
    """Each baseline's probability of the held-out rows."""
    megabytes: float


@dataclass(frozen=True)
class MadeModel:
    """A model that is fitted and evaluated, with everything it came from."""

    checked: Checked
    split: Split
    fitted: Fitted
    model: FlightModel
    evaluation: Evaluation
    baselines: dict[str, Floats]

    @property
    def rows(self) -> TrainingSet:
        """Return the training set: all rows that fit."""
        return self.checked.rows

    def write(self, folder: Path, keys: ModelKeys) -> str:
        """Write the model's signed files; return their hash."""
        return write_model(folder, self.fitted, self.model.manifest, self.evaluation, keys)


def write_model(
    folder: Path, fitted: Fitted, manifest: ModelManifest, evaluation: Evaluation, keys: ModelKeys
) -> str:
    """Write a fitted model's signed files, its card among them; return their hash."""
    card = model_card.write_card(manifest, evaluation)
    model_artifact.write(
        folder,
        fitted.trees.text,
        manifest,
        keys,
        {model_artifact.CARD: card},
        fitted.hinges,
        fitted.perceptrons,
    )
    return model_artifact.model_hash(folder)


def train_candidate(
    event_store: EventStore,
    registry: ModelRegistry,
    keys: ModelKeys,
    request: TrainingRequest,
    progress: Progress = lambda step, share: None,
    label_store: LabelStore | None = None,
    engine: Engine = LOCAL,
) -> TrainedModel:
    """Build the training set, fit, evaluate, and register the signed version.

    Parameters
    ----------
    key : bytes
        Signs the version.
    progress : callable
        Called with the step's name and the share of it that is done, 0 to 1; from another thread while it fits.
    label_store : LabelStore, optional
        Returns the labels, corrections included; without it they are the arrivals of the event store.
    engine : Engine
        Computes the vectors of the training set, and fits the trees where it has workers that do.

    Raises
    ------
    InvalidInput
        If the window has too few days with labels.
    NotReady
        If PostgreSQL or MLflow is away; no version is registered then.
    """
    made = make_model(event_store, request, progress, label_store, engine=engine)
    model, evaluation = made.model, made.evaluation
    progress("register", 0.0)
    with (
        registry.runs.open(f"{request.reason} {request.as_of:%Y-%m-%d}") as run,
        tempfile.TemporaryDirectory() as scratch,
    ):
        folder = Path(scratch) / "model"
        hashed = made.write(folder, keys)
        _record(run, request, made.checked, model.manifest, evaluation, hashed)
        _record_snapshot(
            run, snapshots.snapshot_manifest(request, made.rows, event_store, model.manifest, hashed)
        )
        plots.write_plots(evaluation, made.fitted.trees.gain, Path(scratch) / "plots")
        run.folder(Path(scratch) / "plots", "plots")
        run.dictionary("gain.json", made.fitted.trees.gain)
        version = registry.register(run.run_id, folder, _version_tags(model.manifest, hashed, request))
    progress("register", 1.0)
    return TrainedModel(
        version,
        run.run_id,
        model,
        hashed,
        evaluation,
        made.split.fit,
        made.split.evaluation,
        made.baselines,
        megabytes=made.fitted.megabytes,
    )


def make_model(
    event_store: EventStore,
    request: TrainingRequest,
    progress: Progress = lambda step, share: None,
    label_store: LabelStore | None = None,
    commit: str | None = None,
    engine: Engine = LOCAL,
) -> MadeModel:
    """Build the training set, fit and evaluate; nothing is registered.

    Parameters
    ----------
    commit : str, optional
        Goes into the manifest; without it the commit of the running code.

    Raises
    ------
    InvalidInput
        If the window has too few days with labels, or the training set is not as it must be.
    """
    progress("training set", 0.0)
    rows = build(
        event_store,
        request.flown_from,
        request.flown_until,
        request.as_of,
        request.leads,
        request.extra_leads,
        label_store,
        engine,
    )
    checked = leave_out_unfit(rows, request.leads)
    rows = checked.rows
    split = split_by_time(rows, request.split)
    with ThreadPoolExecutor(RETRAIN_THREADS) as pool:
        fitting = _begin_fit(pool, split, request, progress, engine)
        # What does not depend on the fit is computed beside it, by the thread that is done first.
        beside = pool.submit(baselines.predictions, split, request.seed)
        pool.submit(lambda: rows.data_hash)
        fitted, simple = fitting(), beside.result()
    draft = assemble(
        fitted,
        rows,
        split,
        request.recipe,
        request.seed,
        commit or git_commit(),
    )
    progress("evaluate", 0.0)
    probability = draft.probability(split.evaluation.X)
    evaluation = evaluate(split.evaluation, probability, simple)
    model = draft.with_manifest(_with_metrics(draft.manifest, evaluation))
    return MadeModel(checked, split, fitted, model, evaluation, simple)


def gate_candidate(
    candidate: TrainedModel,
    champion: FlightModel | None,
    policy: GatePolicy | None = None,
    logged: LoggedVectors | None = None,
) -> GateVerdict:
    """Evaluate a candidate on its held-out days that the champion was not fitted on either, at the headline lead.

    Parameters
    ----------
    logged : callable, optional
        Returns the champion's own vectors where it is of another feature contract: the flights whose vectors its
        release did not log are left out.
    """
    headline = np.flatnonzero(candidate.held_out.lead == HEADLINE_LEAD)
    of_champion = None
    if champion is not None:
        # What a candidate of earlier days holds out, the champion may have been fitted on.
        fitted_until = int(champion.manifest.trained_until.replace("-", ""))
        headline = headline[candidate.held_out.day[headline] > fitted_until]
        asked, of_champion = champion_on(candidate.held_out.take(headline), champion, logged)
        headline = headline[asked]
    rows = candidate.held_out.take(headline)
    looked_at = comparison(
        rows,
        candidate.model.probability(rows.X),
        of_champion,
        {name: values[headline] for name, values in candidate.baselines.items()},
        _microseconds(candidate.model, rows.X),
        candidate.megabytes,
    )
    return evaluate_gate(looked_at, policy or GatePolicy())


def _begin_fit(
    pool: Executor, split: Split, request: TrainingRequest, progress: Progress, engine: Engine
) -> Callable[[], Fitted]:
    progress("fit", 0.0)
    return begin_fit(
        pool,
        split.fit,
        request.recipe,
        request.seed,
        lambda share: progress("fit", share),
        RETRAIN_THREADS,
        engine.trees,
    )


def _with_metrics(manifest: ModelManifest, evaluation: Evaluation) -> ModelManifest:
    # Without a late flight there is no AUC, and NaN is no JSON.
    finite = {name: value for name, value in evaluation.headline.items() if math.isfinite(value)}
    metrics = {name: round(value, 6) for name, value in finite.items()}
    return replace(manifest, metrics=metrics)


def _record(
    run: Run,
    request: TrainingRequest,
    checked: Checked,
    manifest: ModelManifest,
    evaluation: Evaluation,
    hashed: str,
) -> None:
    run.parameters(
        manifest.parameters
        | {"seed": request.seed, "leads": str(request.leads), "rows": len(checked.rows)}
        | {"rows_left_out": checked.left_out, "columns_left_out": json.dumps(checked.columns)}
    )
    run.metrics(evaluation.headline)
    run.metrics({f"auc_lead_{lead}": values["auc"] for lead, values in evaluation.by_lead.items()})
    run.metrics({f"log_loss_{name}": v["log_loss"] for name, v in evaluation.baselines.items()})
    run.tags(_version_tags(manifest, hashed, request))
    run.dataset(
        "flights",
        manifest.data_hash,
        {
            "table": "flight_events, weather_events",
            "flown_from": request.flown_from.isoformat(),
            "flown_until": request.flown_until.isoformat(),
            "as_of": manifest.as_of,
        },
    )
    run.dictionary("evaluation.json", evaluation.as_dict())


def _record_snapshot(run: Run, snapshot: dict[str, Any]) -> None:
    run.dictionary(snapshots.FILE, snapshot)
    run.tags(snapshots.snapshot_tags(snapshot))


def _version_tags(manifest: ModelManifest, hashed: str, request: TrainingRequest) -> dict[str, str]:
    workers = manifest.parameters.get("fit_workers")
    return {
        "contract_hash": manifest.contract_hash,
        "data_hash": manifest.data_hash,
        "model_hash": hashed,
        "git_commit": manifest.git_commit,
        "as_of": manifest.as_of,
        "trained_from": manifest.trained_from,
        "trained_until": manifest.trained_until,
        "reason": request.reason,
        "auc": f"{manifest.metrics.get('auc', np.nan):.4f}",
        "log_loss": f"{manifest.metrics.get('log_loss', np.nan):.4f}",
    } | ({"fit_workers": str(workers)} if workers else {})


def _microseconds(model: FlightModel, vectors: Floats) -> float:
    times = []
    for i in range(min(TIMED_ROWS, len(vectors))):
        start = time.perf_counter()
        model.probability(vectors[i : i + 1])
        times.append(time.perf_counter() - start)
    return float(np.median(times) * 1e6) if times else 0.0
