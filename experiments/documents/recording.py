"""`make recording`: runs `make demo` in a terminal and draws what it printed, when it did, as an animated SVG.

Lines enter at the bottom and scroll up, as in a terminal that is full. Long waits are shortened: the demo's own lines
say how many seconds have passed. Nothing runs in the picture but CSS; who wants no motion sees its end.
"""

import os
import pty
import re
import subprocess
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from html import escape
from itertools import pairwise
from pathlib import Path

from adapters.settings import PROJECT_ROOT
from adapters.terminal import Say
from domain.errors import OntimeError

FILE = PROJECT_ROOT / "docs" / "demo.svg"
COMMAND = ("make", "demo")
COLUMNS, ROWS = 116, 26
LINE, CHARACTER, MARGIN = 18, 7.8, 14
"""Pixels."""
LONGEST_WAIT, SHORTEST_WAIT, END = 1.2, 0.06, 6.0
"""Seconds of the picture: between two lines, and before it begins again."""
CONTROL = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]|\x1b\][^\x07]*\x07")
CHUNK = 65_536


@dataclass(frozen=True)
class Line:
    """A line of a terminal, and the second at which it was whole."""

    second: float
    text: str


def record(say: Say, command: Sequence[str] = COMMAND, file: Path = FILE) -> Path:
    """Run a command to its end and draw its output; return the picture's path.

    Raises
    ------
    OntimeError
        If the command fails: a picture of it would promise too much.
    """
    lines = [Line(0.0, f"$ {' '.join(command)}")]
    terminal, inside = pty.openpty()
    began = time.monotonic()
    # As a person's: neither the make that called this, nor colours.
    environment = {name: value for name, value in os.environ.items() if not name.startswith("MAKE")}
    environment |= {"COLUMNS": str(COLUMNS), "TERM": "xterm", "NO_COLOR": "1"}
    with subprocess.Popen(
        command, cwd=PROJECT_ROOT, stdout=inside, stderr=inside, env=environment
    ) as running:
        os.close(inside)
        for text in _lines(terminal):
            lines.append(Line(time.monotonic() - began, text.replace(f"{PROJECT_ROOT}/", "")))
            say(text)
    os.close(terminal)
    if running.returncode:
        raise OntimeError(f"{' '.join(command)} failed: exit status {running.returncode}")
    file.write_text(drawn(lines), encoding="utf-8")
    return file


def _lines(terminal: int) -> Iterator[str]:
    """Return each line of a terminal as it becomes whole, without colours and cursor movements."""
    rest = b""
    while chunk := _read(terminal):
        *whole, rest = (rest + chunk).split(b"\n")
        for line in whole:
            yield CONTROL.sub("", line.decode(errors="replace")).rstrip().expandtabs()


def _read(terminal: int) -> bytes:
    try:
        return os.read(terminal, CHUNK)
    except OSError:  # the last process that wrote into it has ended
        return b""


def drawn(lines: Sequence[Line]) -> str:
    """Return the animated SVG of some lines."""
    shown = [Line(line.second, text) for line in lines for text in _folded(line.text)]
    moments = list(_moments(shown))
    length = moments[-1] + END
    steps = [f"{100 * at / length:.3f}%{{transform:{_lifted(n)}}}" for n, at in enumerate(moments, 1)]
    text = "\n".join(
        f'<text x="{MARGIN}" y="{(n + 1) * LINE}">{escape(line.text)}</text>' for n, line in enumerate(shown)
    )
    width, height = round(COLUMNS * CHARACTER + 2 * MARGIN), ROWS * LINE + 2 * MARGIN
    return f"""<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" role="img">
<title>A terminal in which {escape(lines[0].text.removeprefix("$ "))} runs</title>
<style>
text {{ font: 13px ui-monospace, Menlo, Consolas, "DejaVu Sans Mono", monospace; fill: #d7dde4; white-space: pre }}
.lines {{ transform: {_lifted(len(shown))}; animation: scroll {length:.1f}s step-end infinite }}
@keyframes scroll {{ 0%{{transform:{_lifted(1)}}} {" ".join(steps)} 100%{{transform:{_lifted(len(shown))}}} }}
@media (prefers-reduced-motion: reduce) {{ .lines {{ animation: none }} }}
</style>
<rect width="{width}" height="{height}" rx="8" fill="#161b22"/>
<svg y="{MARGIN}" width="{width}" height="{ROWS * LINE}"><g class="lines">
{text}
</g></svg>
</svg>
"""


def _folded(text: str) -> list[str]:
    """Return a line as a terminal of so many columns shows it."""
    return [text[at : at + COLUMNS] for at in range(0, len(text), COLUMNS)] or [""]


def _moments(lines: Sequence[Line]) -> Iterator[float]:
    """Return at which second of the picture each line enters: as it came, long waits and short ones evened."""
    at = 0.0
    yield at
    for one, next_one in pairwise(lines):
        at += min(max(next_one.second - one.second, SHORTEST_WAIT), LONGEST_WAIT)
        yield at


def _lifted(entered: int) -> str:
    """Return the shift that shows so many lines, the newest at the bottom."""
    return f"translateY({(ROWS - entered) * LINE - LINE // 4}px)"
