"""What the nights found: measures, runs, alerts, decisions."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from adapters.postgres import Database, query
from domain.errors import NotFound

NO_MODEL = 0
"""Model version of measures of a night on which none served."""


@dataclass(frozen=True)
class Measured:
    """A measure as it is stored."""

    name: str
    slice: str
    value: float | None
    low: float | None
    high: float | None
    n: int | None


@dataclass(frozen=True)
class MonitoringRun:
    """One night's run."""

    day: date
    finished_at: datetime
    model_version: int | None
    predictions: int
    labelled: int
    report_html: str | None
    report_json: str | None
    seconds: float


@dataclass(frozen=True)
class StoredAlert:
    """An alert that was opened."""

    alert_id: int
    rule: str
    severity: str
    day: date
    opened_at: datetime
    message: str
    acknowledged_at: datetime | None
    resolved_at: datetime | None


@dataclass(frozen=True)
class StoredDecision:
    """A decision on record."""

    kind: str
    day: date
    verdict: bool
    reason: str
    evidence: dict[str, Any]
    decided_at: datetime


class MonitoringStore:
    """Stores a night whole or not at all; the same night again replaces it."""

    def __init__(self, database: Database):
        self._database = database

    def save_night(self, run: MonitoringRun, measures: Sequence[Measured]) -> None:
        """Store a night's run and measures in one transaction, in place of an earlier run of that day."""
        with self._database.transaction() as cursor:
            cursor.execute(query("monitoring_forget_day"), {"day": run.day})
            cursor.execute(query("monitoring_save_run"), vars(run))
            for measure in measures:
                version = run.model_version if run.model_version is not None else NO_MODEL
                row = vars(measure) | {
                    "day": run.day,
                    "model_version": version,
                    "value": _finite(measure.value),
                }
                cursor.execute(query("monitoring_save_metric"), row)

    def runs(self, first: date, last: date) -> list[MonitoringRun]:
        """The nights' runs of some days, both ends included, oldest first."""
        rows = self._database.rows("monitoring_runs", {"first": first, "last": last})
        return [MonitoringRun(*row) for row in rows]

    def history(self, until: date, nights: int) -> dict[str, list[tuple[str, float, int | None]]]:
        """Overall values of each measure on the newest nights up to a day: day, value, rows; newest first."""
        found: dict[str, list[tuple[str, float, int | None]]] = {}
        for name, day, value, n in self._database.rows(
            "monitoring_history", {"until": until, "nights": nights}
        ):
            found.setdefault(name, []).append((day.isoformat(), float("nan") if value is None else value, n))
        return found

    def night(self, day: date) -> list[Measured]:
        """All measures of a day."""
        return [Measured(*row) for row in self._database.rows("monitoring_night", {"day": day})]

    def open_alert(
        self, rule: str, severity: str, day: date, opened_at: datetime, message: str, evidence: dict[str, Any]
    ) -> int | None:
        """Open an alert; None when one of that rule is open already."""
        parameters = {
            "rule": rule,
            "severity": severity,
            "day": day,
            "opened_at": opened_at,
            "message": message,
            "evidence": json.dumps(evidence),
        }
        row = self._database.row("alert_open", parameters)
        return int(row[0]) if row else None

    def resolve_alerts(self, firing: Sequence[str], at: datetime) -> int:
        """Resolve the open alerts whose rule does not fire; gives how many."""
        return self._database.execute("alert_resolve", {"firing": list(firing), "at": at})

    def notified(self, alert_id: int, at: datetime) -> None:
        """Note that an alert was delivered."""
        self._database.execute("alert_notified", {"alert_id": alert_id, "at": at})

    def acknowledge(self, alert_id: int, who: str, at: datetime) -> None:
        """Note that a person has seen an alert.

        Raises
        ------
        NotFound
            If there is no such alert.
        """
        if not self._database.execute("alert_acknowledge", {"alert_id": alert_id, "who": who, "at": at}):
            raise NotFound(f"there is no alert {alert_id}")

    def alerts(self, first: date, last: date) -> list[StoredAlert]:
        """Alerts opened for some days, oldest first."""
        return [
            StoredAlert(*row) for row in self._database.rows("alert_list", {"first": first, "last": last})
        ]

    def record_decision(
        self, kind: str, day: date, verdict: bool, reason: str, evidence: dict[str, Any], at: datetime
    ) -> None:
        """Put a decision on record, "no" included."""
        parameters = {
            "kind": kind,
            "day": day,
            "verdict": verdict,
            "reason": reason,
            "evidence": json.dumps(evidence),
            "at": at,
        }
        self._database.execute("decision_record", parameters)

    def decisions(self, first: date, last: date) -> list[StoredDecision]:
        """Decisions of some days, in the order they were made."""
        rows = self._database.rows("decision_list", {"first": first, "last": last})
        return [StoredDecision(*row) for row in rows]

    def last_retrain(self) -> date | None:
        """Day of the last decision to retrain, None before the first."""
        row = self._database.row("decision_last_retrain")
        return row[0] if row else None


def _finite(value: float | None) -> float | None:
    return value if value is not None and value == value and abs(value) != float("inf") else None
