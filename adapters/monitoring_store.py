"""What monitoring found: measures, runs, alerts, decisions. How alerts reach people is in `alert_deliveries`."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from psycopg2.extras import execute_batch

from adapters.evidence import as_json
from adapters.postgres import Database, query
from domain.errors import NotFound
from domain.monitored import VERSION_SLICE

NO_MODEL = 0
"""Model version of measures of a day on which none served."""
AFTER_ALL = 2**63 - 1
"""No decision has a number as large."""
BATCH = 100
"""Measures that are sent at once: a day has some three hundred."""


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
class DayValue:
    """An overall measure of one day."""

    day: date
    value: float | None
    low: float | None
    high: float | None
    n: int | None


@dataclass(frozen=True)
class SliceValue:
    """A measure of a slice over some days."""

    slice: str
    value: float
    n: int
    days: int


@dataclass(frozen=True)
class MonitoringRun:
    """One monitoring run of a day."""

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
    acknowledged_by: str | None
    notified_at: datetime | None
    evidence: dict[str, Any]


@dataclass(frozen=True)
class StoredDecision:
    """A decision on record."""

    kind: str
    day: date
    verdict: bool
    reason: str
    evidence: dict[str, Any]
    decided_at: datetime
    decision_id: int
    key: str | None = None
    """Names it among all decisions; None of rows that earlier code wrote."""


class MonitoringStore:
    """Stores a run whole or not at all; another run of the same day replaces it."""

    def __init__(self, database: Database):
        self._database = database

    def save_run(self, run: MonitoringRun, measures: Sequence[Measured]) -> None:
        """Store a run and its measures in one transaction, in place of an earlier run of that day."""
        with self._database.transaction() as cursor:
            cursor.execute(query("monitoring_forget_day"), {"day": run.day})
            cursor.execute(query("monitoring_save_run"), vars(run))
            version = run.model_version if run.model_version is not None else NO_MODEL
            rows = [
                vars(measure) | {"day": run.day, "model_version": version, "value": _finite(measure.value)}
                for measure in measures
            ]
            execute_batch(cursor, query("monitoring_save_metric"), rows, page_size=BATCH)

    def runs(self, first: date, last: date) -> list[MonitoringRun]:
        """Return the runs of some days, both ends included, oldest first."""
        rows = self._database.rows("monitoring_runs", {"first": first, "last": last})
        return [MonitoringRun(*row) for row in rows]

    def history(self, until: date, days: int) -> dict[str, list[tuple[str, float, int | None]]]:
        """Return the overall values of each measure on the newest days up to a day: day, value, rows; newest first."""
        found: dict[str, list[tuple[str, float, int | None]]] = {}
        for name, day, value, n in self._database.rows("monitoring_history", {"until": until, "days": days}):
            found.setdefault(name, []).append((day.isoformat(), float("nan") if value is None else value, n))
        return found

    def version_losses(self, first: date, last: date) -> dict[date, dict[int, tuple[int, float]]]:
        """Return by day and version the labelled flights and the mean log-loss, in nats, of some days."""
        found: dict[date, dict[int, tuple[int, float]]] = {}
        for day, name, value, n in self._database.rows(
            "monitoring_version_losses", {"first": first, "last": last}
        ):
            found.setdefault(day, {})[int(name.removeprefix(VERSION_SLICE))] = (int(n), float(value))
        return found

    def measures_of(self, day: date) -> list[Measured]:
        """Return all measures of a day."""
        return [Measured(*row) for row in self._database.rows("monitoring_measures", {"day": day})]

    def newest_day(self) -> date | None:
        """Return the newest monitored day, None before the first."""
        row = self._database.row("newest_monitored_day")
        return row[0] if row else None

    def series(self, names: Sequence[str], first: date, last: date) -> dict[str, list[DayValue]]:
        """Return the overall values of some measures on some days, oldest first; an empty list where there are none."""
        found: dict[str, list[DayValue]] = {name: [] for name in names}
        parameters = {"names": list(names), "first": first, "last": last}
        for name, *values in self._database.rows("monitoring_series", parameters):
            found[name].append(DayValue(*values))
        return found

    def slices(self, name: str, first: date, last: date) -> list[SliceValue]:
        """Return a measure that is a mean over rows, over some days by slice, the largest first."""
        parameters = {"name": name, "first": first, "last": last}
        return [SliceValue(*row) for row in self._database.rows("monitoring_of_slices", parameters)]

    def drift(self, first: date, last: date) -> dict[str, dict[date, float | None]]:
        """Return each feature's drift by day, as a multiple of its threshold: from 1 on it has drifted."""
        found: dict[str, dict[date, float | None]] = {}
        for name, day, multiple in self._database.rows("monitoring_drift", {"first": first, "last": last}):
            found.setdefault(name, {})[day] = multiple
        return found

    def unmeasured(self, first: date, day: date) -> list[tuple[str, date | None]]:
        """Return the measures of the days from `first` that have no value on a day, and when each last had one."""
        return [
            (name, last)
            for name, last in self._database.rows("monitoring_unmeasured", {"first": first, "day": day})
        ]

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
            "evidence": as_json(evidence),
        }
        row = self._database.row("alert_open", parameters)
        return int(row[0]) if row else None

    def resolve_alerts(self, rules: Sequence[str], firing: Sequence[str], at: datetime) -> int:
        """Resolve the open alerts of some rules that do not fire; return how many. Other rules' stay open."""
        return self._database.execute(
            "alert_resolve", {"rules": list(rules), "firing": list(firing), "at": at}
        )

    def missed_days(self, first: date, last: date) -> list[date]:
        """Return the days that have predictions and no monitoring run, oldest first."""
        return [day for (day,) in self._database.rows("monitoring_missed", {"first": first, "last": last})]

    def forget_pages(self, before: date) -> list[str]:
        """Forget where the HTML reports of runs before a day are; return where they were."""
        rows = self._database.rows("monitoring_prune_reports", {"before": before})
        return [path for (path,) in rows]

    def acknowledge(self, alert_id: int, who: str, at: datetime) -> None:
        """Note that a person has seen an alert.

        Raises
        ------
        NotFound
            If there is no such alert.
        """
        if not self._database.execute("alert_acknowledge", {"alert_id": alert_id, "who": who, "at": at}):
            raise NotFound(f"there is no alert {alert_id}")

    def alerts(self, first: date, last: date, open_only: bool = False) -> list[StoredAlert]:
        """Return the alerts opened for some days, oldest first."""
        parameters = {"first": first, "last": last, "open_only": open_only}
        return [StoredAlert(*row) for row in self._database.rows("alert_list", parameters)]

    def open_alerts(self) -> list[StoredAlert]:
        """Return the alerts that are not resolved, of whatever day, oldest first: one a rule at most."""
        return self.alerts(date.min, date.max, open_only=True)

    def alert(self, alert_id: int) -> StoredAlert:
        """Return one alert.

        Raises
        ------
        NotFound
            If there is no such alert.
        """
        row = self._database.row("alert_find", {"alert_id": alert_id})
        if row is None:
            raise NotFound(f"there is no alert {alert_id}")
        return StoredAlert(*row)

    def record_decision(
        self,
        kind: str,
        day: date,
        verdict: bool,
        reason: str,
        evidence: dict[str, Any],
        at: datetime,
        key: str | None = None,
    ) -> None:
        """Put a decision on record, "no" included; again under the same key changes nothing.

        Parameters
        ----------
        key : str, optional
            Names the decision; by default its kind and day, of which a monitoring run makes one each.
        """
        parameters = {
            "key": key or decision_key(kind, day),
            "kind": kind,
            "day": day,
            "verdict": verdict,
            "reason": reason,
            "evidence": as_json(evidence),
            "at": at,
        }
        self._database.execute("decision_record", parameters)

    def decisions(self, first: date, last: date) -> list[StoredDecision]:
        """Return the decisions of some days, in the order they were made."""
        rows = self._database.rows("decision_list", {"first": first, "last": last})
        return [StoredDecision(*row) for row in rows]

    def newest_decisions(self, kinds: Sequence[str], limit: int) -> list[StoredDecision]:
        """Return the newest decisions of some kinds, newest first."""
        rows = self._database.rows("decisions_newest", {"kinds": list(kinds), "limit": limit})
        return [StoredDecision(*row) for row in rows]

    def decision_page(
        self,
        limit: int,
        first: date = date.min,
        last: date = date.max,
        kind: str | None = None,
        after: tuple[date, int] = (date.max, AFTER_ALL),
    ) -> list[StoredDecision]:
        """Return a page of the decisions of some days, both ends included, newest day and last decision first.

        Parameters
        ----------
        kind : str, optional
            Only decisions of this kind.
        after : tuple of date and int
            Day and number of the last row of the page before.
        """
        parameters = {
            "first": first, "last": last, "kind": kind, "day": after[0], "decision_id": after[1], "limit": limit,
        }  # fmt: skip
        return [StoredDecision(*row) for row in self._database.rows("decision_page", parameters)]

    def last_retrain(self, until: date) -> date | None:
        """Return the day of the last decision to retrain up to a day, None before the first."""
        row = self._database.row("decision_last_retrain", {"until": until})
        return row[0] if row else None


def decision_key(kind: str, day: date, asked_by: str = "") -> str:
    """Return the name of a day's decision of a kind: the monitoring run's own, or another asker's."""
    return f"{kind}:{day}" + (f":{asked_by}" if asked_by else "")


def _finite(value: float | None) -> float | None:
    return value if value is not None and value == value and abs(value) != float("inf") else None
