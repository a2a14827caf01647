"""GET /v1/monitoring/runs, a run and its report, decisions, alerts; POST an acknowledgement."""

from dataclasses import asdict
from datetime import date, timedelta
from pathlib import Path
from typing import Any

from flask import Blueprint, Response, request

from adapters.monitoring_store import AFTER_ALL, MonitoringRun, StoredAlert, StoredDecision
from app.auth import require
from app.body import clock_body, json_response, read_json, timestamp
from app.pages import day_of, page_request, page_response, read_number
from app.parts import parts
from app.schemas import AcknowledgeSchema, load
from domain import runbook
from domain.errors import InvalidInput, NotFound
from domain.monitored import DECISION_KINDS

blueprint = Blueprint("monitoring", __name__, url_prefix="/v1/monitoring")
ACKNOWLEDGE = AcknowledgeSchema()
USUAL_DAYS, MOST_DAYS = 30, 400
REPORTS = {
    "html": ("drift.html", "text/html"),
    "json": ("drift.json", "application/json"),
    "estimate.html": ("estimate.html", "text/html"),
}
# The report's own scripts may draw it; they reach neither the API nor anything outside.
SANDBOX = (
    "sandbox allow-scripts; default-src 'none'; script-src 'unsafe-inline' 'unsafe-eval' blob: data:; "
    "style-src 'unsafe-inline'; img-src data: blob:; font-src data:"
)


@blueprint.get("/runs")
@require("predict")
def runs() -> Response:
    """List the monitoring runs of some days, oldest first."""
    p = parts()
    runs = p.monitoring.runs(*_days())
    return json_response({"runs": [_run(run) for run in runs], "clock": clock_body(p.cache.now())})


@blueprint.get("/runs/<day>")
@require("predict")
def run(day: str) -> Response:
    """Show everything a monitoring run measured, its alerts and its decisions."""
    p, wanted = parts(), day_of("day", day)
    decisions = [_decision(d) for d in p.monitoring.decisions(wanted, wanted)]
    body = _run(_run_of(wanted)) | {
        "measures": [asdict(m) for m in p.monitoring.measures_of(wanted)],
        "alerts": [_alert(a) for a in p.monitoring.alerts(wanted, wanted)],
        "decisions": decisions,
        "clock": clock_body(p.cache.now()),
    }
    return json_response(body)


@blueprint.get("/runs/<day>/report.<kind>")
@require("predict")
def report(day: str, kind: str) -> Response:
    """Return Evidently's report of a run: HTML is kept for 90 days, JSON for good."""
    return report_response(day, kind)


def report_response(day: str, kind: str) -> Response:
    """Return a run's report, sealed off from the API.

    Raises
    ------
    InvalidInput
        If the day or the kind has not the right form.
    NotFound
        If the day was not monitored, or has no such report any more.
    """
    run = _run_of(day_of("day", day))
    if kind not in REPORTS:
        raise InvalidInput("kind", "html, json or estimate.html", kind)
    name, mimetype = REPORTS[kind]
    # Built from a date and two fixed names alone: no path comes from outside, nor from the database.
    path: Path = parts().settings.reports_dir / "monitoring" / run.day.isoformat() / name
    try:
        content = path.read_bytes()
    except OSError as error:
        raise NotFound(f"the monitoring run of {run.day} has no {kind} report here, or no longer") from error
    response = Response(content, mimetype=mimetype)
    response.headers["Content-Security-Policy"] = SANDBOX
    return response


@blueprint.get("/decisions")
@require("predict")
def decisions() -> Response:
    """List what was decided about retraining, promotion and rollback, "no" included, newest first."""
    p, page = parts(), page_request(("kind", "from", "to"), _read_decision_key)
    kind = page.filters.get("kind")
    if kind not in (None, *DECISION_KINDS):
        raise InvalidInput("kind", f"one of {', '.join(DECISION_KINDS)}", kind)
    first, last = (
        day_of(name, page.filters[name]) if name in page.filters else usual
        for name, usual in (("from", date.min), ("to", date.max))
    )
    if first > last:
        raise InvalidInput("from", "a day not after `to`", first.isoformat())
    after = page.after or (date.max, AFTER_ALL)
    rows = p.monitoring.decision_page(page.limit + 1, first, last, kind, after)
    return page_response(
        page, "decisions", rows, lambda row: [row.day.isoformat(), row.decision_id], _decision
    )


@blueprint.get("/alerts")
@require("predict")
def alerts() -> Response:
    """List the alerts of some days, oldest first; on request those that are open, by default of whatever day."""
    p = parts()
    state = request.args.get("state", "all")
    if state not in ("all", "open"):
        raise InvalidInput("state", "all or open", state)
    if state == "open" and not {"from", "to"} & request.args.keys():
        found = p.monitoring.open_alerts()
    else:
        found = p.monitoring.alerts(*_days(), open_only=state == "open")
    return json_response({"alerts": [_alert(a) for a in found], "clock": clock_body(p.cache.now())})


@blueprint.post("/alerts/<int:alert_id>/acknowledge")
@require("admin")
def acknowledge(alert_id: int) -> Response:
    """Note that a person has seen an alert; the first acknowledgement is kept."""
    p, body = parts(), load(ACKNOWLEDGE, read_json())
    if alert_id >= 2**63:
        raise NotFound(f"there is no alert {alert_id}")
    now = p.cache.now()
    p.monitoring.acknowledge(alert_id, body["who"], now.now)
    return json_response(_alert(p.monitoring.alert(alert_id)) | {"clock": clock_body(now)})


def _days() -> tuple[date, date]:
    """Return the days asked for: by default the thirty that end with the clock's."""
    today = parts().cache.now().now.date()
    last = day_of("to", request.args["to"]) if "to" in request.args else today
    try:
        usual = last - timedelta(days=USUAL_DAYS - 1)
    except OverflowError:
        usual = last
    first = day_of("from", request.args["from"]) if "from" in request.args else usual
    if not 0 <= (last - first).days < MOST_DAYS:
        raise InvalidInput(
            "from", f"a day not after `to`, {MOST_DAYS} days before at most", first.isoformat()
        )
    return first, last


def _read_decision_key(key: Any) -> tuple[date, int]:
    day, decision_id = key
    return date.fromisoformat(day), read_number(decision_id)


def _run_of(day: date) -> MonitoringRun:
    found = parts().monitoring.runs(day, day)
    if not found:
        raise NotFound(f"{day} was not monitored")
    return found[0]


def _run(run: MonitoringRun) -> dict[str, Any]:
    base = f"/v1/monitoring/runs/{run.day}"
    return {
        "day": run.day.isoformat(),
        "finished_at": timestamp(run.finished_at),
        "model_version": run.model_version,
        "predictions": run.predictions,
        "labelled": run.labelled,
        "seconds": run.seconds,
        "report_html": f"{base}/report.html" if run.report_html else None,
        "report_json": f"{base}/report.json" if run.report_json else None,
    }


def _decision(decision: StoredDecision) -> dict[str, Any]:
    return {
        "decision_id": decision.decision_id,
        "kind": decision.kind,
        "day": decision.day.isoformat(),
        "verdict": decision.verdict,
        "reason": decision.reason,
        "evidence": decision.evidence,
        "decided_at": timestamp(decision.decided_at),
    }


def _alert(alert: StoredAlert) -> dict[str, Any]:
    return {
        "alert_id": alert.alert_id,
        "rule": alert.rule,
        "severity": alert.severity,
        "day": alert.day.isoformat(),
        "message": alert.message,
        "runbook": runbook.entry(alert.rule),
        "evidence": alert.evidence,
        "opened_at": timestamp(alert.opened_at),
        "acknowledged_at": timestamp(alert.acknowledged_at) if alert.acknowledged_at else None,
        "acknowledged_by": alert.acknowledged_by,
        "notified_at": timestamp(alert.notified_at) if alert.notified_at else None,
        "resolved_at": timestamp(alert.resolved_at) if alert.resolved_at else None,
    }
