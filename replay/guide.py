"""The API guide's examples: run as a reader would type them, one after the other, on a stack that runs."""

import json
import re
import shlex
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from adapters.settings import PROJECT_ROOT, Settings
from adapters.terminal import Say
from domain.errors import OntimeError

GUIDE = PROJECT_ROOT / "docs" / "api" / "guide.md"
BLOCK = re.compile(r"```(sh|python)\n(.*?)```(?:\n\n```json\n(.*?)```)?", re.DOTALL)
MOST_FIELDS, MOST_ITEMS = 20, 2
"""Shown of a longer answer."""
CUT = "..."
SECONDS = 120
WIDTH = 110


@dataclass(frozen=True)
class Example:
    """A block of the guide and the answer shown below it."""

    language: str
    code: str
    shown: Any
    """None where the block prints nothing."""


def examples(text: str) -> list[Example]:
    """Return the blocks of a guide in their order."""
    return [
        Example(match[1], match[2], json.loads(match[3]) if match[3] else None)
        for match in BLOCK.finditer(text)
    ]


def run(text: str, replaced: Mapping[str, str]) -> list[str]:
    """Run the blocks in one shell, so that one may use what another exported; return what each printed.

    Parameters
    ----------
    replaced : mapping of str
        What the guide says by what holds on the stack that is asked: address, keys, days.

    Raises
    ------
    OntimeError
        If a command fails; with what it said.
    """
    script = ["set -euo pipefail"]
    for example in examples(text):
        is_shell = example.language == "sh"
        code = example.code
        for there, here in replaced.items():
            code = code.replace(there, shlex.quote(here) if is_shell else here)
        python = shlex.quote(sys.executable)
        script += [code if is_shell else f"{python} - <<'END_OF_EXAMPLE'\n{code}END_OF_EXAMPLE"]
        script += [r"printf '\0'"]
    done = subprocess.run(
        ["bash", "-c", "\n".join(script)],
        cwd=PROJECT_ROOT,
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )
    if done.returncode:
        raise OntimeError(f"an example of the guide fails: {done.stdout[-500:]} {done.stderr[-2000:]}")
    return done.stdout.split("\0")[:-1]


def shape(value: Any) -> Any:
    """Return the fields of an answer and the kinds of their values; of a list its first item."""
    if isinstance(value, dict):
        return {name: shape(inner) for name, inner in value.items()}
    if isinstance(value, list):
        return [shape(value[0])] if value else []
    return "number" if type(value) in (int, float) else type(value).__name__


def agrees(shown: Any, got: Any) -> bool:
    """Return whether an answer has the shape of the one that is shown; null agrees with anything, `...` with more."""
    if shown is None or got is None:
        return True
    if isinstance(shown, dict) and isinstance(got, dict):
        missing = set(shown) - set(got) - {CUT}
        more = set(got) - set(shown)
        return (
            not missing
            and (not more or CUT in shown)
            and all(agrees(shown[name], got[name]) for name in set(shown) & set(got))
        )
    if isinstance(shown, list) and isinstance(got, list):
        return not shown or not got or agrees(shown[0], got[0])
    return bool(shape(shown) == shape(got))


def with_answers(text: str, outputs: list[str]) -> str:
    """Put what the blocks printed below them, long ones cut."""
    remaining = iter(outputs)

    def replace(match: re.Match[str]) -> str:
        output = next(remaining).strip()
        block = f"```{match[1]}\n{match[2]}```"
        if not output:
            return block
        return f"{block}\n\n```json\n{_written(_cut(json.loads(output)))}\n```"

    return BLOCK.sub(replace, text)


def write_guide(settings: Settings, say: Say) -> None:
    """Run the guide's examples on the demo's stack, and write their answers into it."""
    replaced = {
        "http://127.0.0.1:8010": settings.api_address,
        "var/demo/secrets/": f"{settings.api_keys_dir}/",
    }
    text = GUIDE.read_text()
    GUIDE.write_text(with_answers(text, run(text, replaced)))
    say(f"{len(examples(text))} examples ran; answers written to {GUIDE.relative_to(PROJECT_ROOT)}")


def _written(value: Any, indent: int = 0) -> str:
    """Return JSON that is on one line where it fits, else a field a line."""
    line = json.dumps(value, ensure_ascii=False)
    if indent + len(line) <= WIDTH or not value or not isinstance(value, dict | list):
        return line
    inner = indent + 1
    if isinstance(value, list):
        parts = [_written(one, inner) for one in value]
    else:
        parts = [f"{json.dumps(name)}: {_written(one, inner + len(name) + 4)}" for name, one in value.items()]
    brackets = "[]" if isinstance(value, list) else "{}"
    return brackets[0] + f",\n{' ' * inner}".join(parts) + brackets[1]


def _cut(value: Any) -> Any:
    if isinstance(value, dict):
        shown = list(value.items())
        kept = shown if len(shown) <= MOST_FIELDS else shown[:4]
        cut = {name: _cut(inner) for name, inner in kept}
        return cut if len(kept) == len(shown) else cut | {CUT: f"{len(shown)} in all"}
    if isinstance(value, list):
        return [_cut(inner) for inner in value[:MOST_ITEMS]]
    return value
