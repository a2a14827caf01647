"""What is answered about monitoring runs: measures, alerts, decisions."""

from marshmallow import fields

from app.answers.common import CURSOR, MOMENT, Answer, ClockAnswer
from domain.monitored import DECISION_KINDS


class MonitoringRun(Answer):
    """A monitoring run: the local day it measured, and where its report is."""

    day = fields.Date(required=True)
    finished_at = fields.AwareDateTime(**MOMENT)
    model_version = fields.Integer(required=True, allow_none=True)
    predictions = fields.Integer(required=True)
    labelled = fields.Integer(required=True)
    seconds = fields.Float(required=True)
    report_html = fields.String(required=True, allow_none=True)
    report_json = fields.String(required=True, allow_none=True)


class MonitoringRuns(Answer):
    """Monitoring runs, oldest first."""

    runs = fields.List(fields.Nested(MonitoringRun), required=True)
    clock = fields.Nested(ClockAnswer, required=True)


class MeasureAnswer(Answer):
    """One measured number of a monitoring run."""

    name = fields.String(required=True, metadata={"example": "realised_auc"})
    slice = fields.String(required=True, metadata={"example": "origin=EWR"})
    value = fields.Float(required=True, allow_none=True)
    low = fields.Float(required=True, allow_none=True)
    high = fields.Float(required=True, allow_none=True)
    n = fields.Integer(required=True, allow_none=True)


class AlertAnswer(Answer):
    """An alert: open until its rule no longer fires."""

    alert_id = fields.Integer(required=True)
    rule = fields.String(required=True)
    severity = fields.String(required=True, metadata={"enum": ["info", "warning", "critical"]})
    day = fields.Date(required=True)
    message = fields.String(required=True)
    runbook = fields.String(
        required=True,
        metadata={
            "description": "What to do, in the repository.",
            "example": "docs/runbook.md#requests-fail",
        },
    )
    evidence = fields.Dict(required=True)
    opened_at = fields.AwareDateTime(**MOMENT)
    acknowledged_at = fields.AwareDateTime(required=True, allow_none=True, format="iso")
    acknowledged_by = fields.String(required=True, allow_none=True)
    notified_at = fields.AwareDateTime(required=True, allow_none=True, format="iso")
    resolved_at = fields.AwareDateTime(required=True, allow_none=True, format="iso")


class AcknowledgedAlert(AlertAnswer):
    """An alert that a person has seen."""

    clock = fields.Nested(ClockAnswer, required=True)


class DecisionAnswer(Answer):
    """A decision about retraining, promotion or rollback, "no" included."""

    decision_id = fields.Integer(required=True)
    kind = fields.String(required=True, metadata={"enum": list(DECISION_KINDS)})
    day = fields.Date(required=True)
    verdict = fields.Boolean(required=True)
    reason = fields.String(required=True)
    evidence = fields.Dict(required=True, metadata={"description": "What it rests on, as it was measured."})
    decided_at = fields.AwareDateTime(**MOMENT)


class Decisions(Answer):
    """A page of decisions, newest day first."""

    decisions = fields.List(fields.Nested(DecisionAnswer), required=True)
    next_cursor = fields.String(**CURSOR)
    clock = fields.Nested(ClockAnswer, required=True)


class Alerts(Answer):
    """Alerts, oldest first."""

    alerts = fields.List(fields.Nested(AlertAnswer), required=True)
    clock = fields.Nested(ClockAnswer, required=True)


class RunReport(MonitoringRun):
    """Everything a monitoring run measured, its alerts and its decisions."""

    measures = fields.List(fields.Nested(MeasureAnswer), required=True)
    alerts = fields.List(fields.Nested(AlertAnswer), required=True)
    decisions = fields.List(fields.Nested(DecisionAnswer), required=True)
    clock = fields.Nested(ClockAnswer, required=True)
