"""Answers held to the API's description, strictly: a field that is not described is refused."""

import json
from functools import cache
from typing import Any

import jsonschema
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.exceptions import HTTPException
from werkzeug.test import TestResponse

from app.openapi import describe
from app.problem_types import ABOUT_BLANK, PROBLEM_TYPES

JSON = ("application/json", "application/problem+json")
URIS = {kind.uri for kind in PROBLEM_TYPES} | {ABOUT_BLANK}
DOCUMENT: dict[str, Any] = json.loads(json.dumps(describe()))


def strict(node: Any) -> Any:
    """The schema in JSON Schema's words (`nullable` is OpenAPI's own), each object closed."""
    if isinstance(node, list):
        return [strict(inner) for inner in node]
    if not isinstance(node, dict):
        return node
    written = {name: strict(inner) for name, inner in node.items() if name not in ("nullable", "example")}
    if isinstance(written.get("properties"), dict) and written.get("type") == "object":
        written["additionalProperties"] = False
    if node.get("nullable") is True and "enum" not in node:
        return {"anyOf": [written, {"type": "null"}]}
    return {"type": "null"} if written.get("enum") == [None] else written


@cache
def _components() -> dict[str, Any]:
    return strict(DOCUMENT["components"])


def conforms(schema: dict[str, Any], value: Any) -> None:
    """Raise where a value does not fit a schema of the description, or has a field that is not in it."""
    # A request's schema is among others (`oneOf`), an answer's among few: what is nested is found in the components.
    validator = jsonschema.Draft202012Validator(
        strict(schema) | {"components": _components()}, format_checker=jsonschema.FormatChecker()
    )
    validator.validate(value)


def described_content(operation: dict[str, Any], status: int, mimetype: str) -> dict[str, Any]:
    """The content an operation describes for a status, or for any other."""
    responses = operation["responses"]
    for response in (responses.get(str(status)), responses["default"]):
        if response and mimetype in response["content"]:
            return response["content"][mimetype]
    raise AssertionError(f"{operation['operationId']} describes no {mimetype} with {status}")


class DescribedClient(FlaskClient):
    """A client that holds every answer in JSON to the description of its operation."""

    def open(self, *arguments: Any, **options: Any) -> TestResponse:
        response = super().open(*arguments, **options)
        if response.mimetype in JSON and not response.is_streamed:
            _check(self.application, response)
        return response


def _check(app: Flask, response: TestResponse) -> None:
    request = response.request
    operation = _operation(app, request.path, request.method)
    if operation is None:
        schema = {"$ref": "#/components/schemas/Problem"}
        if request.path == "/openapi.json":
            return
    else:
        schema = described_content(operation, response.status_code, response.mimetype)["schema"]
    conforms(schema, response.get_json())
    if response.mimetype == "application/problem+json":
        assert response.get_json()["type"] in URIS


def _operation(app: Flask, path: str, method: str) -> dict[str, Any] | None:
    try:
        rule, _ = app.url_map.bind("localhost").match(path, method, return_rule=True)
    except HTTPException:
        return None
    template = rule.rule
    for converter in ("uuid:", "int:", "path:"):
        template = template.replace(f"<{converter}", "<")
    return DOCUMENT["paths"].get(template.replace("<", "{").replace(">", "}"), {}).get(method.lower())
