"""The inbox: files dropped into a folder become events; a row that does not fit costs no other row.

A file is read and every value of it checked before its first event is appended. Rows that do not fit are set aside in
`rejected/` as a table with line, column, reason and value, which is taken again once it is mended; the rest counts, and
the file goes to `done/` with a report of what became of its rows. A file with too many such rows, or with another
header, goes to `rejected/` as a whole, with a report; one that cannot be opened or unpacked stays. A file that was
being taken when the process died is still in the inbox, and taking it again adds only what is missing.
"""

import fcntl
import hashlib
import json
import logging
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from data import asos, bts, movements
from data.bad_values import BadFile, BadValue, whole_file
from data.events import DatasetEvents, flight_events_of, no_flight_events, no_weather_events
from data.ingest import Appended, Difference, EventStore, append_events
from data.nycflights13 import CleaningReport
from data.text_files import Unreadable
from data.text_tables import RowsSetAside, TextTable, header_of, lines_of
from domain.errors import ConfigurationError

DONE, REJECTED, UNREADABLE, REPORT = "done", "rejected", "unreadable", ".report.json"
ROWS = ".rows.csv"
LOCK = ".lock"
UNFINISHED = (".part", ".tmp", ".crdownload", REPORT)
"""Endings of files that are still being written, or are no data."""

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class FileReport:
    """What became of one file."""

    file: str
    sha256: str
    status: str
    """done, rejected or unreadable."""
    format: str | None = None
    events: dict[str, int] = field(default_factory=dict)
    """Events the file holds, by kind."""
    accepted: int = 0
    duplicates: int = 0
    conflicts: int = 0
    differences: list[Difference] = field(default_factory=list)
    """The first of the events that say something else than the log did."""
    rows_set_aside: int = 0
    set_aside_in: str | None = None
    """Name in `rejected/` of the table of rows that did not fit."""
    cleaning: dict[str, Any] = field(default_factory=dict)
    summary: str = ""
    """Why the whole file was rejected, where it is not for a single row."""
    errors: list[dict[str, Any]] = field(default_factory=list)
    """The first values that do not fit: of the rows set aside, or of a rejected file."""
    error_count: int = 0
    seconds: float = 0.0

    def line(self) -> str:
        """Return the report as one line."""
        if self.status == UNREADABLE:
            return f"{self.file}: stays in the inbox: {self.errors[0]['reason']}"
        if self.status == REJECTED:
            summary = f"{self.summary}; " if self.summary else ""
            return f"{self.file}: rejected: {summary}{self._errors()}"
        kinds = ", ".join(f"{n:,} {kind}" for kind, n in self.events.items() if n)
        counts = (
            f"{self.accepted:,} accepted, {self.duplicates:,} there already, {self.conflicts:,} in conflict, "
            f"{self.seconds:.1f} s"
        )
        return f"{self.file}: {self.format}: {kinds}; {counts}" + "".join(
            f"; {text}" for text in self._notes()
        )

    def _errors(self) -> str:
        return _shown(self.errors[0]) + (
            f" and {self.error_count - 1:,} more" if self.error_count > 1 else ""
        )

    def _notes(self) -> Iterator[str]:
        if self.rows_set_aside:
            yield f"{self.rows_set_aside:,} rows set aside in {REJECTED}/{self.set_aside_in}: {self._errors()}"
        if blanked := self.cleaning.get("blanked"):
            yield f"readings left out: {_shown(blanked[0])}" + (" and others" if len(blanked) > 1 else "")
        if unknown := self.cleaning.get("unknown_airports"):
            yield f"rows of unknown airports: {', '.join(f'{code} {n:,}' for code, n in unknown.items())}"
        if self.differences:
            first = self.differences[0]
            yield f"differs from the log: {first.event} {first.reason}"


def _shown(error: dict[str, Any]) -> str:
    where = "" if error["row"] is None else f"line {error['row']}, "
    return f"{where}{error['column']}: {error['reason']}, got {error['value']!r}"


class Progress:
    """Hears how the taking goes; this one keeps it to itself."""

    def waits(self, files: Sequence[Path]) -> None:
        """Hear which files will be taken, in that order."""

    def begins(self, file: Path) -> None:
        """Hear that a file is being read."""

    def appended(self, done: int, total: int) -> None:
        """Hear how many events of the file are appended, of how many."""

    def ends(self, report: FileReport) -> None:
        """Hear what became of the file."""


@dataclass(frozen=True)
class FileContent:
    """What a file holds: its format, its events, what the cleaning did, and the rows that did not fit."""

    format: str
    events: DatasetEvents
    cleaning: CleaningReport
    set_aside: RowsSetAside


def take_inbox(
    store: EventStore, folder: Path, most_bad: float, progress: Progress | None = None
) -> list[FileReport]:
    """Take every file that waits in a folder, by name; returns a report a file.

    Parameters
    ----------
    most_bad : float
        Largest share of a file's rows that may be set aside; where more do not fit, the file is refused.
    progress : Progress, optional
        Called for each file, and after each piece.

    Raises
    ------
    ConfigurationError
        If the folder cannot be read or written.
    """
    progress = progress or Progress()
    with _alone(folder):
        files = waiting(folder)
        progress.waits(files)
        reports = [_take(store, path, most_bad, progress) for path in files]
    return [report for report in reports if report is not None]


def waiting(folder: Path) -> list[Path]:
    """Return the files that wait in a folder, by name; those still being written are left out.

    Names are compared without their endings first: `april (1).csv` and `april-corrected.csv` come after `april.csv`,
    which they correct.
    """
    files = (
        path
        for path in folder.iterdir()
        if path.is_file() and not path.name.startswith(".") and not path.name.endswith(UNFINISHED)
    )
    return sorted(files, key=lambda path: (path.name.partition(".")[0], path.name))


def read_file(path: Path, most_bad: float) -> FileContent:
    """Read and validate one file.

    Raises
    ------
    BadFile
        If the file is of no known format, or more rows do not fit than may be.
    Unreadable
        If it cannot be opened or unpacked.
    """
    lines, report = lines_of(path), CleaningReport()
    header = header_of(lines)
    if bts.is_bts(header):
        flights, table = bts.read_flights(lines, report, most_bad)
        events = DatasetEvents(flight_events_of(flights, bts.SOURCE), no_weather_events())
        return _content(bts.SOURCE, events, report, table)
    if movements.is_movements(header):
        flights, table = movements.read_flights(lines, report, most_bad)
        events = DatasetEvents(flight_events_of(flights, movements.SOURCE), no_weather_events())
        return _content(movements.SOURCE, events, report, table)
    if asos.is_asos(header):
        weather, table = asos.read_weather(lines, report, most_bad)
        events = DatasetEvents(no_flight_events(), asos.weather_events(weather))
        return _content(asos.SOURCE, events, report, table)
    expected = (
        "expected the columns of a BTS on-time file (FL_DATE, ...), of an ASOS one (station, valid, ...) or of a "
        "table of movements (scheduled_departure, ...)"
    )
    raise whole_file(expected, ", ".join(sorted(header))[:200], "header")


def _content(name: str, events: DatasetEvents, report: CleaningReport, table: TextTable) -> FileContent:
    if not len(events):
        unknown = f", of the airports {', '.join(report.unknown_airports)}" if report.unknown_airports else ""
        found = f"{sum(report.rows_read.values()):,} rows, none of them usable{unknown}"
        raise whole_file("expected rows of airports in the table", found, "rows")
    return FileContent(name, events, report, table.set_aside())


def read_guarded(path: Path, most_bad: float) -> FileContent:
    """Read one file, as `read_file`; one that the reader did not foresee is a bad one too, and holds up no other."""
    try:
        return read_file(path, most_bad)
    except (BadFile, Unreadable):
        raise
    except Exception as error:
        logger.exception("a file broke its reader", extra={"file": path.name})
        raise whole_file(f"cannot be read: {type(error).__name__}", str(error)[:200]) from error


def _take(store: EventStore, path: Path, most_bad: float, progress: Progress) -> FileReport | None:
    """Take one file; None where somebody writes, replaces or removes it meanwhile: what is there is left for later."""
    try:
        return _taken(store, path, most_bad, progress)
    except FileNotFoundError:
        if path.exists():
            raise
        return None


def _taken(store: EventStore, path: Path, most_bad: float, progress: Progress) -> FileReport | None:
    started, before = time.monotonic(), path.stat()
    progress.begins(path)
    try:
        content = read_guarded(path, most_bad)
    except Unreadable as error:
        if _changed(path, before):
            return None
        report = FileReport(
            path.name, "", UNREADABLE, **BadFile([BadValue(None, "file", str(error), None)]).as_dict()
        )
    except BadFile as error:
        if _changed(path, before):
            return None
        report = _move(path, FileReport(path.name, _sha256(path), REJECTED, **error.as_dict()))
    else:
        if _changed(path, before):
            return None
        appended = append_events(store, content.events, progress.appended)
        if _changed(path, before):
            # What was appended is there; the next time adds only what is missing.
            return None
        report = _move(path, _report(path, content, appended, time.monotonic() - started))
    progress.ends(report)
    return report


def _changed(path: Path, before: Any) -> bool:
    try:
        now = path.stat()
    except FileNotFoundError:
        return True
    return (now.st_ino, now.st_size, now.st_mtime_ns) != (before.st_ino, before.st_size, before.st_mtime_ns)


def _report(path: Path, content: FileContent, appended: Appended, seconds: float) -> FileReport:
    flights = content.events.flight_events
    kinds: dict[Any, Any] = dict(flights["kind"].value_counts()) if len(flights) else {}
    offered = {str(kind): int(n) for kind, n in kinds.items()}
    bad = content.set_aside.bad
    return FileReport(
        file=path.name,
        sha256=_sha256(path),
        status=DONE,
        format=content.format,
        events=offered | {"weather": len(content.events.weather_events)},
        **vars(appended),
        rows_set_aside=len(content.set_aside),
        set_aside_in=_keep_rows(path, content.set_aside) if bad else None,
        cleaning=content.cleaning.as_dict(),
        **(BadFile(bad).as_dict() if bad else {}),
        seconds=round(seconds, 2),
    )


def _keep_rows(path: Path, rows: RowsSetAside) -> str:
    """Write the rows that did not fit beside the rejected files; returns the table's name."""
    target = path.parent / REJECTED / (path.name.removesuffix(ROWS) + ROWS)
    unfinished = target.with_name(target.name + ".part")
    rows.write(unfinished)
    target = _free(target, _sha256(unfinished))
    unfinished.replace(target)
    return target.name


def _move(path: Path, report: FileReport) -> FileReport:
    """Move a file to where its report says; the report first, so that no file is there without one."""
    target = _free(path.parent / report.status / path.name, report.sha256)
    target.with_name(target.name + REPORT).write_text(json.dumps(asdict(report), indent=1) + "\n")
    path.replace(target)
    return report


def _free(target: Path, sha256: str) -> Path:
    """Return a path at which no other content is."""
    if target.exists() and _sha256(target) != sha256:
        return target.with_name(f"{target.stem}-{sha256[:8]}{target.suffix}")
    return target


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Hold the inbox: a flow and a command do not take the same file at once."""
    try:
        for name in (DONE, REJECTED):
            (folder / name).mkdir(parents=True, exist_ok=True)
        lock = (folder / LOCK).open("w")
    except OSError as error:
        expected = "expected a folder that can be read and written"
        raise ConfigurationError(f"inbox_dir: {expected}, got {folder}: {error.strerror}") from error
    with lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
