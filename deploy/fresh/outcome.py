"""What came of each machine: the closing line of pytest, the table, the measured file."""

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from adapters.atomic_write import atomic_write

CLOSING = re.compile(r"\b\d+ (?:passed|failed|errors?|skipped)\b.* in [\d.]+s\b")
COUNT = re.compile(r"(\d+) (passed|failed|error|skipped)")
COLOUR = re.compile(r"\x1b\[[\d;]*m")
COUNTED = ("passed", "failed", "errors", "skipped")


@dataclass
class Row:
    """One machine; None stands for what was not reached or not asked for."""

    machine: str
    python: str | None = None
    prepare_seconds: int | None = None
    demo_seconds: int | None = None
    demo_cpu_seconds: int | None = None
    test_seconds: int | None = None
    test_cpu_seconds: int | None = None
    passed: int | None = None
    failed: int | None = None
    errors: int | None = None
    skipped: int | None = None
    problem: str | None = None

    def count(self, counts: Mapping[str, int]) -> None:
        """Take over what pytest counted."""
        self.passed, self.failed, self.errors, self.skipped = (counts[name] for name in COUNTED)


def closing_counts(lines: Iterable[str]) -> dict[str, int] | None:
    """Return what pytest's closing line counts; None where no line is one."""
    found = None
    for line in (COLOUR.sub("", line) for line in lines):
        if CLOSING.search(line):
            counts = {name: int(number) for number, name in COUNT.findall(line)}
            counts["errors"] = counts.pop("error", 0)
            found = {name: counts.get(name, 0) for name in COUNTED}
    return found


def problem_of_tests(exit_status: int, counts: Mapping[str, int] | None) -> str | None:
    """Return what keeps a test run from counting as passed; a skipped test is a problem: here everything must run."""
    if counts is None:
        return f"make test ended with {exit_status} and counted nothing"
    wrong = [f"{counts[name]} {name}" for name in ("failed", "errors", "skipped") if counts[name]]
    if wrong:
        return f"make test: {', '.join(wrong)}"
    if not counts["passed"]:
        return "make test: nothing ran"
    return f"make test ended with {exit_status}" if exit_status else None


HEADERS = (
    "machine",
    "Python",
    "demo s",
    "CPU s",
    "test s",
    "CPU s",
    "passed",
    "failed",
    "errors",
    "skipped",
    "result",
)


def table(rows: Sequence[Row]) -> str:
    """Return the rows as an aligned table."""
    cells = [HEADERS, *(_cells(row) for row in rows)]
    widths = [max(len(line[i]) for line in cells) for i in range(len(HEADERS))]
    return "\n".join(_line(line, widths) for line in cells)


def _cells(row: Row) -> tuple[str, ...]:
    values = (
        row.machine, row.python, row.demo_seconds, row.demo_cpu_seconds, row.test_seconds, row.test_cpu_seconds,
        row.passed, row.failed, row.errors, row.skipped, row.problem or "ok",
    )  # fmt: skip
    return tuple("-" if value is None else str(value) for value in values)


def _line(cells: Sequence[str], widths: Sequence[int]) -> str:
    # Words to the left, numbers to the right; the last column is as long as it is.
    first, *numbers, last = cells
    middle = [cell.rjust(width) for cell, width in zip(numbers, widths[1:-1], strict=True)]
    return "  ".join([first.ljust(widths[0]), *middle, last])


def write(path: Path, about: Mapping[str, object], rows: Sequence[Row]) -> None:
    """Write what was measured, as a whole or not at all."""
    with atomic_write(path) as unfinished:
        unfinished.write_text(
            json.dumps({**about, "machines": [asdict(row) for row in rows]}, indent=1) + "\n"
        )
