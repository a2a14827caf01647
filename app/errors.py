"""Errors as application/problem+json (RFC 9457); the only place with status codes."""

from typing import Any

from flask import Flask, Response, g
from werkzeug.exceptions import HTTPException

from app import problem_types as kinds
from app.body import json_response
from app.problem_types import ProblemType
from domain.errors import (
    ConfigurationError,
    Conflict,
    ContractMismatch,
    InvalidInput,
    NotFound,
    NotReady,
    OntimeError,
    SignatureInvalid,
    StaleVersion,
)

KINDS: tuple[tuple[type[OntimeError], ProblemType], ...] = (
    (InvalidInput, kinds.INVALID_INPUT),
    (NotFound, kinds.NOT_FOUND),
    (StaleVersion, kinds.STALE_VERSION),
    (Conflict, kinds.CONFLICT),
    (NotReady, kinds.NOT_READY),
    (ContractMismatch, kinds.CONTRACT_MISMATCH),
    (SignatureInvalid, kinds.SIGNATURE_INVALID),
    (ConfigurationError, kinds.MISCONFIGURED),
)
"""The first that an error is an instance of counts: a kind comes before the one it is a case of."""
BY_HTTP = {
    kind.status: kind
    for kind in (
        kinds.INVALID_JSON,
        kinds.NOT_FOUND,
        kinds.METHOD_NOT_ALLOWED,
        kinds.REQUEST_TIMEOUT,
        kinds.BODY_TOO_LARGE,
        kinds.UNSUPPORTED_MEDIA_TYPE,
        kinds.INTERNAL_ERROR,
        kinds.NOT_READY,
    )
}
RETRY_AFTER_SECONDS = "2"
FAILED = "something failed here; the log has it under the request_id"
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


def problem(kind: ProblemType, detail: str, errors: list[dict[str, Any]] | None = None) -> dict[str, Any]:
    """Describe an error; `errors` names each field and what is expected of it."""
    return _problem(kind.uri, kind.title, kind.status, detail, errors)


def _problem(
    uri: str, title: str, status: int, detail: str, errors: list[dict[str, Any]] | None = None
) -> dict[str, Any]:
    described: dict[str, Any] = {"type": uri, "title": title, "status": status, "detail": detail}
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
        return problem(kinds.INVALID_INPUT, str(error), error.errors)
    if isinstance(error, InvalidInput):
        field = field_error(error.field, error.expected, error.got)
        return problem(kinds.INVALID_INPUT, str(error), [field])
    for kind, described in KINDS:
        if isinstance(error, kind):
            return problem(described, _public(error))
    return problem(kinds.INTERNAL_ERROR, FAILED)


def _public(error: OntimeError) -> str:
    """Return what clients may read: after the colon a part that is away names its inner address."""
    return str(error).partition(": ")[0] if isinstance(error, NotReady) else str(error)


def asked_by() -> dict[str, str | None]:
    """Return what the log says of a request: its id, whose key it came with, its trace where traces are on."""
    said = {"request_id": g.request_id, "key": g.get("key_name")}
    return said | {"trace_id": g.trace_id} if "trace_id" in g else said


def register(app: Flask) -> None:
    """Turn every error of the application into a problem."""

    def ours(error: OntimeError) -> Response:
        described = problem_of(error)
        if isinstance(error, NotReady):
            said = asked_by() | {"reason": str(error)}
            app.logger.warning("request was not answered", extra=said)
        elif described["status"] >= 500:
            app.logger.error("request failed", exc_info=error, extra=asked_by())
        return _respond(described)

    def unauthorized(error: Unauthorized) -> Response:
        response = _respond(problem(kinds.UNAUTHORIZED, str(error)))
        response.headers["WWW-Authenticate"] = 'Bearer realm="ontime"'
        return response

    def forbidden(error: Forbidden) -> Response:
        return _respond(problem(kinds.FORBIDDEN, str(error)))

    def by_http(error: HTTPException) -> Response:
        response = _respond(problem_of_http(error))
        for name, value in error.get_headers():
            if name in ("Allow", "Retry-After"):
                response.headers[name] = value
        return response

    def unexpected(error: Exception) -> Response:
        app.logger.error("request failed", exc_info=error, extra=asked_by())
        return _respond(problem(kinds.INTERNAL_ERROR, FAILED))

    app.register_error_handler(OntimeError, ours)
    app.register_error_handler(Unauthorized, unauthorized)
    app.register_error_handler(Forbidden, forbidden)
    app.register_error_handler(HTTPException, by_http)
    app.register_error_handler(Exception, unexpected)


def problem_of_http(error: HTTPException) -> dict[str, Any]:
    """Describe an error of the web framework; one that is in no catalogue says no more than its status."""
    status, detail = error.code or 500, error.description or error.name
    kind = BY_HTTP.get(status)
    return problem(kind, detail) if kind else _problem(kinds.ABOUT_BLANK, error.name, status, detail)


def _respond(described: dict[str, Any]) -> Response:
    response = json_response(described, described["status"], "application/problem+json")
    if described["status"] == 503:
        response.headers["Retry-After"] = RETRY_AFTER_SECONDS
    return response
