"""What answers look like, for the API's description; requests are in `schemas`."""

from typing import Any

from marshmallow import Schema, fields

MOMENT: dict[str, Any] = {"required": True, "format": "iso", "metadata": {"example": "2013-04-11T13:00:00Z"}}


class Answer(Schema):
    """An answer."""

    class Meta:
        """Answers may gain fields."""

        unknown = "include"


class ClockAnswer(Answer):
    """The stack's clock: the real time, or a replayed moment."""

    now = fields.AwareDateTime(**MOMENT)
    mode = fields.String(required=True, metadata={"enum": ["system", "simulated"]})


class FieldProblem(Answer):
    """A field that does not fit."""

    field = fields.String(required=True, metadata={"example": "flights.0.carrier"})
    expected = fields.String(required=True, metadata={"example": "two capital letters or digits, like UA"})
    got = fields.Raw(metadata={"description": "What was there, where it is a plain value.", "example": "ua"})


class Problem(Answer):
    """An error, as RFC 9457 describes it."""

    type = fields.String(
        required=True,
        metadata={
            "description": "Kind of problem: the path of its page, or about:blank.",
            "example": "/problems/invalid-input",
        },
    )
    title = fields.String(required=True, metadata={"description": "The kind in a few words; never changes."})
    status = fields.Integer(required=True, metadata={"description": "The HTTP status."})
    detail = fields.String(required=True, metadata={"description": "What happened this time."})
    request_id = fields.String(
        required=True, metadata={"description": "The log has the request under it; also in X-Request-ID."}
    )
    errors = fields.List(
        fields.Nested(FieldProblem), metadata={"description": "Each field that does not fit."}
    )


class ServingModel(Answer):
    """The model that answered."""

    name = fields.String(required=True)
    version = fields.Integer(required=True)
    contract = fields.String(required=True, metadata={"description": "Begin of the feature contract's hash."})


class Freshness(Answer):
    """How old what was known is."""

    state_tick = fields.AwareDateTime(**MOMENT)
    age_seconds = fields.Integer(required=True)
    stale = fields.Boolean(required=True, metadata={"description": "Older than 15 minutes."})


class Share(Answer):
    """A feature's signed share of the log-odds: above zero towards late."""

    feature = fields.String(required=True, metadata={"example": "origin_queue"})
    words = fields.String(
        required=True, metadata={"example": "departures past their time that have not left"}
    )
    value = fields.Float(required=True, allow_none=True)
    unit = fields.String(required=True, metadata={"example": "flights"})
    share = fields.Float(required=True)


class CalibrationAnswer(Answer):
    """How a raw score becomes log-odds: slope times score plus intercept."""

    slope = fields.Float(required=True)
    intercept = fields.Float(required=True)


class Explanation(Answer):
    """Why: constant, shares and rest sum to the log-odds, whose logistic function is the probability."""

    log_odds = fields.Float(required=True)
    constant = fields.Float(
        required=True, metadata={"description": "What a flight has of which nothing is known."}
    )
    shares = fields.List(fields.Nested(Share), required=True, metadata={"description": "Largest first."})
    rest = fields.Float(required=True, metadata={"description": "The sum of all other features' shares."})
    raw_score = fields.Float(required=True, metadata={"description": "What trees and lines say together."})
    calibration = fields.Nested(CalibrationAnswer, required=True)


class Prediction(Answer):
    """A prediction; it is in the log."""

    prediction_id = fields.UUID(required=True)
    flight_id = fields.String(required=True, metadata={"example": "UA1545-EWR-20130411"})
    probability = fields.Float(required=True, metadata={"minimum": 0, "maximum": 1})
    lead_minutes = fields.Integer(required=True)
    as_of = fields.AwareDateTime(**MOMENT)
    model = fields.Nested(ServingModel, required=True)
    features = fields.Nested(Freshness, required=True)
    explanation = fields.Nested(Explanation, metadata={"description": "With `?explain`."})
    clock = fields.Nested(ClockAnswer, metadata={"description": "Once for all in a batch."})


class PredictionItem(Answer):
    """What became of one flight of a batch."""

    index = fields.Integer(required=True)
    status = fields.Integer(required=True)
    prediction = fields.Nested(Prediction)
    problem = fields.Nested(Problem)


class Predictions(Answer):
    """A batch, in its order."""

    items = fields.List(fields.Nested(PredictionItem), required=True)
    clock = fields.Nested(ClockAnswer, required=True)


class AppendedItem(Answer):
    """What became of one event or label."""

    index = fields.Integer(required=True)
    status = fields.String(required=True, metadata={"enum": ["accepted", "duplicate", "conflict", "invalid"]})
    problem = fields.Nested(Problem)


class Appended(Answer):
    """What became of events or labels, in their order."""

    items = fields.List(fields.Nested(AppendedItem), required=True)
    accepted = fields.Integer(required=True)
    duplicates = fields.Integer(required=True)
    rejected = fields.Integer(required=True)
    clock = fields.Nested(ClockAnswer, required=True)


class ModelOrigin(Answer):
    """Where a model version came from; only its number while MLflow is away."""

    name = fields.String(required=True)
    version = fields.Integer(required=True)
    data_hash = fields.String(
        required=True, allow_none=True, metadata={"description": "Of its training data."}
    )
    git_commit = fields.String(required=True, allow_none=True)
    as_of = fields.String(
        required=True, allow_none=True, metadata={"description": "The moment that training knew up to."}
    )
    trained_from = fields.String(required=True, allow_none=True, metadata={"example": "2013-01-01"})
    trained_until = fields.String(required=True, allow_none=True, metadata={"example": "2013-03-24"})
    model_hash = fields.String(required=True, allow_none=True)


class ChallengerScore(Answer):
    """What the challenger said of the same flight; nobody acts on it."""

    version = fields.Integer(required=True)
    probability = fields.Float(required=True, allow_none=True, metadata={"minimum": 0, "maximum": 1})


class LabelAnswer(Answer):
    """What then happened."""

    arr_delay_minutes = fields.Integer(required=True, metadata={"description": "Negative when early."})
    is_late = fields.Boolean(required=True, metadata={"description": "15 minutes late or more."})
    known_at = fields.AwareDateTime(**MOMENT)
    corrected = fields.Boolean(required=True, metadata={"description": "Replaces an earlier label."})


class AskedFlight(Answer):
    """The flight of a stored prediction, and the moment it was predicted from."""

    prediction_id = fields.UUID(required=True)
    flight_id = fields.String(required=True, metadata={"example": "UA1545-EWR-20130411"})
    carrier = fields.String(required=True)
    flight = fields.Integer(required=True)
    origin = fields.String(required=True)
    dest = fields.String(required=True)
    scheduled_departure = fields.AwareDateTime(**MOMENT)
    scheduled_arrival = fields.AwareDateTime(**MOMENT)
    as_of = fields.AwareDateTime(**MOMENT)
    lead_minutes = fields.Integer(
        required=True, metadata={"description": "From `as_of` to the scheduled departure."}
    )
    probability = fields.Float(required=True, metadata={"minimum": 0, "maximum": 1})
    challenger = fields.Nested(ChallengerScore, required=True, allow_none=True)
    served_at = fields.AwareDateTime(**MOMENT)
    label = fields.Nested(LabelAnswer, required=True, allow_none=True)


class LoggedPrediction(AskedFlight):
    """A prediction as it was logged, where its model came from, and its label once it is known."""

    request_id = fields.String(required=True)
    state_tick = fields.AwareDateTime(**MOMENT)
    features = fields.Raw(
        required=True,
        metadata={
            "description": "Values by the features' names; a bare list where another release computed them.",
            "anyOf": [
                {"type": "object", "additionalProperties": {"type": "number", "nullable": True}},
                {"type": "array", "items": {"type": "number", "nullable": True}},
            ],
        },
    )
    contract_hash = fields.String(
        required=True, metadata={"description": "Of the features' names and definitions."}
    )
    model = fields.Nested(ModelOrigin, required=True)
    latency_us = fields.Integer(required=True, metadata={"description": "Microseconds to the answer."})
    explanation = fields.Nested(Explanation, metadata={"description": "With `?explain`."})
    clock = fields.Nested(ClockAnswer, required=True)


class ListedPrediction(AskedFlight):
    """A stored prediction in a list; `GET /v1/predictions/{prediction_id}` has its features."""

    model_version = fields.Integer(required=True)


CURSOR: dict[str, Any] = {
    "required": True,
    "allow_none": True,
    "metadata": {"description": "Send it as `cursor` for the next page; null on the last one."},
}


class PredictionList(Answer):
    """A page of stored predictions, newest first."""

    predictions = fields.List(fields.Nested(ListedPrediction), required=True)
    next_cursor = fields.String(**CURSOR)
    clock = fields.Nested(ClockAnswer, required=True)


class LoadedModel(Answer):
    """A model version in this worker's memory."""

    version = fields.Integer(required=True)
    contract_hash = fields.String(required=True)
    trained_from = fields.String(required=True, metadata={"example": "2013-01-01"})
    trained_until = fields.String(required=True, metadata={"example": "2013-03-24"})
    as_of = fields.String(required=True, metadata={"description": "The moment that training knew up to."})
    data_hash = fields.String(required=True)
    git_commit = fields.String(required=True)
    metrics = fields.Dict(
        keys=fields.String(),
        values=fields.Float(),
        required=True,
        metadata={"description": "Measured on days that training did not see."},
    )


class LedgerRow(Answer):
    """A change of champion."""

    deployment_id = fields.Integer(required=True)
    action = fields.String(
        required=True,
        metadata={"enum": ["promote", "rollback", "outside"], "description": "outside: moved in MLflow."},
    )
    from_version = fields.Integer(required=True, allow_none=True)
    to_version = fields.Integer(required=True)
    who = fields.String(required=True)
    reason = fields.String(required=True)
    evidence = fields.Dict(required=True, metadata={"description": "What spoke for it, as it was measured."})
    status = fields.String(required=True, metadata={"enum": ["planned", "done", "void"]})
    at = fields.AwareDateTime(**MOMENT)
    note = fields.String(metadata={"description": "What to know beside it, where there is something."})


class Ledger(Answer):
    """A page of the ledger, newest first."""

    ledger = fields.List(fields.Nested(LedgerRow), required=True)
    next_cursor = fields.String(**CURSOR)
    clock = fields.Nested(ClockAnswer, required=True)


class ModelAnswer(Answer):
    """What serves, what is scored beside it, the rollback target, and the newest changes."""

    name = fields.String(required=True)
    champion = fields.Nested(LoadedModel, required=True, allow_none=True)
    challenger = fields.Nested(LoadedModel, required=True, allow_none=True)
    previous = fields.Nested(ModelOrigin, required=True, allow_none=True)
    ledger = fields.List(
        fields.Nested(LedgerRow), required=True, metadata={"description": "The newest twenty, newest first."}
    )
    clock = fields.Nested(ClockAnswer, required=True)


class ChampionChange(LedgerRow):
    """A change of champion that was just made."""

    clock = fields.Nested(ClockAnswer, required=True)


class RetrainAnswer(Answer):
    """A retrain that was asked for: the run of Prefect's that makes it."""

    flow_run_id = fields.UUID(required=True)
    flow_run = fields.String(required=True)
    clock = fields.Nested(ClockAnswer, required=True)


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
    kind = fields.String(required=True, metadata={"enum": ["retrain", "gate", "shadow", "guardrail"]})
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


class Liveness(Answer):
    """The process answers."""

    status = fields.String(required=True)


class Readiness(Answer):
    """Whether a prediction can be served, check by check."""

    status = fields.String(required=True, metadata={"enum": ["ready", "not ready"]})
    checks = fields.Dict(keys=fields.String(), values=fields.String(), required=True)
    model_version = fields.Integer(required=True, allow_none=True)
    clock = fields.Nested(ClockAnswer)
