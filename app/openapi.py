"""The API's description (OpenAPI 3.0.3) and Swagger UI at /apidocs, which needs nothing from outside."""

import importlib.util
import json
from functools import cache
from pathlib import Path
from typing import Any

from apispec import APISpec
from apispec.ext.marshmallow import MarshmallowPlugin
from flasgger import Swagger
from flask import Blueprint, Flask, render_template
from marshmallow import Schema

from app import examples, schemas
from app import problem_types as kinds
from app.answers import common, events, models, monitoring, predictions
from app.operations import JSON, OPERATIONS, TAGS, Operation, ref
from app.problem_types import ProblemType

TITLE = "ontime"
VERSION = "1"
PROBLEM = "application/problem+json"
DESCRIPTION = """\
Will this flight arrive 15 minutes late or more? The answer, why, and everything behind it.

**Keys.** Send one as `Authorization: Bearer <key>` or `X-API-Key`. Each has scopes: `predict` asks and reads, `ingest`
appends events and labels, `admin` changes the model and acknowledges alerts.

**Times** carry an offset, in answers always `Z`. Every answer names the stack's clock, which may be a replayed moment.

**Errors** are `application/problem+json` (RFC 9457): `type` is the path of a page that says what it means and what to
do, `errors` names each field that does not fit. Every answer has a request id, in `X-Request-ID`.

**Lists** come in pages: send `next_cursor` as `cursor` until it is null.

**Versions.** Within `/v1` answers may gain fields; what is there keeps its name, type and meaning.
"""
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
    common.Problem,
    predictions.Predictions,
    predictions.PredictionList,
    predictions.LoggedPrediction,
    events.Appended,
    models.ModelAnswer,
    models.Ledger,
    models.ChampionChange,
    models.RetrainAnswer,
    monitoring.MonitoringRuns,
    monitoring.RunReport,
    monitoring.Decisions,
    monitoring.Alerts,
    monitoring.AcknowledgedAlert,
    common.Liveness,
    common.Readiness,
)
BODY_PROBLEMS = (kinds.INVALID_JSON, kinds.BODY_TOO_LARGE, kinds.UNSUPPORTED_MEDIA_TYPE, kinds.INVALID_INPUT)
KEY_PROBLEMS = (kinds.UNAUTHORIZED, kinds.FORBIDDEN)


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
    """Return the whole description, the caller's own to change."""
    described: dict[str, Any] = json.loads(_composed())
    return described


@cache
def _composed() -> str:
    """Return it as JSON, composed once a process: it takes a tenth of a second, and every application has it."""
    spec = APISpec(
        title=TITLE,
        version=VERSION,
        openapi_version="3.0.3",
        info={"description": DESCRIPTION},
        tags=[{"name": name, "description": text} for name, text in TAGS.items()],
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
    for operation in OPERATIONS:
        spec.path(path=operation.path, operations={operation.method: _described(operation)})
    document = spec.to_dict()
    _describe_items(document["components"]["schemas"])
    return json.dumps(_with_one_null(_without_python_patterns(document)))


def _describe_items(components: dict[str, Any]) -> None:
    """Say what lists hold whose items are validated one by one."""
    kinds = {name: f"Event_{name}" for name in schemas.EVENTS}
    for name, component in kinds.items():
        components[component]["properties"]["type"]["enum"] = [name]
    mapping = {name: ref(component)["$ref"] for name, component in kinds.items()}
    components["Events"]["properties"]["events"]["items"] = {
        "oneOf": [ref(component) for component in kinds.values()],
        "discriminator": {"propertyName": "type", "mapping": mapping},
    }
    components["Batch"]["properties"]["flights"]["items"] = ref("Flight")
    components["Labels"]["properties"]["labels"]["items"] = ref("Label")


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


def _with_one_null(node: Any) -> Any:
    """Let what may be another schema or null be that or null; apispec writes that it may be any object."""
    if isinstance(node, list):
        return [_with_one_null(inner) for inner in node]
    if not isinstance(node, dict):
        return node
    written = {name: _with_one_null(inner) for name, inner in node.items()}
    if {"type": "object", "nullable": True} in written.get("anyOf", ()):
        others = [one for one in written["anyOf"] if "$ref" in one]
        written["anyOf"] = [*others, {"type": "object", "nullable": True, "enum": [None]}]
    return written


def _described(operation: Operation) -> dict[str, Any]:
    described: dict[str, Any] = {
        "operationId": operation.name,
        "tags": [operation.tag],
        "summary": operation.summary,
        "description": operation.description,
        "responses": _responses(operation),
    }
    if operation.scope is not None:
        described["description"] += f" Needs a key with the scope `{operation.scope}`."
        described["security"] = [{"key": []}, {"header": []}]
    if operation.parameters:
        described["parameters"] = list(operation.parameters)
    if operation.body is not None:
        shown = {_key(name): {"summary": name, "value": value} for name, value in operation.requests.items()}
        content = {JSON: {"schema": operation.body, "examples": shown}}
        described["requestBody"] = {"required": True, "content": content}
    return described


def _responses(operation: Operation) -> dict[str, Any]:
    responses: dict[str, Any] = {}
    for status, answer in operation.answers.items():
        content = {answer.media: {"schema": answer.schema, "example": answer.example}}
        for media, (schema, example) in answer.others.items():
            content[media] = {"schema": schema, "example": example}
        responses[str(status)] = {"description": answer.description, "content": content}
    for kind in sorted(_problems(operation), key=lambda kind: (kind.status, kind.name)):
        response = responses.setdefault(str(kind.status), {"description": kind.title, "content": {}})
        content = response["content"].setdefault(PROBLEM, {"schema": ref("Problem"), "examples": {}})
        content["examples"][kind.name] = {"summary": kind.title, "value": _example_of(kind)}
    failed = {"schema": ref("Problem"), "example": _example_of(kinds.INTERNAL_ERROR)}
    responses["default"] = {"description": "Another problem", "content": {PROBLEM: failed}}
    return responses


def _problems(operation: Operation) -> set[ProblemType]:
    """Return the problems an operation may answer with."""
    asked = (*KEY_PROBLEMS,) if operation.scope else ()
    sent = BODY_PROBLEMS if operation.body else ()
    unfit = (kinds.INVALID_INPUT,) if operation.parameters and operation.scope else ()
    return {*asked, *sent, *unfit, *operation.problems}


def _example_of(kind: ProblemType) -> dict[str, Any]:
    if kind is kinds.INVALID_INPUT:
        return examples.INVALID
    return {
        "type": kind.uri,
        "title": kind.title,
        "status": kind.status,
        "detail": kind.meaning,
        "request_id": examples.REQUEST_ID,
    }


def _key(name: str) -> str:
    return name.replace(" ", "-")
