"""What a run stores: its measures, reports, alerts and decisions."""

import json
import time
from collections.abc import Sequence
from datetime import date, datetime, timedelta
from pathlib import Path

from adapters.atomic_write import atomic_write
from adapters.monitoring_store import Measured, MonitoringRun, decision_key
from adapters.prediction_sample import WindowTotals
from domain.monitored import ALL
from flows.alerts import raise_alert
from flows.parts import parts
from flows.retention import reports_before
from flows.tasks.defaults import task
from flows.tasks.inputs import RunContext
from monitoring import drift, estimate, performance, rules
from monitoring.measures import Measure
from monitoring.policy import Decision
from monitoring.rules import RUN_FAILED

RULE_DAYS = 14
"""How far back a rule may look."""
ESTIMATE_DAYS = 30
HTML_DAYS = 90
"""How long Evidently's pages are kept, four megabytes each; the figures stay for good."""


@task
def save_run(
    run: RunContext,
    version: int | None,
    totals: WindowTotals,
    labelled: int,
    measures: Sequence[Measure],
    report: drift.DriftReport,
) -> None:
    """Store the run in place of an earlier one of its day."""
    row = MonitoringRun(
        day=run.day,
        finished_at=run.as_of,
        model_version=version,
        predictions=totals.predictions,
        labelled=labelled,
        report_html=str(report.html) if report.html else None,
        report_json=str(report.json) if report.json else None,
        seconds=time.monotonic() - run.started,
    )
    stored = [Measured(m.name, m.slice, m.value, m.low, m.high, m.n) for m in measures]
    parts().monitoring.save_run(row, stored)


@task
def measure_estimates(run: RunContext, measures: Sequence[Measure]) -> list[Measure]:
    """Compare the estimates of the newest days, this one included, with what came; draw both where pages are."""
    history = parts().monitoring.history(run.day - timedelta(days=1), ESTIMATE_DAYS)
    for m in measures:
        if m.slice == ALL:
            history[m.name] = [(run.day.isoformat(), m.value, m.n), *history.get(m.name, [])]
    folder = report_folder(run.day)
    if parts().settings.report_pages:
        with atomic_write(folder / "estimate.html") as page:
            page.write_text(estimate.page(history))
    with atomic_write(folder / "estimate.json") as table:
        table.write_text(json.dumps({"of": estimate.OF, "days": estimate.table(history)}) + "\n")
    return estimate.estimate_errors(history)


@task
def measure_accounts(run: RunContext, measures: Sequence[Measure]) -> list[Measure]:
    """Measure the evidence of a model gone wrong, from this day's gap and those before it."""
    before = parts().monitoring.history(run.day - timedelta(days=1), performance.PERFORMANCE_DAYS)
    gaps = [(n or 0, value) for _, value, n in reversed(before.get("log_loss_gap", []))]
    gaps += [(m.n or 0, m.value) for m in measures if m.name == "log_loss_gap" and m.slice == ALL]
    return performance.measure_evidence(gaps)


def report_folder(day: date) -> Path:
    """Return where a run's report is."""
    return parts().settings.reports_dir / "monitoring" / day.isoformat()


@task
def report_links(run: RunContext, drift_drawn: bool) -> dict[str, tuple[str, str]]:
    """Return the addresses of the run's reports at the API, with what they are, by name; they ask for a key."""
    own = parts().settings
    base = f"{own.public_address}/v1/monitoring/runs/{run.day}"
    links = {"run": (base, f"Measures, alerts and decisions of {run.day}, at the API")}
    if own.report_pages:
        estimates = f"Estimated and realised until {run.day}, at the API"
        links["estimate"] = (f"{base}/report.estimate.html", estimates)
    if drift_drawn:
        links["report"] = (f"{base}/report.html", f"Evidently's report of {run.day}, at the API")
    return links


@task
def prune_reports(run: RunContext) -> int:
    """Remove the HTML and the minutes' counts of runs 90 days back; the figures stay. Return how many files went."""
    own, removed = parts(), 0
    before = run.day - timedelta(days=HTML_DAYS)
    for folder in reports_before(own.settings.reports_dir / "monitoring", before):
        for path in folder.glob("*.html"):
            path.unlink(missing_ok=True)
            removed += 1
    own.monitoring.forget_pages(before)
    own.service.forget(before)
    return removed


@task
def raise_alerts(run: RunContext) -> list[rules.Alert]:
    """Evaluate the rules on the newest days; open, notify, resolve. A run of an old day raises nothing."""
    own = parts()
    history = own.monitoring.history(run.day, RULE_DAYS)
    alerts = rules.evaluate(rules.NIGHTLY, history)
    if not run.is_newest:
        return alerts
    for alert in alerts:
        own.monitoring.open_alert(
            alert.rule, alert.severity, run.day, run.as_of, alert.message, alert.evidence
        )
    today = {name: days[0][1:] for name, days in history.items() if days[0][0] == run.day.isoformat()}
    # What cannot be evaluated is not well: an alert stays open until a day says otherwise.
    evaluated = {rule.name for rule in rules.NIGHTLY} - set(rules.unable(rules.NIGHTLY, today))
    own.monitoring.resolve_alerts(sorted(evaluated), [alert.rule for alert in alerts], run.as_of)
    # What is refused now is tried again by the watchman.
    own.pager.deliver_due()
    return alerts


@task
def recorded(run: RunContext, kind: str, of: str = "") -> Decision | None:
    """Return the monitoring run's own decision of a kind that is already on record for its day."""
    key = decision_key(kind, run.day, of)
    for decision in parts().monitoring.decisions(run.day, run.day):
        # Rows that earlier code wrote have no key.
        if decision.kind == kind and decision.key in (key, None):
            return Decision(decision.verdict, decision.reason, decision.evidence)
    return None


@task
def record(day: date, now: datetime, kind: str, decision: Decision, of: str = "") -> None:
    """Put a decision on record; the same again changes nothing.

    Parameters
    ----------
    of : str
        What tells it from the monitoring run's own of that kind and day: a version, or a run by hand.
    """
    parts().monitoring.record_decision(
        kind, day, decision.verdict, decision.reason, decision.evidence, now, decision_key(kind, day, of)
    )


@task
def report_failure(run: RunContext, reason: str) -> None:
    """Open and deliver the alert of a run that failed: its day may be saved already, so that nobody else notices."""
    raise_alert(RUN_FAILED, f"{run.day}: {reason}", {"error": reason}, run.day)


@task
def resolve_failure(run: RunContext) -> None:
    """Resolve the alert of a run that failed: one that decides went through."""
    parts().monitoring.resolve_alerts([RUN_FAILED.name], [], run.as_of)
