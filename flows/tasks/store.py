"""What a night leaves: its measures, reports, alerts and decisions."""

import json
import time
from collections.abc import Sequence
from datetime import date, datetime, timedelta
from pathlib import Path

import numpy as np

from adapters.monitoring_store import Measured, MonitoringRun
from adapters.prediction_sample import Sample, WindowTotals
from flows.parts import parts
from flows.tasks.defaults import task
from flows.tasks.inputs import Night, Served
from monitoring import drift, estimate, rules
from monitoring.measures import ALL, Measure
from monitoring.policy import Decision

RULE_NIGHTS = 14
"""How far back a rule may look."""
ESTIMATE_NIGHTS = 30
HTML_DAYS = 90
"""How long Evidently's pages are kept, four megabytes each; the figures stay for good."""


@task
def save_night(
    night: Night,
    champion: Served | None,
    totals: WindowTotals,
    flights: Sample,
    measures: Sequence[Measure],
    report: drift.DriftReport,
) -> None:
    """Store the night in place of an earlier run of it."""
    run = MonitoringRun(
        day=night.day,
        finished_at=night.as_of,
        model_version=champion.version if champion else None,
        predictions=totals.predictions,
        labelled=flights.scaled(int((~np.isnan(flights.predictions.is_late)).sum())),
        report_html=str(report.html) if report.html else None,
        report_json=str(report.json) if report.json else None,
        seconds=time.monotonic() - night.started,
    )
    stored = [Measured(m.name, m.slice, m.value, m.low, m.high, m.n) for m in measures]
    parts().monitoring.save_night(run, stored)


@task
def measure_estimates(night: Night, measures: Sequence[Measure]) -> list[Measure]:
    """Hold the estimates of the newest nights, this one included, against what came; draw both."""
    history = parts().monitoring.history(night.day - timedelta(days=1), ESTIMATE_NIGHTS)
    for m in measures:
        if m.slice == ALL:
            history[m.name] = [(night.day.isoformat(), m.value, m.n), *history.get(m.name, [])]
    folder = report_folder(night.day)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "estimate.html").write_text(estimate.page(history))
    (folder / "estimate.json").write_text(json.dumps(estimate.table(history)) + "\n")
    return estimate.estimate_errors(history)


def report_folder(day: date) -> Path:
    """Where a night's report is."""
    return parts().settings.reports_dir / "monitoring" / day.isoformat()


@task
def report_links(night: Night, drift_measured: bool) -> dict[str, tuple[str, str]]:
    """Give the addresses of the night's reports at the API, with what they are, by name; they ask for a key."""
    base = f"{parts().settings.public_address}/v1/monitoring/nights/{night.day}"
    links = {
        "night": (base, f"Measures, alerts and decisions of {night.day}, at the API"),
        "estimate": (f"{base}/report.estimate.html", f"Estimated and realised until {night.day}, at the API"),
    }
    if drift_measured:
        links["report"] = (f"{base}/report.html", f"Evidently's report of {night.day}, at the API")
    return links


@task
def prune_reports(night: Night) -> int:
    """Remove the HTML and the minutes' counts of nights 90 days back; the figures stay. Gives how many files went."""
    own, removed = parts(), 0
    before = night.day - timedelta(days=HTML_DAYS)
    for folder in sorted((own.settings.reports_dir / "monitoring").glob("????-??-??")):
        if folder.name < before.isoformat():
            for path in folder.glob("*.html"):
                path.unlink(missing_ok=True)
                removed += 1
    own.monitoring.forget_pages(before)
    own.service.forget(before)
    return removed


@task
def raise_alerts(night: Night) -> list[rules.Alert]:
    """Hold the newest nights against the rules; open, notify, resolve. An old night raises nothing."""
    own = parts()
    alerts = rules.evaluate(rules.NIGHTLY, own.monitoring.history(night.day, RULE_NIGHTS))
    if not night.is_newest:
        return alerts
    for alert in alerts:
        own.monitoring.open_alert(
            alert.rule, alert.severity, night.day, night.as_of, alert.message, alert.evidence
        )
    every = [rule.name for rule in rules.NIGHTLY]
    own.monitoring.resolve_alerts(every, [alert.rule for alert in alerts], night.as_of)
    # What is refused now is tried again by the watchman.
    own.pager.deliver_due()
    return alerts


@task
def recorded(night: Night, kind: str) -> Decision | None:
    """Give the decision of a kind that is already on record for the night."""
    for decision in parts().monitoring.decisions(night.day, night.day):
        if decision.kind == kind:
            return Decision(decision.verdict, decision.reason, decision.evidence)
    return None


@task
def record(day: date, now: datetime, kind: str, decision: Decision) -> None:
    """Put a decision on record."""
    parts().monitoring.record_decision(kind, day, decision.verdict, decision.reason, decision.evidence, now)
