"""`make drill FAULT=...`: injects a fault into a replay and reports what was detected, when, and what was done.

Every drill begins from a copy of one base state and replays two days; their runs are compared with those of the same
days undisturbed. Run as `python -m experiments.drills.drill FAULT REPORTS_FOLDER` in the environment of the drills'
own stack.
"""

import json
import os
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

from adapters.deployments import Deployments
from adapters.model_registry import CHALLENGER, ModelRegistry
from adapters.monitoring_store import MonitoringStore
from adapters.postgres import Database
from adapters.prediction_log import PredictionLog
from adapters.settings import Settings, settings
from adapters.terminal import Say
from data.dataset import Dataset, load_dataset
from deploy.native import layout
from deploy.native.manager import Stack
from domain import monitored
from domain.errors import InvalidInput, OntimeError
from experiments.alert_rules.calibration import calibrate
from experiments.drills import poison
from experiments.drills.faults import FAULTS, Fault
from experiments.drills.report import CONTROL, print_table, record, record_calm
from experiments.drills.stack import DrillPlan, ensure_base, restore
from replay.client import api_client
from replay.session import Pace, replay_window, running

ALL = "all"
NAMES = (*FAULTS, *poison.POISONS)


def drill(own: Settings, asked: str, reports: Path, say: Say) -> None:
    """Run the drill of a fault, or of all, each on a fresh copy of the base state; merge what it found into the report.

    Raises
    ------
    InvalidInput
        If there is no such fault: names those there are; or if the place cannot have it.
    """
    if asked not in (*NAMES, ALL):
        raise InvalidInput("FAULT", f"one of {', '.join((*NAMES, ALL))}", asked)
    names = _possible(own, asked, say)
    ensure_base(own, say)
    for i, name in enumerate(names):
        say(f"drill {i + 1} of {len(names)}: {name}: {_drilled(name).sentence}")
        record(reports, name, _run(own, name, say))
        if name == CONTROL:
            record_calm(reports, json.loads(calibrate(own, say).read_text()))
    print_table(reports)


def _possible(own: Settings, asked: str, say: Say) -> list[str]:
    """Return the names that are asked for, of all without those that the place cannot have."""
    events = load_dataset(own.state_dir / "data").events
    never = [name for name, fault in FAULTS.items() if not fault.is_possible(events)]
    if asked in never:
        raise InvalidInput("FAULT", "one that is not about the weather: no airport here has any", asked)
    if asked != ALL:
        return [asked]
    for name in never:
        say(f"{name}: left out, no airport here has weather")
    return [name for name in NAMES if name not in never]


def _drilled(name: str) -> Fault | poison.Poison:
    return FAULTS[name] if name in FAULTS else poison.POISONS[name]


def _run(own: Settings, name: str, say: Say) -> dict[str, Any]:
    started = time.monotonic()
    restore(own)
    try:
        with running(own, lambda text: None) as (database, guard, dataset):
            plan = DrillPlan.in_folder(own)
            found = _replayed(own, database, name, _faulty(dataset, name, plan), guard, plan, say)
    finally:
        Stack(own).stop(lambda text: None)
    return found | {"seconds": round(time.monotonic() - started, 1)}


def _faulty(dataset: Dataset, name: str, plan: DrillPlan) -> Dataset:
    if name not in FAULTS:
        return dataset
    return replace(dataset, events=FAULTS[name].change(dataset.events, plan.onset))


def _replayed(
    own: Settings,
    database: Database,
    name: str,
    dataset: Dataset,
    guard: Any,
    plan: DrillPlan,
    say: Say,
) -> dict[str, Any]:
    registry = ModelRegistry.of_trainer(own)
    ledger = {row.deployment_id for row in Deployments(database).history(1000)}
    registered = poison.POISONS[name].make(registry, own) if name in poison.POISONS else None
    replay_window(own, database, guard, dataset, plan.drilled, Pace(say, len(plan.drilled)))
    found = _found(database, registry, ledger, plan)
    if registered is not None:
        bad, ledger_now = poison.POISONS[name], Deployments(database)
        found["poison"] = poison.outcome(bad, api_client(own), registry, ledger_now, registered)
    drilled = _drilled(name)
    return {
        "fault": drilled.sentence,
        "about": list(drilled.about),
        "onset": plan.onset.isoformat(),
        **found,
    }


def _found(database: Database, registry: ModelRegistry, ledger: set[int], plan: DrillPlan) -> dict[str, Any]:
    """Gather what the stack's own tables say of the drilled days."""
    store, deployments = MonitoringStore(database), Deployments(database)
    first, last = plan.drilled.first, plan.drilled.last
    changes = [row for row in deployments.history(1000) if row.deployment_id not in ledger]
    measures = {
        day.isoformat(): {m.name: m.value for m in store.measures_of(day) if m.slice == monitored.ALL}
        for day in plan.drilled
    }
    alerts = store.alerts(plan.base.first, last)
    return {
        "alerts": [
            {
                "rule": alert.rule,
                "severity": alert.severity,
                "day": alert.day.isoformat(),
                "run": (alert.day - first).days + 1,
                "message": alert.message,
            }
            for alert in alerts
            if alert.day >= first
        ],
        "open_before": sorted(
            {
                a.rule
                for a in alerts
                if a.day < first and (a.resolved_at is None or a.resolved_at > plan.onset)
            }
        ),
        "decisions": [
            {
                "kind": d.kind,
                "day": d.day.isoformat(),
                "run": (d.day - first).days + 1,
                "verdict": d.verdict,
                "reason": d.reason,
                "measured": d.evidence.get("mean") is not None,
            }
            for d in store.decisions(first, last)
        ],
        "changes": [
            {"action": c.action, "from": c.from_version, "to": c.to_version, "who": c.who, "reason": c.reason}
            for c in changes
            if c.status == "done"
        ],
        "champion": deployments.champion(),
        "challenger": registry.alias(CHALLENGER),
        "predictions": len(PredictionLog(database).fetch(first, last)),
        "measures": measures,
    }


def main() -> None:
    """Run in the environment of the drills' stack."""
    own = settings()
    for name, value in layout.environment(own).items():
        os.environ.setdefault(name, value)
    try:
        drill(own, sys.argv[1], Path(sys.argv[2]), lambda text: print(text, flush=True))
    except OntimeError as error:
        print(f"ontime: {error}", file=sys.stderr)
        sys.exit(1)
    except KeyboardInterrupt:
        Stack(own).stop(lambda text: None)
        sys.exit(130)


if __name__ == "__main__":
    main()
