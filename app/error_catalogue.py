"""The error catalogue as a page: docs/api/errors.md."""

from app.problem_types import PROBLEM_TYPES, ProblemType

INTRODUCTION = """\
# Errors

<!-- written by `make api-docs` from app/problem_types.py -->

An error is `application/problem+json` ([RFC 9457](https://www.rfc-editor.org/rfc/rfc9457)):

| field | what it says |
|---|---|
| `type` | the kind of problem: the path of its page, as below; `about:blank` where the status says all |
| `title` | the kind in a few words; it never changes, so programs may compare it, `type` is better |
| `status` | the HTTP status again |
| `detail` | what happened this time |
| `errors` | where input does not fit: each `field` with its path, what was `expected`, and what it `got` |
| `request_id` | the log has the request under it; also the header `X-Request-ID`, which a client may set |

In a batch the problem of an item is in the item; the others are answered. A problem marked "repeat" may be gone when
the same request is sent again.
"""


def error_catalogue() -> str:
    """Return the page."""
    rows = "\n".join(_row(kind) for kind in PROBLEM_TYPES)
    entries = "\n".join(_entry(kind) for kind in PROBLEM_TYPES)
    return f"{INTRODUCTION}\n| status | type | title | |\n|---|---|---|---|\n{rows}\n\n{entries}"


def _row(kind: ProblemType) -> str:
    repeat = "repeat" if kind.retryable else ""
    return f"| {kind.status} | [`{kind.uri}`](#{kind.name}) | {kind.title} | {repeat} |"


def _entry(kind: ProblemType) -> str:
    return f"## {kind.name}\n\n**{kind.status} {kind.title}.** {kind.meaning}\n\nWhat to do: {kind.remedy}\n"
