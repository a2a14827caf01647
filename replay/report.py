"""What a replay came to, from the stack's own tables: quality by day and month, alerts, retrains, promotions."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np

from adapters.deployments import Deployment, Deployments
from adapters.monitoring_store import MonitoringRun, MonitoringStore, StoredAlert, StoredDecision
from adapters.postgres import Database
from adapters.prediction_columns import PredictionColumns
from adapters.prediction_log import PredictionLog
from domain.metrics import estimated, summary
from domain.monitored import ALL, GATE, RETRAIN
from monitoring.windows import headline, last_complete_day
from training.provenance import write_figures

FILE = "replay.json"
QUALITY = ("auc", "log_loss", "brier", "late_rate")
MEASURES = (
    *(f"{kind}_{name}" for kind in ("realised", "estimated") for name in QUALITY),
    "parity_mismatches",
)
PAGES = ("warning", "critical")
EVERY_CHANGE = 100_000


@dataclass(frozen=True)
class Tables:
    """The rows of the stack's tables that a report is made of."""

    runs: Sequence[MonitoringRun]
    measures: dict[date, dict[str, float | None]]
    """Overall values of each monitored day."""
    alerts: Sequence[StoredAlert]
    decisions: Sequence[StoredDecision]
    changes: Sequence[Deployment]
    logged: dict[date, tuple[int, int]]
    """Predictions and flights by local day."""
    months: dict[str, dict[str, float]]


def read_tables(database: Database, first: date, last: date) -> Tables:
    """Read everything that a report of some days needs."""
    store = MonitoringStore(database)
    runs = store.runs(first, last)
    return Tables(
        runs=runs,
        measures={
            run.day: {m.name: m.value for m in store.measures_of(run.day) if m.slice == ALL} for run in runs
        },
        alerts=store.alerts(first, last),
        decisions=store.decisions(first, last),
        changes=[row for row in Deployments(database).history(EVERY_CHANGE) if row.status == "done"][::-1],
        logged=PredictionLog(database).by_day(first, last),
        months=dict(_months(PredictionLog(database), runs)),
    )


def build(tables: Tables, asked: dict[date, int], spent: dict[str, float]) -> dict[str, Any]:
    """Make the report.

    Parameters
    ----------
    asked : dict
        Flights the dataset has for clients to ask about, by local day.
    spent : dict
        wall_seconds and compute_seconds of the replay, over all interruptions.
    """
    days = [_day(run, tables, asked) for run in tables.runs]
    return {
        "first": days[0]["day"] if days else None,
        "last": days[-1]["day"] if days else None,
        "totals": _totals(days, tables) | _minutes(days, spent),
        "months": tables.months,
        "days": days,
        "alerts": [_alert(alert) for alert in tables.alerts],
        "decisions": [_decision(decision) for decision in tables.decisions],
        "changes": [_change(change) for change in tables.changes],
    }


def write(report: dict[str, Any], folder: Path) -> Path:
    """Write it as JSON; return the file."""
    return write_figures(folder / FILE, report, "make replay")


def _months(log: PredictionLog, runs: Sequence[MonitoringRun]) -> Iterable[tuple[str, dict[str, float]]]:
    """Return the quality of each month's predictions at the headline lead, all days together."""
    for month in sorted({run.day.replace(day=1) for run in runs}):
        days = [run.day for run in runs if run.day.replace(day=1) == month]
        rows = log.fetch(min(days), max(days))
        yield f"{month:%Y-%m}", quality(rows.take(headline(rows)))


def quality(rows: PredictionColumns) -> dict[str, float]:
    """Return the realised and estimated metrics of predictions whose label is known."""
    labelled = ~np.isnan(rows.is_late)
    late, probability = rows.is_late[labelled] == 1, rows.probability[labelled]
    expected = {f"estimated_{name}": value for name, value in estimated(probability).items()}
    return summary(late, probability) | expected


def _day(run: MonitoringRun, tables: Tables, asked: dict[date, int]) -> dict[str, Any]:
    values = tables.measures[run.day]
    predictions, flights = tables.logged.get(run.day, (0, 0))
    return {
        "day": run.day.isoformat(),
        "version": run.model_version,
        "asked": asked.get(run.day, 0),
        "logged": flights,
        "logged_twice": predictions - flights,
        "labelled": run.labelled,
        "run_seconds": round(run.seconds, 2),
        **{name: values.get(name) for name in MEASURES},
        "alerts": [a.rule for a in tables.alerts if a.day == run.day],
    }


def _totals(days: list[dict[str, Any]], tables: Tables) -> dict[str, Any]:
    severities = Counter(alert.severity for alert in tables.alerts)
    decided = Counter((decision.kind, decision.verdict) for decision in tables.decisions)
    changed = Counter(change.action for change in tables.changes)
    first, last = (days[0]["day"], days[-1]["day"]) if days else ("", "")
    whole = (date.fromisoformat(last) - date.fromisoformat(first)).days + 1 if days else 0
    return {
        "runs": len(days),
        "runs_missing": whole - len(days),
        "asked": sum(day["asked"] for day in days),
        "logged": sum(day["logged"] for day in days),
        "logged_twice": sum(day["logged_twice"] for day in days),
        "days_not_wholly_logged": [day["day"] for day in days if day["asked"] != day["logged"]],
        "parity_mismatches": sum(day["parity_mismatches"] or 0 for day in days),
        "alerts": dict(severities),
        "pages": sum(severities[severity] for severity in PAGES),
        "pages_by_rule": dict(Counter(a.rule for a in tables.alerts if a.severity in PAGES).most_common()),
        "retrains": decided[RETRAIN, True],
        "gates_passed": decided[GATE, True],
        "gates_refused": decided[GATE, False],
        "promotions": changed["promote"],
        "rollbacks": changed["rollback"],
        "outside_the_gate": changed["outside"],
    }


def _minutes(days: list[dict[str, Any]], spent: dict[str, float]) -> dict[str, float]:
    return {
        "wall_minutes": round(spent["wall_seconds"] / 60, 1),
        "compute_minutes": round(spent["compute_seconds"] / 60, 1),
        "run_minutes": round(sum(day["run_seconds"] for day in days) / 60, 1),
    }


def _alert(alert: StoredAlert) -> dict[str, Any]:
    return {
        "day": alert.day.isoformat(),
        "rule": alert.rule,
        "severity": alert.severity,
        "message": alert.message,
        "resolved": alert.resolved_at.isoformat() if alert.resolved_at else None,
    }


def _decision(decision: StoredDecision) -> dict[str, Any]:
    return {
        "day": decision.day.isoformat(),
        "kind": decision.kind,
        "verdict": decision.verdict,
        "reason": decision.reason,
    }


def _change(change: Deployment) -> dict[str, Any]:
    return {
        "at": change.at.isoformat(),
        # A change is made by the run on the morning after the day that it goes by.
        "day": last_complete_day(change.at).isoformat(),
        "action": change.action,
        "from": change.from_version,
        "to": change.to_version,
        "who": change.who,
        "reason": change.reason,
    }
