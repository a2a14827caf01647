"""README's answer: the demo's stack is asked README's question, and its words are written there and kept."""

import json
from typing import Any

from adapters.settings import PROJECT_ROOT, Settings
from adapters.terminal import Say
from domain.errors import OntimeError
from replay.client import ApiClient, api_client, require

README = PROJECT_ROOT / "README.md"
KEPT = PROJECT_ROOT / "docs" / "reports" / "measured" / "answer.json"
BEGINS, ENDS = "<!-- answer: written by `make readme` -->", "<!-- /answer -->"
QUESTION = {
    "carrier": "UA", "flight": 272, "origin": "EWR", "dest": "ORD",
    "scheduled_departure": "2013-04-11T14:50:00Z", "scheduled_arrival": "2013-04-11T17:24:00Z",
}  # fmt: skip
ASKED_AT = "2013-04-11T12:00:00Z"
"""Where the clock stands after the demo."""


def ask(api: ApiClient) -> dict[str, Any]:
    """Ask README's question of a stack that has replayed the demo.

    Raises
    ------
    OntimeError
        If the stack's clock stands elsewhere.
    """
    answer: dict[str, Any] = require(api.post("/v1/predictions", QUESTION, "predict"), 200).body
    if answer["as_of"] != ASKED_AT:
        raise OntimeError(
            f"README's question is asked at {ASKED_AT}, after the demo; the clock says {answer['as_of']}"
        )
    return answer


def write_answer(settings: Settings, say: Say) -> None:
    """Ask, keep the answer beside the other figures, and write it into README."""
    answer = ask(api_client(settings))
    KEPT.write_text(json.dumps(answer, indent=1) + "\n")
    README.write_text(with_answer(README.read_text(), answer))
    say(f"probability {answer['probability']}, written to README.md and {KEPT.relative_to(PROJECT_ROOT)}")


def with_answer(text: str, answer: dict[str, Any]) -> str:
    """Put an answer between README's two marks, a line a field."""
    before, rest = text.split(BEGINS)
    _, after = rest.split(ENDS)
    fields = ",\n ".join(f"{json.dumps(name)}: {json.dumps(value)}" for name, value in answer.items())
    return f"{before}{BEGINS}\n\n```json\n{{{fields}}}\n```\n\n{ENDS}{after}"
