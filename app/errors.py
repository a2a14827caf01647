"""Errors as application/problem+json (RFC 9457); the only place with status codes."""

from typing import Any

from flask import Flask, Response, g
from werkzeug.exceptions import HTTPException

from app.body import json_response
from domain.errors import (
    ConfigurationError,
    Conflict,
    ContractMismatch,
    InvalidInput,
    NotFound,
    NotReady,
    OntimeError,
    SignatureInvalid,
)

STATUS: tuple[tuple[type[OntimeError], int, str], ...] = (
    (InvalidInput, 422, "Input does not fit"),
    (NotFound, 404, "Not found"),
    (Conflict, 409, "Conflict"),
    (NotReady, 503, "Not ready"),
    (ContractMismatch, 409, "Conflict"),
    (SignatureInvalid, 409, "Conflict"),
    (ConfigurationError, 500, "Misconfigured"),
)
RETRY_AFTER_SECONDS = "2"
SHOWN = 100
"""Characters of a refused text that an answer repeats."""


class Unauthorized(OntimeError):  # noqa: N818  named like its kin in domain.errors
    """There is no valid key."""


class Forbidden(OntimeError):  # noqa: N818
    """The key is valid but lacks the scope."""


class InvalidBody(InvalidInput):
    """Several fields do not fit."""

    def __init__(self, errors: list[dict[str, Any]]):
        self.errors = errors
        super().__init__(errors[0]["field"], errors[0]["expected"])


def problem(
    status: int, title: str, detail: str, errors: list[dict[str, Any]] | None = None
) -> dict[str, Any]:
    """Describe an error; `errors` names each field and what is expected of it."""
    described: dict[str, Any] = {"type": "about:blank", "title": title, "status": status, "detail": detail}
    if errors:
        described["errors"] = errors
    return described | {"request_id": g.request_id}


def field_error(field: str, expected: str, got: object = None) -> dict[str, Any]:
    """Describe what is wrong with a field; `got` is shown where it is a plain value."""
    described: dict[str, Any] = {"field": field, "expected": expected}
    if isinstance(got, str):
        return described | {"got": got[:SHOWN]}
    return described | {"got": got} if isinstance(got, bool | int | float) else described


def problem_of(error: OntimeError) -> dict[str, Any]:
    """Describe one of our own errors."""
    if isinstance(error, InvalidBody):
        return problem(422, "Input does not fit", str(error), error.errors)
    if isinstance(error, InvalidInput):
        field = field_error(error.field, error.expected, error.got)
        return problem(422, "Input does not fit", str(error), [field])
    for kind, status, title in STATUS:
        if isinstance(error, kind):
            return problem(status, title, _public(error))
    return problem(500, "Internal error", "something failed here; the log has it under the request_id")


def _public(error: OntimeError) -> str:
    """Return what clients may read: after the colon a part that is away names its inner address."""
    return str(error).partition(": ")[0] if isinstance(error, NotReady) else str(error)


def register(app: Flask) -> None:
    """Turn every error of the application into a problem."""

    def ours(error: OntimeError) -> Response:
        if isinstance(error, NotReady):
            said = {"request_id": g.request_id, "reason": str(error)}
            app.logger.warning("request was not answered", extra=said)
        return _respond(problem_of(error))

    def unauthorized(error: Unauthorized) -> Response:
        response = _respond(problem(401, "No valid key", str(error)))
        response.headers["WWW-Authenticate"] = 'Bearer realm="ontime"'
        return response

    def forbidden(error: Forbidden) -> Response:
        return _respond(problem(403, "Scope missing", str(error)))

    def by_http(error: HTTPException) -> Response:
        response = _respond(problem(error.code or 500, error.name, error.description or error.name))
        for name, value in error.get_headers():
            if name in ("Allow", "Retry-After"):
                response.headers[name] = value
        return response

    def unexpected(error: Exception) -> Response:
        app.logger.error("request failed", exc_info=error, extra={"request_id": g.request_id})
        return _respond(
            problem(500, "Internal error", "something failed here; the log has it under the request_id")
        )

    app.register_error_handler(OntimeError, ours)
    app.register_error_handler(Unauthorized, unauthorized)
    app.register_error_handler(Forbidden, forbidden)
    app.register_error_handler(HTTPException, by_http)
    app.register_error_handler(Exception, unexpected)


def _respond(described: dict[str, Any]) -> Response:
    response = json_response(described, described["status"], "application/problem+json")
    if described["status"] == 503:
        response.headers["Retry-After"] = RETRY_AFTER_SECONDS
    return response
