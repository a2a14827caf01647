"""The API's description (OpenAPI 3.0.3) and Swagger UI at /apidocs, which needs nothing from outside."""

import importlib.util
from pathlib import Path
from typing import Any

from apispec import APISpec
from apispec.ext.marshmallow import MarshmallowPlugin
from flasgger import Swagger
from flask import Blueprint, Flask, Response, send_from_directory

from app import schemas
from app.body import json_response

TITLE = "ontime"
VERSION = "1"
DESCRIPTION = (
    "Will this flight arrive 15 minutes late or more? Send a key as `Authorization: Bearer <key>`. "
    "Times carry an offset. Errors are application/problem+json and name the field and what is expected."
)
ASSETS = ("swagger-ui-bundle.js", "swagger-ui-standalone-preset.js", "swagger-ui.css", "favicon-32x32.png")
assets = Blueprint("swagger_assets", __name__, url_prefix="/apidocs/assets")

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


def register(app: Flask) -> None:
    """Serve the description and its page."""
    document = describe()

    def specification() -> Response:
        return json_response(document)

    app.register_blueprint(assets)
    app.add_url_rule("/openapi.json", "openapi", specification)
    configuration: dict[str, Any] = {
        "openapi": "3.0.3",
        "title": TITLE,
        "specs_route": "/apidocs/",
        "static_url_path": "/apidocs/flasgger",
        "headers": [],
        "specs": [
            {"endpoint": "apispec", "route": "/apidocs/openapi.json", "rule_filter": lambda rule: False}
        ],
        "swagger_ui_bundle_js": "/apidocs/assets/swagger-ui-bundle.js",
        "swagger_ui_standalone_preset_js": "/apidocs/assets/swagger-ui-standalone-preset.js",
        "swagger_ui_css": "/apidocs/assets/swagger-ui.css",
        "jquery_js": "",
        "favicon": "/apidocs/assets/favicon-32x32.png",
        "hide_top_bar": True,
    }
    Swagger(app, template=document, config=configuration)


@assets.get("/<name>")
def asset(name: str) -> Response:
    """Give a file of the current Swagger UI, which a package carries."""
    spec = importlib.util.find_spec("flask_swagger_ui")
    assert spec is not None, "flask-swagger-ui is among the requirements"  # noqa: S101
    assert spec.origin is not None  # noqa: S101
    return send_from_directory(Path(spec.origin).parent / "dist", name if name in ASSETS else "missing")


def describe() -> dict[str, Any]:
    """The whole description."""
    spec = APISpec(
        title=TITLE,
        version=VERSION,
        openapi_version="3.0.3",
        info={"description": DESCRIPTION},
        plugins=[MarshmallowPlugin()],
    )
    for schema in (schemas.FlightSchema, schemas.BatchSchema, schemas.EventsSchema, schemas.LabelsSchema):
        spec.components.schema(schema.__name__.removesuffix("Schema"), schema=schema)
    for name, event in schemas.EVENTS.items():
        spec.components.schema(f"Event_{name}", schema=event)
    for schema in (schemas.LabelSchema, schemas.PromoteSchema, schemas.RollbackSchema):
        spec.components.schema(schema.__name__.removesuffix("Schema"), schema=schema)
    spec.components.security_scheme("key", {"type": "http", "scheme": "bearer"})
    spec.components.schema("Problem", _PROBLEM)
    for path, operations in _paths().items():
        spec.path(path=path, operations=operations)
    return dict(spec.to_dict())


_PROBLEM = {
    "type": "object",
    "required": ["type", "title", "status", "detail", "request_id"],
    "properties": {
        "type": {"type": "string"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string"},
        "request_id": {"type": "string"},
        "errors": {
            "type": "array",
            "items": {
                "type": "object",
                "properties": {"field": {"type": "string"}, "expected": {"type": "string"}},
            },
        },
    },
}


def _paths() -> dict[str, dict[str, Any]]:
    flight_or_batch = {"oneOf": [_ref("Flight"), _ref("Batch")]}
    prediction_id = {
        "name": "prediction_id",
        "in": "path",
        "required": True,
        "schema": {"type": "string", "format": "uuid"},
    }
    return {
        "/v1/predictions": {
            "post": _operation(
                "Predict one flight, or up to 1,000", "predict", (200, 207), flight_or_batch, EXAMPLE_FLIGHT
            )
        },
        "/v1/predictions/{prediction_id}": {
            "get": _operation("Show a prediction, its features, its model and its label", "predict", (200,))
            | {"parameters": [prediction_id]}
        },
        "/v1/events": {
            "post": _operation(
                "Append what became known of flights and weather; types: " + ", ".join(schemas.EVENTS),
                "ingest",
                (200, 207),
                _ref("Events"),
                {"events": [EXAMPLE_EVENT]},
            )
        },
        "/v1/labels": {
            "post": _operation(
                "Append how late flights arrived; a correction says that it is one",
                "ingest",
                (200, 207),
                _ref("Labels"),
                {"labels": [{"flight_id": "UA1545-EWR-20130411", "arr_delay_minutes": 21}]},
            )
        },
        "/v1/model": {"get": _operation("Show champion, challenger and ledger", "predict", (200,))},
        "/v1/model/promote": {
            "post": _operation(
                "Let a version serve, if the one you expect serves now",
                "admin",
                (200,),
                _ref("Promote"),
                {"version": 2, "expected_version": 1, "reason": "approved by the duty manager"},
            )
        },
        "/v1/model/rollback": {
            "post": _operation(
                "Let the last champion serve again",
                "admin",
                (200,),
                _ref("Rollback"),
                {"reason": "worse at JFK"},
            )
        },
        "/health/live": {"get": _operation("Tell that the process answers", None, (200,))},
        "/health/ready": {"get": _operation("Tell whether a prediction can be served", None, (200,))},
        "/metrics": {"get": _operation("Counters for Prometheus", None, (200,), produces="text/plain")},
    }


def _operation(
    summary: str,
    scope: str | None,
    good: tuple[int, ...],
    body: dict[str, Any] | None = None,
    example: dict[str, Any] | None = None,
    produces: str = "application/json",
) -> dict[str, Any]:
    problem = {"content": {"application/problem+json": {"schema": _ref("Problem")}}}
    kind = {"type": "object"} if produces == "application/json" else {"type": "string"}
    responses: dict[str, Any] = {
        str(status): {"description": "Answered", "content": {produces: {"schema": kind}}} for status in good
    }
    responses |= {"default": problem | {"description": "A problem: the field and what is expected"}}
    operation: dict[str, Any] = {"summary": summary, "responses": responses}
    if scope is not None:
        operation |= {"security": [{"key": []}], "description": f"Needs a key with the scope `{scope}`."}
    if body is not None:
        content = {"application/json": {"schema": body, "example": example}}
        operation["requestBody"] = {"required": True, "content": content}
    return operation


def _ref(name: str) -> dict[str, str]:
    return {"$ref": f"#/components/schemas/{name}"}
