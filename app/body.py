"""Bodies in and out: orjson, strict about what JSON is."""

from datetime import UTC, datetime
from typing import Any

import orjson
from flask import Response, request
from werkzeug.exceptions import BadRequest, ClientDisconnected, RequestTimeout, UnsupportedMediaType

from domain.clock import ClockReading


def read_json() -> dict[str, Any]:
    """Return the request's body as an object.

    Raises
    ------
    UnsupportedMediaType
        If it is not declared as JSON.
    BadRequest
        If it is no JSON object; NaN and Infinity are no JSON.
    RequestTimeout
        If the client stops sending it.
    """
    if request.mimetype != "application/json":
        raise UnsupportedMediaType("expected a body of type application/json")
    try:
        content = request.get_data()
    except ClientDisconnected as error:
        if not isinstance(error.__cause__ or error.__context__, TimeoutError):
            raise
        raise RequestTimeout("the rest of the body did not come") from error
    try:
        body = orjson.loads(content)
    except orjson.JSONDecodeError as error:
        raise BadRequest(f"expected a JSON object: {error}") from error
    if not isinstance(body, dict):
        raise BadRequest("expected a JSON object")
    return body


def json_response(body: Any, status: int = 200, mimetype: str = "application/json") -> Response:
    """Return a response with a JSON body; NaN is written as null."""
    return Response(orjson.dumps(body, option=orjson.OPT_SERIALIZE_NUMPY), status=status, mimetype=mimetype)


def timestamp(moment: datetime) -> str:
    """Return ISO 8601 in UTC with Z."""
    return moment.astimezone(UTC).replace(tzinfo=None).isoformat(timespec="seconds") + "Z"


def clock_body(reading: ClockReading) -> dict[str, str]:
    """Return the stack's clock as every answer carries it."""
    return {"now": timestamp(reading.now), "mode": reading.mode}


def status_of_items(statuses: list[int]) -> int:
    """Return the status of a batch: 200 all good, 207 mixed, 422 none valid."""
    good = sum(status < 400 for status in statuses)
    if good == len(statuses):
        return 200
    return 207 if good else 422
