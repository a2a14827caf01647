"""A candidate on its way to production: signature, contract, gate and smoke test; only then is it promoted.

Each step leaves what it found in reports/validation/VERSION.json. A promotion asks that report, so that a step may
run in another container than the one before it.
"""

import json
import subprocess
import sys
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

from adapters import model_artifact
from adapters.championship import Championship
from adapters.deployments import Deployments
from adapters.event_store import EventStore
from adapters.label_store import LabelStore
from adapters.model_keys import ModelKeys
from adapters.model_registry import CHAMPION, ModelRegistry
from adapters.postgres import Database
from adapters.prediction_log import PredictionLog
from adapters.settings import PROJECT_ROOT, Settings
from adapters.terminal import Say
from domain.errors import Conflict, GateRefused, OntimeError
from domain.features.catalogue import CONTRACT_HASH
from domain.model import FlightModel
from flows.logged import vectors_of
from flows.plan import PLAN, gate_policy
from monitoring.windows import last_matured_day
from training import baselines
from training.evaluate import evaluate
from training.gate import GatePolicy, GateVerdict
from training.run import TrainedModel, gate_candidate
from training.split import day_of, split_by_time
from training.training_set import HEADLINE_LEAD, build

WHO = "pipeline"


def check_version(settings: Settings, version: int, say: Say) -> None:
    """Verify a version as MLflow holds it now, and check it by the promotion gate on the days it was not fitted on.

    Raises
    ------
    SignatureInvalid, ContractMismatch
        If it is not what was signed, or was trained on other features than this code computes.
    Conflict
        If it serves already.
    OntimeError
        If it does not pass the gate.
    """
    _report_file(settings, version).unlink(missing_ok=True)
    database = Database.from_settings(settings)
    try:
        registry = ModelRegistry.from_settings(settings)
        champion = registry.alias(CHAMPION)
        if champion == version:
            raise Conflict(f"version {version} serves already")
        registry.audit(version)
        folder = registry.fetch(version)
        model = model_artifact.load(folder, ModelKeys.from_settings(settings))
        model.require_contract(CONTRACT_HASH)
        say(f"version {version}: signature and feature contract {CONTRACT_HASH[:12]} are right")
        other = registry.load(champion) if champion is not None else None
        verdict = _gate(database, version, model, folder, other, gate_policy(PLAN, settings))
        _write(settings, version, model_artifact.model_hash(folder), champion, verdict)
    finally:
        database.close()
    if not verdict.passed:
        raise GateRefused(f"version {version} does not pass the gate: {verdict.reason}")
    say(f"gate: {verdict.reason} ({len(verdict.checks)}), against {_named(champion)}")


def _gate(
    database: Database,
    version: int,
    model: FlightModel,
    folder: Path,
    champion: FlightModel | None,
    gate: GatePolicy,
) -> GateVerdict:
    manifest = model.manifest
    as_of = datetime.fromisoformat(manifest.as_of)
    first, fitted = (date.fromisoformat(day) for day in (manifest.trained_from, manifest.trained_until))
    # A first champion reaches to the day before its making: it is evaluated on the days that its training held out.
    last = max(last_matured_day(as_of), fitted + timedelta(days=PLAN.split.evaluation_days))
    rows = build(
        EventStore(database), first, last, as_of, (HEADLINE_LEAD,), 0, label_store=LabelStore(database)
    )
    split = split_by_time(rows, PLAN.split)
    begins = day_of(int(split.evaluation.day.min())).isoformat()
    if begins <= manifest.trained_until:
        raise OntimeError(
            f"version {version} was fitted on days up to {manifest.trained_until}; the days to evaluate it on begin "
            f"on {begins}"
        )
    simple = baselines.predictions(split, manifest.seed)
    evaluation = evaluate(split.evaluation, model.probability(split.evaluation.X), simple)
    candidate = TrainedModel(
        version=version,
        run_id="",
        model=model,
        model_hash=model_artifact.model_hash(folder),
        evaluation=evaluation,
        fitted_on=split.fit,
        held_out=split.evaluation,
        baselines=simple,
        megabytes=model_artifact.megabytes(folder),
    )
    return gate_candidate(candidate, champion, gate, vectors_of(PredictionLog(database)))


def try_version(version: int, say: Say) -> None:
    """Serve the version by a throw-away API process with this process's environment, and question it.

    Raises
    ------
    OntimeError
        If it does not answer as it should.
    """
    done = subprocess.run(
        [sys.executable, "-m", "deploy.pipeline.trial", str(version)],
        cwd=PROJECT_ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    if done.returncode:
        raise OntimeError(f"version {version} fails its smoke test: {done.stderr.strip()[-1500:]}")
    say(done.stdout.strip())


def promote_version(settings: Settings, version: int, pipeline: str, commit: str, say: Say) -> None:
    """Promote a version that passed the gate against the champion that still serves; the ledger names the pipeline.

    Raises
    ------
    Conflict
        If the gate did not pass it, or its files or the champion are others now.
    """
    report = _read(settings, version)
    registry = ModelRegistry.from_settings(settings)
    registry.audit(version)
    if report["model_hash"] != model_artifact.model_hash(registry.fetch(version)):
        raise Conflict(f"version {version} is not the one that was validated")
    database = Database.from_settings(settings)
    try:
        row = Championship(registry, Deployments(database)).promote(
            version,
            report["champion"],
            f"{WHO} {pipeline or 'by hand'}",
            "validated: signature, contract, gate, smoke test",
            {"pipeline": pipeline, "commit": commit, "gate": report["gate"]},
        )
    finally:
        database.close()
    say(f"version {version} serves, after {_named(row.from_version)}; row {row.deployment_id} of the ledger")


def _named(version: int | None) -> str:
    return "no champion" if version is None else f"version {version}"


def _report_file(settings: Settings, version: int) -> Path:
    return settings.reports_dir / "validation" / f"{version}.json"


def _write(settings: Settings, version: int, hashed: str, champion: int | None, verdict: GateVerdict) -> None:
    path = _report_file(settings, version)
    path.parent.mkdir(parents=True, exist_ok=True)
    report = {
        "version": version,
        "model_hash": hashed,
        "champion": champion,
        "passed": verdict.passed,
        "reason": verdict.reason,
        "gate": verdict.evidence(),
        "at": f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}",
    }
    path.write_text(json.dumps(report, indent=1) + "\n")


def _read(settings: Settings, version: int) -> dict[str, Any]:
    try:
        report: dict[str, Any] = json.loads(_report_file(settings, version).read_text())
    except (OSError, ValueError) as error:
        raise Conflict(f"version {version} was not validated: run the gate first") from error
    if not report["passed"]:
        raise Conflict(f"version {version} did not pass the gate: {report['reason']}")
    return report
