"""The API's description as a Postman collection and environment (format 2.1)."""

import json
from collections.abc import Iterator
from typing import Any
from uuid import NAMESPACE_URL, uuid5

from app import examples
from app.operations import JSON, OPERATIONS, TAGS, Operation

SCHEMA = "https://schema.getpostman.com/json/collection/v2.1.0/collection.json"
ADDRESS = "http://127.0.0.1:8000"
VALUES = {
    "address": (ADDRESS, "default"),
    "predict_key": ("", "secret"),
    "ingest_key": ("", "secret"),
    "admin_key": ("", "secret"),
}
"""Variables of the environment: the user fills in the address and the keys."""
PATH_VARIABLES = {"prediction_id": "prediction_id", "day": "day"}
"""Path parameters that a request before left; others have their example."""
WRITTEN: dict[str, str] = {
    str(examples.FLIGHT["scheduled_departure"]): "{{departure}}",
    str(examples.FLIGHT["scheduled_arrival"]): "{{arrival}}",
    examples.FLIGHT_ID: "{{flight_id}}",
    f'"flight": {examples.FLIGHT["flight"]}': '"flight": 9002',
    f'"flight": {examples.BATCH["flights"][1]["flight"]}': '"flight": 9003',
    str(examples.EVENT["departed_at"]): "{{now}}",
    str(examples.WEATHER["observed_at"]): "{{now}}",
}
"""Values of the examples that follow the stack's clock, and flights that nobody flies, of which a run appends facts."""
FOLLOW_THE_CLOCK = """\
// Flights of the next hours by the stack's clock, which may be a replayed moment.
pm.sendRequest(pm.environment.get('address') + '/health/ready', (error, answer) => {
    const clock = error ? undefined : answer.json().clock;
    const now = clock ? new Date(clock.now) : new Date();
    now.setUTCSeconds(0, 0);
    const text = (moment) => moment.toISOString().replace('.000', '');
    const hours = (n) => new Date(now.getTime() + n * 3600e3);
    // Postman's sandbox knows no time zones: five hours behind UTC is New York's day, but for an hour in summer.
    const day = (moment) => new Date(moment.getTime() - 5 * 3600e3).toISOString().slice(0, 10);
    pm.variables.set('now', text(now));
    pm.variables.set('departure', text(hours(3)));
    pm.variables.set('arrival', text(hours(7)));
    pm.variables.set('flight_id', 'UA9002-EWR-' + day(hours(3)).replaceAll('-', ''));
    pm.variables.set('day', day(hours(-24)));
});"""
KEEP_ID = (
    "if (pm.response.code === 200 && pm.response.json().prediction_id) {",
    "    pm.environment.set('prediction_id', pm.response.json().prediction_id);",
    "}",
)
DATA_DEPENDENT = (404, 409)
"""Statuses that depend on what the stack holds."""


def collection() -> dict[str, Any]:
    """Return the collection: a folder a tag, a request for each example of each operation."""
    folders = [
        {
            "name": tag,
            "description": text,
            "item": [one for operation in OPERATIONS if operation.tag == tag for one in _requests(operation)],
        }
        for tag, text in TAGS.items()
    ]
    information = {
        "_postman_id": _identity("collection"),
        "name": "ontime",
        "description": "Written by `make api-docs` from the API's description. Choose the environment `ontime`.",
        "schema": SCHEMA,
    }
    script = {"type": "text/javascript", "exec": FOLLOW_THE_CLOCK.splitlines()}
    return {"info": information, "item": folders, "event": [{"listen": "prerequest", "script": script}]}


def environment() -> dict[str, Any]:
    """Return the environment: the address, the keys, and what one request leaves to the next."""
    values = [
        {"key": key, "value": value, "type": kind, "enabled": True} for key, (value, kind) in VALUES.items()
    ]
    return {
        "id": _identity("environment"),
        "name": "ontime",
        "values": values,
        "_postman_variable_scope": "environment",
    }


def _requests(operation: Operation) -> Iterator[dict[str, Any]]:
    if not operation.requests:
        yield _item(operation, operation.summary, None)
    for name, body in operation.requests.items():
        title = operation.summary if len(operation.requests) == 1 else f"{operation.summary}: {name}"
        yield _item(operation, title, body)


def _item(operation: Operation, title: str, body: Any) -> dict[str, Any]:
    request: dict[str, Any] = {
        "method": operation.method.upper(),
        "header": [],
        "url": _url(operation),
        "description": operation.description,
        "auth": _auth(operation),
    }
    if body is not None:
        request["header"].append({"key": "Content-Type", "value": JSON})
        request["body"] = {
            "mode": "raw",
            "raw": _following_the_clock(json.dumps(body, indent=2)),
            "options": {"raw": {"language": "json"}},
        }
    script = {"type": "text/javascript", "exec": _tests(operation)}
    item = {"name": title, "request": request, "event": [{"listen": "test", "script": script}]}
    return item | {
        "response": [_saved(request, status, answer) for status, answer in operation.answers.items()]
    }


def _saved(request: dict[str, Any], status: int, answer: Any) -> dict[str, Any]:
    shown = answer.example if isinstance(answer.example, str) else json.dumps(answer.example, indent=2)
    return {
        "name": answer.description,
        "originalRequest": request,
        "code": status,
        "header": [{"key": "Content-Type", "value": answer.media}],
        "body": shown,
    }


def _auth(operation: Operation) -> dict[str, Any]:
    if operation.scope is None:
        return {"type": "noauth"}
    token = {"key": "token", "value": f"{{{{{operation.scope}_key}}}}", "type": "string"}
    return {"type": "bearer", "bearer": [token]}


def _url(operation: Operation) -> dict[str, Any]:
    path = operation.path
    query = []
    for parameter in operation.parameters:
        name = parameter["name"]
        if parameter["in"] == "path":
            value = f"{{{{{PATH_VARIABLES[name]}}}}}" if name in PATH_VARIABLES else str(parameter["example"])
            path = path.replace(f"{{{name}}}", value)
        else:
            example = str(parameter.get("example", ""))
            query.append(
                {"key": name, "value": example, "description": parameter["description"], "disabled": True}
            )
    return {
        "raw": "{{address}}" + path,
        "host": ["{{address}}"],
        "path": path.strip("/").split("/"),
        "query": query,
    }


def _tests(operation: Operation) -> list[str]:
    """Return the script that holds an answer to what is described of it."""
    statuses = ", ".join(map(str, sorted({min(operation.answers), *_depending_on_data(operation)})))
    lines = [
        f"pm.test('answers as described', () => pm.expect(pm.response.code).to.be.oneOf([{statuses}]));",
        "pm.test('names the request', () => pm.response.to.have.header('X-Request-ID'));",
    ]
    if operation.name == "predict":
        lines += KEEP_ID
    return lines


def _depending_on_data(operation: Operation) -> set[int]:
    return set(DATA_DEPENDENT) & {*operation.answers, *(kind.status for kind in operation.problems)}


def _following_the_clock(text: str) -> str:
    for example, variable in WRITTEN.items():
        text = text.replace(example, variable)
    return text


def _identity(name: str) -> str:
    return str(uuid5(NAMESPACE_URL, f"ontime/postman/{name}"))
