"""What runs of a stack and its health, of the native one and of that under Compose alike. Needs no library."""

from collections.abc import Iterator
from dataclasses import dataclass

NOTHING_RUNS = "no stack runs here: `make up` starts it under Docker Compose, `make local` without"


@dataclass(frozen=True)
class ProgramStatus:
    """A program of a stack: a process of the native one, a container under Compose.

    Attributes
    ----------
    state : str
        What the process manager or the engine says: running, starting, backoff, stopped, exited and the like.
    up_seconds : int or None
        None where it does not run.
    problem : str or None
        What its health check found; None = healthy.
    """

    name: str
    state: str
    pid: int | None
    up_seconds: int | None
    problem: str | None


@dataclass(frozen=True)
class StackStatus:
    """A stack: healthy when it runs and every program is.

    Attributes
    ----------
    notes : tuple of str
        What its operator has to do while it is well.
    """

    healthy: bool
    programs: tuple[ProgramStatus, ...]
    notes: tuple[str, ...] = ()


def lines(status: StackStatus) -> Iterator[str]:
    """Return a table: a line of headings, then a line a program; below it the notes."""
    rows = [("program", "state", "pid", "up for", "health")]
    rows += [
        (
            p.name,
            p.state,
            str(p.pid or ""),
            _duration(p.up_seconds),
            " ".join((p.problem or "healthy").split()),
        )
        for p in status.programs
    ]
    widths = [max(len(row[column]) for row in rows) for column in range(4)]
    for row in rows:
        cells = [cell.ljust(width) for cell, width in zip(row[:4], widths, strict=True)]
        yield "  ".join([*cells, row[4]])
    yield from status.notes


def _duration(seconds: int | None) -> str:
    return "" if seconds is None else f"{seconds // 3600}:{seconds // 60 % 60:02d}:{seconds % 60:02d}"
