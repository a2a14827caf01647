"""The catalogue of problem types (RFC 9457): what went wrong, what it means and what a client does about it.

`docs/api/errors.md` and the pages below /problems/ are written from it.
"""

from dataclasses import dataclass

BASE = "/problems/"
"""Where a type's page is; its URI is relative, so it holds behind any gateway."""
ABOUT_BLANK = "about:blank"
"""RFC 9457's type of a problem that says no more than its status."""


@dataclass(frozen=True)
class ProblemType:
    """A kind of problem."""

    name: str
    status: int
    title: str
    meaning: str
    remedy: str
    retryable: bool = False
    """Whether the same request may succeed later, unchanged."""

    @property
    def uri(self) -> str:
        """Return the type's URI, which is also the path of its page."""
        return BASE + self.name


INVALID_JSON = ProblemType(
    "invalid-json", 400, "Body is not a JSON object",
    "The body cannot be read as JSON, or is JSON of another kind than an object. NaN and Infinity are no JSON.",
    "Send one JSON object, encoded in UTF-8.",
)  # fmt: skip
UNAUTHORIZED = ProblemType(
    "unauthorized", 401, "No valid key",
    "There is no key in the request, or the key is unknown or revoked.",
    "Send a key as `Authorization: Bearer <key>` or `X-API-Key: <key>`. A new key is known within two seconds.",
)  # fmt: skip
FORBIDDEN = ProblemType(
    "forbidden", 403, "Scope missing",
    "The key is valid and lacks the scope that the operation needs.",
    "Use a key with the scope that `detail` names.",
)  # fmt: skip
NOT_FOUND = ProblemType(
    "not-found", 404, "Not found",
    "There is no such path, or nothing is recorded under the name or number that the path holds.",
    "Check the path. A prediction can be read as soon as it was answered; a list shows it a few seconds later.",
)  # fmt: skip
METHOD_NOT_ALLOWED = ProblemType(
    "method-not-allowed", 405, "Method not allowed",
    "The path exists, but not with this method.",
    "Use a method of the header `Allow`.",
)  # fmt: skip
CONFLICT = ProblemType(
    "conflict", 409, "Conflict",
    "The request contradicts what is recorded: another label of the same flight that does not say that it is a "
    "correction, a revised event that is not known later than the stored one, a version that is champion already.",
    "Read what is recorded and decide. A label that replaces another one carries `\"correction\": true`.",
)  # fmt: skip
STALE_VERSION = ProblemType(
    "stale-version", 409, "Another version is champion",
    "The champion is not the version that `expected_version` names: somebody was faster. Nothing was changed.",
    "Read `GET /v1/model` and decide again.",
)  # fmt: skip
CONTRACT_MISMATCH = ProblemType(
    "contract-mismatch", 409, "Model needs other features",
    "The model version was trained on features other than those this release computes, so it cannot serve here.",
    "Promote a version with the contract of `GET /v1/model`, or retrain.",
)  # fmt: skip
SIGNATURE_INVALID = ProblemType(
    "signature-invalid", 409, "Model files were changed",
    "The files of the model version are not those that training signed. Nothing was changed.",
    "Do not promote it. Find out who changed the files; the runbook has an entry.",
)  # fmt: skip
BODY_TOO_LARGE = ProblemType(
    "body-too-large", 413, "Body is too large",
    "The body has more than 4 MiB.",
    "Send fewer items a request: up to 1,000 flights or labels, up to 5,000 events.",
)  # fmt: skip
REQUEST_TIMEOUT = ProblemType(
    "request-timeout", 408, "Body did not come",
    "The rest of the body did not come within five seconds.",
    "Send the body at once; the same request may be sent again.",
    retryable=True,
)  # fmt: skip
TOO_MANY_REQUESTS = ProblemType(
    "too-many-requests", 429, "Too many requests",
    "The key, or the address, sends more requests a second than the gateway lets it, by the settings KEY_RATE and "
    "ADDRESS_RATE; or the address sends more than sixteen bodies at a time that are over 1 MB or do not say how long "
    "they are. Sent by the gateway.",
    "Try again after the seconds of the header `Retry-After`; ask about many flights in one request, and say its "
    "length.",
    retryable=True,
)  # fmt: skip
UNSUPPORTED_MEDIA_TYPE = ProblemType(
    "unsupported-media-type", 415, "Body is not declared as JSON",
    "The header `Content-Type` does not say application/json.",
    "Send `Content-Type: application/json`.",
)  # fmt: skip
INVALID_INPUT = ProblemType(
    "invalid-input", 422, "Input does not fit",
    "A field of the body or a parameter does not fit. `errors` names each with its path, what is expected, and what "
    "was there.",
    "Change the fields that `errors` names. Of a batch only the named items are refused.",
)  # fmt: skip
INTERNAL_ERROR = ProblemType(
    "internal-error", 500, "Internal error",
    "Something failed inside. The log has the details under `request_id`.",
    "Report the `request_id`. An event or a label may be sent again: a duplicate is recognised.",
)  # fmt: skip
MISCONFIGURED = ProblemType(
    "misconfigured", 500, "Misconfigured",
    "A setting of the installation is missing or wrong; `detail` names it.",
    "Tell whoever operates the stack.",
)  # fmt: skip
NOT_READY = ProblemType(
    "not-ready", 503, "Not ready",
    "A part that the answer needs is not there yet, or does not answer now. Nothing was changed.",
    "Try again after the seconds of the header `Retry-After`. `GET /health/ready` says which part it is.",
    retryable=True,
)  # fmt: skip
OVERLOADED = ProblemType(
    "overloaded", 503, "Too many requests wait",
    "So many requests wait for an answer that this one would have come too late. It was not read.",
    "Try again after the seconds of the header `Retry-After`, at growing intervals.",
    retryable=True,
)  # fmt: skip
NO_REPLICA = ProblemType(
    "no-replica", 503, "No replica answers",
    "The gateway reached no replica of the API. Sent by the gateway.",
    "Try again after the seconds of the header `Retry-After`.",
    retryable=True,
)  # fmt: skip

PROBLEM_TYPES: tuple[ProblemType, ...] = (
    INVALID_JSON, UNAUTHORIZED, FORBIDDEN, NOT_FOUND, METHOD_NOT_ALLOWED, CONFLICT, STALE_VERSION, CONTRACT_MISMATCH,
    SIGNATURE_INVALID, REQUEST_TIMEOUT, BODY_TOO_LARGE, UNSUPPORTED_MEDIA_TYPE, INVALID_INPUT, TOO_MANY_REQUESTS,
    INTERNAL_ERROR, MISCONFIGURED, NOT_READY, OVERLOADED, NO_REPLICA,
)  # fmt: skip
BY_NAME = {kind.name: kind for kind in PROBLEM_TYPES}
