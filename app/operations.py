"""What the API can do, operation by operation: the rows that its description (`openapi`) is built from."""

from dataclasses import dataclass, field
from typing import Any, Literal

from app import examples
from app import problem_types as kinds
from app.auth import Scope
from app.explanations import MOST_FLIGHTS
from app.pages import MOST_ROWS, USUAL_ROWS
from app.problem_types import ProblemType
from app.schemas import EVENTS, MAX_EVENTS, MAX_FLIGHTS, MAX_REVISIONS

JSON = "application/json"
TAGS = {
    "predictions": "Ask how likely a flight is to arrive 15 minutes late or more, and read what was answered.",
    "events and labels": "Say what became known: schedules, departures, arrivals, weather, delays.",
    "model": "What serves, and every change of it.",
    "monitoring": "What the monitoring runs measured, raised and decided.",
    "operator": "What a person answers for, with the key for admin: promote, roll back, retrain, acknowledge an alert.",
    "service": "Health and counters, for a process manager, a proxy and Prometheus.",
    "problems": "Pages of the kinds of errors.",
}


@dataclass(frozen=True)
class Answer:
    """One way an operation answers."""

    description: str
    schema: dict[str, Any]
    example: Any
    media: str = JSON
    others: dict[str, tuple[dict[str, Any], Any]] = field(default_factory=dict)
    """Schema and example by further media types."""


@dataclass(frozen=True)
class Operation:
    """One method of one path."""

    method: Literal["get", "post"]
    path: str
    tag: str
    name: str
    """Unique; generated clients name their functions after it."""
    summary: str
    description: str
    answers: dict[int, Answer]
    scope: Scope | None = None
    body: dict[str, Any] | None = None
    requests: dict[str, Any] = field(default_factory=dict)
    """Examples of the body by what they show."""
    parameters: tuple[dict[str, Any], ...] = ()
    problems: tuple[ProblemType, ...] = ()
    """Beyond those that every operation with a key, a body or parameters has."""


def ref(name: str) -> dict[str, str]:
    """Return a reference to a schema of the description."""
    return {"$ref": f"#/components/schemas/{name}"}


def _query(name: str, description: str, example: Any = None, **schema: Any) -> dict[str, Any]:
    parameter = {
        "name": name,
        "in": "query",
        "required": False,
        "description": description,
        "schema": {"type": "string"} | schema,
    }
    return parameter if example is None else parameter | {"example": example}


def _path(name: str, description: str, example: Any, **schema: Any) -> dict[str, Any]:
    return _query(name, description, example, **schema) | {"in": "path", "required": True}


EXPLAIN = _query(
    "explain",
    "Say why: true for the five largest shares of the log-odds, or how many to show, 1 to 50.",
    pattern="^(true|false|[1-9]|[1-4][0-9]|50)$",
)
PREDICTION_ID = _path("prediction_id", "As the answer named it.", examples.PREDICTION_ID, format="uuid")
PAGING = (
    _query("limit", f"Rows a page, by default {USUAL_ROWS}.", type="integer", minimum=1, maximum=MOST_ROWS),
    _query("cursor", "`next_cursor` of the page before, with the same filters; opaque."),
)
FIRST_DAY = _query("from", "First day, like 2013-04-01; by default thirty days are shown.")
LAST_DAY = _query("to", "Last day, included; by default the clock's.")
DAY = _path("day", "A local day of the home airport.", "2013-04-10")
MONITORING = "/v1/monitoring"

PREDICTIONS = (
    Operation(
        "post", "/v1/predictions", "predictions", "predict",
        f"Predict one flight, or up to {MAX_FLIGHTS:,}",
        "Send a flight, or `flights` for a batch; each flight of a batch is validated on its own, so a bad one costs "
        "no other. The moment to predict from is now, by the stack's clock, or `as_of`; a flight can be asked about "
        f"from 24 hours before its scheduled departure until then. With `explain`, up to {MOST_FLIGHTS} flights. An "
        "answer is in the log: it can be read again by its `prediction_id`.",
        {
            200: Answer(
                "Predicted", {"anyOf": [ref("Prediction"), ref("Predictions")]}, examples.ANSWERED
            ),
            207: Answer("Some flights are predicted, others refused", ref("Predictions"), examples.BATCH_MIXED),
            422: Answer("No flight of the batch fits", ref("Predictions"), examples.BATCH_REFUSED),
        },
        "predict", {"oneOf": [ref("Flight"), ref("Batch")]},
        {"one flight": examples.FLIGHT, "a batch": examples.BATCH},
        (EXPLAIN,), (kinds.NOT_READY,),
    ),
    Operation(
        "get", "/v1/predictions", "predictions", "listPredictions",
        "List predictions of a flight or of a time",
        "Stored predictions, newest first, each with what then happened. An answer is in the list a few seconds after "
        "it was given; by its id it can be read at once. Pages are stable: rows that come meanwhile move none.",
        {200: Answer("A page", ref("PredictionList"), examples.LISTED)},
        "predict",
        parameters=(
            _query("flight_id", "Only predictions of this flight.", examples.FLIGHT_ID),
            _query("from", "Only those made from this time on (`as_of`), with an offset.", format="date-time"),
            _query("to", "Only those made before this time.", format="date-time"),
            *PAGING,
        ),
        problems=(kinds.NOT_READY,),
    ),
    Operation(
        "get", "/v1/predictions/{prediction_id}", "predictions", "showPrediction",
        "Show a prediction and everything behind it",
        "Its features by name, where its model came from, what the challenger said, and its label once it is known.",
        {200: Answer("The prediction", ref("LoggedPrediction"), examples.LOGGED)},
        "predict", parameters=(PREDICTION_ID, EXPLAIN), problems=(kinds.NOT_FOUND, kinds.NOT_READY),
    ),
)  # fmt: skip


def _appended(what: str) -> dict[int, Answer]:
    schema = ref("Appended")
    return {
        200: Answer(f"All {what} are recorded", schema, examples.appended("accepted", "duplicate")),
        207: Answer("Some are recorded, others refused", schema, examples.appended("accepted", "conflict")),
        409: Answer("All contradict what is recorded", schema, examples.appended("conflict")),
        422: Answer("None fits", schema, examples.appended("invalid")),
    }


FACTS = (
    Operation(
        "post", "/v1/events", "events and labels", "appendEvents",
        "Append what became known of flights and weather",
        f"Up to {MAX_EVENTS:,} events of the types {', '.join(EVENTS)}, and of one flight and kind, or one airport and "
        f"hour, up to {MAX_REVISIONS}. Sending one again is harmless: it is a duplicate. An arrival makes the flight's "
        "label.",
        _appended("events"), "ingest", ref("Events"),
        {"a departure": {"events": [examples.EVENT]}, "weather": {"events": [examples.WEATHER]}},
        problems=(kinds.CONFLICT, kinds.NOT_READY),
    ),
    Operation(
        "post", "/v1/labels", "events and labels", "appendLabels",
        "Append how late flights arrived",
        f"Up to {MAX_FLIGHTS:,} labels, for installations without arrival events. A label that replaces another one "
        "says so: `\"correction\": true`. The earlier one stays on record.",
        _appended("labels"), "ingest", ref("Labels"),
        {"a label": {"labels": [examples.LABEL]}, "a correction": {"labels": [examples.LABEL | {"correction": True}]}},
        problems=(kinds.CONFLICT, kinds.NOT_READY),
    ),
)  # fmt: skip
CHANGE_PROBLEMS = (
    kinds.NOT_FOUND, kinds.CONFLICT, kinds.STALE_VERSION, kinds.CONTRACT_MISMATCH, kinds.SIGNATURE_INVALID,
    kinds.NOT_READY,
)  # fmt: skip
MODEL = (
    Operation(
        "get", "/v1/model", "model", "showModel",
        "Show champion, challenger, rollback target and the newest changes",
        "The champion answers; the challenger is scored beside it and nobody acts on what it says.",
        {200: Answer("What serves", ref("ModelAnswer"), examples.MODEL)},
        "predict", problems=(kinds.NOT_READY,),
    ),
    Operation(
        "get", "/v1/model/ledger", "model", "listLedger",
        "List every change of champion",
        "Newest first, with who, why and on what evidence.",
        {200: Answer("A page", ref("Ledger"), examples.LEDGER)},
        "predict", parameters=PAGING, problems=(kinds.NOT_READY,),
    ),
    Operation(
        "post", "/v1/model/promote", "operator", "promote",
        "Promote a version, if the one you expect serves now",
        "Every replica of the API follows within two seconds. The change is in the ledger.",
        {200: Answer("The change", ref("ChampionChange"), examples.LEDGER_ROW | {"clock": examples.CLOCK})},
        "admin", ref("Promote"), {"a version": examples.PROMOTE}, problems=CHANGE_PROBLEMS,
    ),
    Operation(
        "post", "/v1/model/rollback", "operator", "rollBack",
        "Promote the last champion again",
        "Or the earlier champion that `to_version` names.",
        {200: Answer("The change", ref("ChampionChange"), examples.ROLLED_BACK | {"clock": examples.CLOCK})},
        "admin", ref("Rollback"), {"the last champion": examples.ROLLBACK}, problems=CHANGE_PROBLEMS,
    ),
    Operation(
        "post", "/v1/model/retrain", "operator", "retrain",
        "Train a candidate on the newest days and compare it with the champion",
        "Starts a run and answers before it ends; Prefect shows it. The promotion gate decides what becomes of the "
        "candidate.",
        {202: Answer("The run was started", ref("RetrainAnswer"), examples.RETRAINING)},
        "admin", ref("Retrain"), {"by hand": examples.RETRAIN}, problems=(kinds.NOT_READY,),
    ),
)  # fmt: skip
MONITORED = (
    Operation(
        "get", f"{MONITORING}/runs", "monitoring", "listRuns",
        "List the monitoring runs",
        "A run a local day, oldest first.",
        {200: Answer("The runs", ref("MonitoringRuns"), examples.RUNS)},
        "predict", parameters=(FIRST_DAY, LAST_DAY), problems=(kinds.NOT_READY,),
    ),
    Operation(
        "get", f"{MONITORING}/runs/{{day}}", "monitoring", "showRun",
        "Show what a monitoring run measured, raised and decided",
        "Measures overall and by slice, with 95% intervals where they were computed.",
        {200: Answer("The run", ref("RunReport"), examples.RUN_REPORT)},
        "predict", parameters=(DAY,), problems=(kinds.NOT_FOUND, kinds.NOT_READY),
    ),
    Operation(
        "get", f"{MONITORING}/runs/{{day}}/report.{{kind}}", "monitoring", "showReport",
        "Return the drift report of a monitoring run",
        "HTML is kept for 90 days, JSON for good.",
        {
            200: Answer(
                "The report", {"type": "string"}, "<html>...</html>", "text/html", {JSON: ({}, {"metrics": []})}
            )
        },
        "predict",
        parameters=(DAY, _path("kind", "html, json or estimate.html", "html")),
        problems=(kinds.NOT_FOUND, kinds.NOT_READY),
    ),
    Operation(
        "get", f"{MONITORING}/decisions", "monitoring", "listDecisions",
        "List the decisions about retraining, promotion and rollback",
        'Newest day first, "no" included, each with what it rests on.',
        {200: Answer("A page", ref("Decisions"), examples.DECISIONS)},
        "predict",
        parameters=(
            _query("kind", "Only of this kind: retrain, gate, shadow or guardrail.", "retrain"),
            _query("from", "First day, like 2013-04-01."),
            _query("to", "Last day, included."),
            *PAGING,
        ),
        problems=(kinds.NOT_READY,),
    ),
    Operation(
        "get", f"{MONITORING}/alerts", "monitoring", "listAlerts",
        "List alerts",
        "Oldest first. An alert is open until its rule no longer fires. Without days, those that are open are listed "
        "whatever their day, all others of the last thirty days.",
        {200: Answer("The alerts", ref("Alerts"), examples.ALERTS)},
        "predict", parameters=(FIRST_DAY, LAST_DAY, _query("state", "all or open", "open")),
        problems=(kinds.NOT_READY,),
    ),
    Operation(
        "post", f"{MONITORING}/alerts/{{alert_id}}/acknowledge", "operator", "acknowledge",
        "Note that a person has seen an alert",
        "The first acknowledgement is kept. The alert stays open.",
        {200: Answer("The alert", ref("AcknowledgedAlert"), examples.ACKNOWLEDGED)},
        "admin", ref("Acknowledge"), {"who": examples.ACKNOWLEDGE},
        (_path("alert_id", "As the list names it.", 7, type="integer", minimum=0),),
        (kinds.NOT_FOUND, kinds.NOT_READY),
    ),
)  # fmt: skip
SERVICE = (
    Operation(
        "get", "/health/live", "service", "live",
        "Tell that the process answers", "Asks nothing else.",
        {200: Answer("It does", ref("Liveness"), examples.LIVE)},
    ),
    Operation(
        "get", "/health/ready", "service", "ready",
        "Tell whether a prediction can be served", "Check by check; `ok`, or what is missing.",
        {
            200: Answer("It can", ref("Readiness"), examples.READY),
            503: Answer("It cannot", ref("Readiness"), examples.NOT_READY),
        },
    ),
    Operation(
        "get", "/metrics", "service", "metrics",
        "Counters for Prometheus", "Of all workers. Not reachable through the gateway.",
        {200: Answer("The counters", {"type": "string"}, "# TYPE ontime_requests_total counter\n", "text/plain")},
    ),
    Operation(
        "get", "/problems/{name}", "problems", "explainProblem",
        "Explain a kind of error", "The `type` of every error leads to its page.",
        {200: Answer("The page", {"type": "string"}, "<html>...</html>", "text/html")},
        parameters=(_path("name", "Last part of the `type`.", "invalid-input"),), problems=(kinds.NOT_FOUND,),
    ),
)  # fmt: skip
OPERATIONS: tuple[Operation, ...] = (*PREDICTIONS, *FACTS, *MODEL, *MONITORED, *SERVICE)
