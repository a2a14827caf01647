"""The API's description (OpenAPI 3.0.3) and Swagger UI at /apidocs, which needs nothing from outside."""

import importlib.util
from pathlib import Path
from typing import Any

from apispec import APISpec
from apispec.ext.marshmallow import MarshmallowPlugin
from flasgger import Swagger
from flask import Blueprint, Flask, render_template
from marshmallow import Schema

from app import answers, schemas

TITLE = "ontime"
VERSION = "1"
DESCRIPTION = (
    "Will this flight arrive 15 minutes late or more? Send a key as `Authorization: Bearer <key>` or `X-API-Key`. "
    "Times carry an offset. Errors are application/problem+json and name the field and what is expected."
)
EXAMPLE_FLIGHT = {
    "carrier": "UA",
    "flight": 1545,
    "origin": "EWR",
    "dest": "IAH",
    "scheduled_departure": "2013-04-11T15:00:00Z",
    "scheduled_arrival": "2013-04-11T19:05:00Z",
}
EXAMPLE_EVENT = {
    "type": "departed",
    "flight_id": "UA1545-EWR-20130411",
    "departed_at": "2013-04-11T15:04:00Z",
    "delay_minutes": 4,
}
REQUESTS: tuple[type[Schema], ...] = (
    schemas.FlightSchema,
    schemas.BatchSchema,
    schemas.EventsSchema,
    schemas.LabelSchema,
    schemas.LabelsSchema,
    schemas.PromoteSchema,
    schemas.RollbackSchema,
    schemas.RetrainSchema,
    schemas.AcknowledgeSchema,
)
ANSWERS: tuple[type[Schema], ...] = (
    answers.Problem,
    answers.Predictions,
    answers.Appended,
    answers.LoggedPrediction,
    answers.ModelAnswer,
    answers.LedgerRow,
    answers.RetrainAnswer,
    answers.MonitoringRun,
    answers.MeasureAnswer,
    answers.AlertAnswer,
    answers.MonitoringRuns,
    answers.RunReport,
    answers.Alerts,
    answers.Liveness,
    answers.Readiness,
)


def register(app: Flask) -> None:
    """Serve the description and its page."""
    # Flasgger's own page is an old Swagger UI with known holes and web fonts; ours is a current one from a package.
    pages = Blueprint(
        "apidocs", __name__, url_prefix="/apidocs", static_folder=_swagger_ui(), static_url_path="/assets"
    )
    pages.add_url_rule("/", "page", lambda: render_template("apidocs.html", title=TITLE))
    app.register_blueprint(pages)
    specification = {"endpoint": "openapi", "route": "/openapi.json", "rule_filter": lambda rule: False}
    configuration = {"openapi": "3.0.3", "swagger_ui": False, "headers": [], "specs": [specification]}
    Swagger(app, template=describe(), config=configuration)


def _swagger_ui() -> Path:
    spec = importlib.util.find_spec("flask_swagger_ui")
    assert spec is not None, "flask-swagger-ui is among the requirements"  # noqa: S101
    assert spec.origin is not None  # noqa: S101
    return Path(spec.origin).parent / "dist"


def describe() -> dict[str, Any]:
    """Return the whole description."""
    spec = APISpec(
        title=TITLE,
        version=VERSION,
        openapi_version="3.0.3",
        info={"description": DESCRIPTION},
        plugins=[MarshmallowPlugin()],
    )
    # By name first: what is nested in others is then the same component.
    for name, event in schemas.EVENTS.items():
        spec.components.schema(f"Event_{name}", schema=event)
    for schema in (*REQUESTS, *ANSWERS):
        name = schema.__name__.removesuffix("Schema")
        if name not in spec.components.schemas:
            spec.components.schema(name, schema=schema)
    spec.components.security_scheme("key", {"type": "http", "scheme": "bearer"})
    spec.components.security_scheme("header", {"type": "apiKey", "in": "header", "name": "X-API-Key"})
    for path, operations in _paths().items():
        spec.path(path=path, operations=operations)
    document = spec.to_dict()
    _describe_items(document["components"]["schemas"])
    described: dict[str, Any] = _without_python_patterns(document)
    return described


def _describe_items(components: dict[str, Any]) -> None:
    """Say what lists hold whose items are validated one by one."""
    kinds = {name: f"Event_{name}" for name in schemas.EVENTS}
    for name, component in kinds.items():
        components[component]["properties"]["type"]["enum"] = [name]
    mapping = {name: _ref(component)["$ref"] for name, component in kinds.items()}
    components["Events"]["properties"]["events"]["items"] = {
        "oneOf": [_ref(component) for component in kinds.values()],
        "discriminator": {"propertyName": "type", "mapping": mapping},
    }
    components["Batch"]["properties"]["flights"]["items"] = _ref("Flight")
    components["Labels"]["properties"]["labels"]["items"] = _ref("Label")


def _without_python_patterns(node: Any) -> Any:
    r"""Write patterns as JavaScript does: anchored at the start, `$` for Python's `\Z`."""
    if isinstance(node, list):
        return [_without_python_patterns(inner) for inner in node]
    if not isinstance(node, dict):
        return node
    written = {name: _without_python_patterns(inner) for name, inner in node.items()}
    if isinstance(written.get("pattern"), str):
        written["pattern"] = "^" + written["pattern"].replace(r"\Z", "$")
    return written


def _paths() -> dict[str, dict[str, Any]]:
    return {
        "/v1/predictions": {"post": _predict()},
        "/v1/predictions/{prediction_id}": {"get": _show_prediction()},
        "/v1/events": {
            "post": _append(
                "Append what became known of flights and weather; types: " + ", ".join(schemas.EVENTS),
                "Events",
                {"events": [EXAMPLE_EVENT]},
            )
        },
        "/v1/labels": {
            "post": _append(
                "Append how late flights arrived; a correction says that it is one",
                "Labels",
                {"labels": [{"flight_id": "UA1545-EWR-20130411", "arr_delay_minutes": 21}]},
            )
        },
        "/v1/model": {
            "get": _operation("Show champion, challenger and ledger", "predict", {200: _ref("ModelAnswer")})
        },
        "/v1/model/promote": {
            "post": _operation(
                "Promote a version, if the one you expect serves now",
                "admin",
                {200: _ref("LedgerRow")},
                _ref("Promote"),
                {"version": 2, "expected_version": 1, "reason": "approved by the duty manager"},
            )
        },
        "/v1/model/rollback": {
            "post": _operation(
                "Promote the last champion again",
                "admin",
                {200: _ref("LedgerRow")},
                _ref("Rollback"),
                {"reason": "worse at JFK"},
            )
        },
        "/v1/model/retrain": {
            "post": _operation(
                "Train a candidate on the newest days and compare it with the champion",
                "admin",
                {202: _ref("RetrainAnswer")},
                _ref("Retrain"),
                {"reason": "new summer schedule"},
            )
        },
        **_monitoring(),
        "/health/live": {"get": _operation("Tell that the process answers", None, {200: _ref("Liveness")})},
        "/health/ready": {
            "get": _operation(
                "Tell whether a prediction can be served",
                None,
                {200: _ref("Readiness"), 503: _ref("Readiness")},
            )
        },
        "/metrics": {
            "get": _operation(
                "Counters for Prometheus", None, {200: {"type": "string"}}, produces="text/plain"
            )
        },
    }


EXPLAIN = {
    "name": "explain",
    "in": "query",
    "required": False,
    "description": "Say why: true for the five largest shares of the log-odds, or how many to show, 1 to 50.",
    "schema": {"type": "string", "pattern": "^(true|false|[1-9]|[1-4][0-9]|50)$"},
}


def _predict() -> dict[str, Any]:
    operation = _operation(
        "Predict one flight, or up to 1,000; up to 100 with `explain`",
        "predict",
        {
            200: {"anyOf": [_ref("Prediction"), _ref("Predictions")]},
            207: _ref("Predictions"),
            422: _ref("Predictions"),
        },
        {"oneOf": [_ref("Flight"), _ref("Batch")]},
        EXAMPLE_FLIGHT,
    )
    return operation | {"parameters": [EXPLAIN]}


def _show_prediction() -> dict[str, Any]:
    parameter = {
        "name": "prediction_id",
        "in": "path",
        "required": True,
        "schema": {"type": "string", "format": "uuid"},
    }
    summary = "Show a prediction, its features, its model and its label"
    operation = _operation(summary, "predict", {200: _ref("LoggedPrediction")})
    return operation | {"parameters": [parameter, EXPLAIN]}


def _monitoring() -> dict[str, dict[str, Any]]:
    first = _text_parameter("from", "query", "First day, like 2013-04-01; by default thirty days are shown.")
    last = _text_parameter("to", "query", "Last day; by default the clock's.")
    day = _text_parameter("day", "path", "A local day in New York, like 2013-04-03.")
    kind = _text_parameter("kind", "path", "html, json or estimate.html")
    state = _text_parameter("state", "query", "all or open")
    number = {"name": "alert_id", "in": "path", "required": True, "schema": {"type": "integer", "minimum": 0}}
    runs = _operation("List the monitoring runs", "predict", {200: _ref("MonitoringRuns")})
    run = _operation("Show what a monitoring run measured and raised", "predict", {200: _ref("RunReport")})
    report = _operation(
        "Return the drift report of a monitoring run", "predict", {200: {}}, produces="text/html"
    )
    report["responses"]["200"]["content"]["application/json"] = {"schema": {}}
    alerts = _operation("List alerts", "predict", {200: _ref("Alerts")})
    acknowledge = _operation(
        "Note that a person has seen an alert",
        "admin",
        {200: _ref("AlertAnswer")},
        _ref("Acknowledge"),
        {"who": "duty manager"},
    )
    base = "/v1/monitoring"
    return {
        f"{base}/runs": {"get": runs | {"parameters": [first, last]}},
        f"{base}/runs/{{day}}": {"get": run | {"parameters": [day]}},
        f"{base}/runs/{{day}}/report.{{kind}}": {"get": report | {"parameters": [day, kind]}},
        f"{base}/alerts": {"get": alerts | {"parameters": [first, last, state]}},
        f"{base}/alerts/{{alert_id}}/acknowledge": {"post": acknowledge | {"parameters": [number]}},
    }


def _text_parameter(name: str, where: str, description: str) -> dict[str, Any]:
    return {
        "name": name,
        "in": where,
        "required": where == "path",
        "description": description,
        "schema": {"type": "string"},
    }


def _append(summary: str, body: str, example: dict[str, Any]) -> dict[str, Any]:
    appended = dict.fromkeys((200, 207, 409, 422), _ref("Appended"))
    return _operation(summary, "ingest", appended, _ref(body), example)


def _operation(
    summary: str,
    scope: str | None,
    answered: dict[int, dict[str, Any]],
    body: dict[str, Any] | None = None,
    example: dict[str, Any] | None = None,
    produces: str = "application/json",
) -> dict[str, Any]:
    problem = {"application/problem+json": {"schema": _ref("Problem")}}
    responses: dict[str, Any] = {}
    for status, schema in answered.items():
        content = {produces: {"schema": schema}} | (problem if status >= 400 else {})
        responses[str(status)] = {
            "description": "Answered" if status < 400 else "Refused",
            "content": content,
        }
    responses["default"] = {
        "description": "A problem: the field and what is expected",
        "content": problem,
    }
    operation: dict[str, Any] = {"summary": summary, "responses": responses}
    if scope is not None:
        operation |= {
            "security": [{"key": []}, {"header": []}],
            "description": f"Needs a key with the scope `{scope}`.",
        }
    if body is not None:
        operation["requestBody"] = {
            "required": True,
            "content": {"application/json": {"schema": body, "example": example}},
        }
    return operation


def _ref(name: str) -> dict[str, str]:
    return {"$ref": f"#/components/schemas/{name}"}
