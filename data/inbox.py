"""The inbox: files dropped into a folder become events, each whole or not at all.

A file is read and every value of it checked before its first event is appended; a bad one goes to `rejected/` with a
report that names line, column, reason and value; a good one to `done/` with a report of what became of its rows. A
file that was being taken when the process died is still in the inbox, and taking it again adds only what is missing.
"""

import fcntl
import hashlib
import json
import logging
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd

from data import asos, bts
from data.events import DatasetEvents, flight_events_of
from data.ingest import AppendCounts, EventStore, append_events
from data.nycflights13 import CleaningReport
from data.text_tables import BadFile, header_of, whole_file

DONE, REJECTED, REPORT = "done", "rejected", ".report.json"
LOCK = ".lock"
UNFINISHED = (".part", ".tmp", ".crdownload", REPORT)
"""Endings of files that are still being written, or are no data."""

Progress = Callable[[int, int], None]
logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class FileReport:
    """What became of one file."""

    file: str
    sha256: str
    status: str
    """done or rejected."""
    format: str | None = None
    events: dict[str, int] = field(default_factory=dict)
    """Events the file holds, by kind."""
    accepted: int = 0
    duplicates: int = 0
    conflicts: int = 0
    first_conflict: str | None = None
    cleaning: dict[str, Any] = field(default_factory=dict)
    errors: list[dict[str, Any]] = field(default_factory=list)
    error_count: int = 0
    seconds: float = 0.0

    def line(self) -> str:
        """Give the report as one line."""
        if self.status == REJECTED:
            first = self.errors[0]
            where = "" if first["row"] is None else f"line {first['row']}, "
            more = f" and {self.error_count - 1:,} more" if self.error_count > 1 else ""
            return f"{self.file}: rejected: {where}{first['column']}: {first['reason']}, got {first['value']!r}{more}"
        kinds = ", ".join(f"{n:,} {kind}" for kind, n in self.events.items() if n)
        return (
            f"{self.file}: {self.format}: {kinds}; {self.accepted:,} accepted, {self.duplicates:,} there already, "
            f"{self.conflicts:,} in conflict, {self.seconds:.1f} s"
        )


def take_inbox(store: EventStore, folder: Path, progress: Progress | None = None) -> list[FileReport]:
    """Take every file that waits in a folder, oldest name first; gives a report a file.

    Parameters
    ----------
    progress : callable, optional
        Told after each piece how many events of a file are done, of how many.
    """
    for name in (DONE, REJECTED):
        (folder / name).mkdir(parents=True, exist_ok=True)
    with _alone(folder):
        reports = [_take(store, path, progress or (lambda done, total: None)) for path in waiting(folder)]
    return [report for report in reports if report is not None]


def waiting(folder: Path) -> list[Path]:
    """Files that wait in a folder, by name; those still being written are left out."""
    return sorted(
        path
        for path in folder.iterdir()
        if path.is_file() and not path.name.startswith(".") and not path.name.endswith(UNFINISHED)
    )


def read_file(path: Path) -> tuple[str, DatasetEvents, CleaningReport]:
    """Read and validate one file: its format, its events, and what the cleaning did.

    Raises
    ------
    BadFile
        If the file is of no known format, or any value of it does not fit.
    """
    header, report = header_of(path), CleaningReport()
    nothing = pd.DataFrame()
    if bts.is_bts(header):
        flights = bts.read_flights(path, report)
        _require_rows(len(flights), report)
        return bts.SOURCE, DatasetEvents(flight_events_of(flights, bts.SOURCE), nothing), report
    if asos.is_asos(header):
        weather = asos.read_weather(path, report)
        _require_rows(len(weather), report)
        return asos.SOURCE, DatasetEvents(nothing, asos.weather_events(weather)), report
    expected = (
        "expected the columns of a BTS on-time file (FL_DATE, ...) or of an ASOS one (station, valid, ...)"
    )
    raise whole_file(expected, ", ".join(sorted(header))[:200], "header")


def _read(path: Path) -> tuple[str, DatasetEvents, CleaningReport]:
    """Read one file; one that the reader did not foresee is a bad one too, and holds up no other."""
    try:
        return read_file(path)
    except (BadFile, OSError):
        raise
    except Exception as error:
        logger.exception("a file broke its reader", extra={"file": path.name})
        raise whole_file(f"cannot be read: {type(error).__name__}", str(error)[:200]) from error


def _require_rows(kept: int, report: CleaningReport) -> None:
    if not kept:
        read = sum(report.rows_read.values())
        raise whole_file(
            "expected rows of airports in the table", f"{read} rows, none of them usable", "rows"
        )


def _take(store: EventStore, path: Path, progress: Progress) -> FileReport | None:
    started, before = time.monotonic(), path.stat()
    try:
        name, events, cleaning = _read(path)
    except BadFile as error:
        if _changed(path, before):
            return None
        report = FileReport(path.name, _sha256(path), REJECTED, **error.as_dict())
        return _set_aside(path, report)
    if _changed(path, before):
        return None
    counts = append_events(store, events, progress)
    report = _report(path, name, events, counts, cleaning, time.monotonic() - started)
    return _set_aside(path, report)


def _changed(path: Path, before: Any) -> bool:
    """Whether somebody is still writing the file: it is then left for the next time."""
    now = path.stat()
    return (now.st_size, now.st_mtime_ns) != (before.st_size, before.st_mtime_ns)


def _report(
    path: Path,
    name: str,
    events: DatasetEvents,
    counts: list[AppendCounts],
    cleaning: CleaningReport,
    seconds: float,
) -> FileReport:
    flights = events.flight_events
    kinds: dict[Any, Any] = dict(flights["kind"].value_counts()) if len(flights) else {}
    offered = {str(kind): int(n) for kind, n in kinds.items()} | {"weather": len(events.weather_events)}
    return FileReport(
        file=path.name,
        sha256=_sha256(path),
        status=DONE,
        format=name,
        events=offered,
        accepted=sum(c.accepted for c in counts),
        duplicates=sum(c.duplicates for c in counts),
        conflicts=sum(c.conflicts for c in counts),
        first_conflict=next((c.first_conflict for c in counts if c.first_conflict), None),
        cleaning=cleaning.as_dict(),
        seconds=round(seconds, 2),
    )


def _set_aside(path: Path, report: FileReport) -> FileReport:
    """Move a file to where its report says; the report first, so that no file is there without one."""
    target = path.parent / report.status / path.name
    if target.exists() and _sha256(target) != report.sha256:
        target = target.with_name(f"{path.stem}-{report.sha256[:8]}{path.suffix}")
    target.with_name(target.name + REPORT).write_text(json.dumps(asdict(report), indent=1) + "\n")
    path.replace(target)
    return report


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Hold the inbox: a flow and a command do not take the same file at once."""
    with (folder / LOCK).open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
