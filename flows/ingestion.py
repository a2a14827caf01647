"""Take in files of the inbox, and the dataset where it is asked for: the flow's steps, and what the command does."""

import os
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from datetime import datetime
from pathlib import Path

from adapters.clock_store import ClockStore
from adapters.event_store import EventStore
from adapters.postgres import Database
from adapters.settings import Settings
from adapters.terminal import Say, event_progress
from data import inbox
from data.inbox import FileReport, take_inbox, waiting
from data.ingest import IngestReport
from data.ingest import ingest as read_dataset
from data.ingest_report import write_report
from domain.errors import InvalidInput

LOOK_SECONDS = 2.0
REPORT = "ingest.json"
Looks = frozenset[tuple[str, int, int]]


def append_dataset(
    events: EventStore,
    moment: datetime,
    settings: Settings,
    progress: Callable[[int, int], None] | None = None,
) -> IngestReport:
    """Append the dataset's events known by a moment; write the report."""
    report = read_dataset(events, moment, cache_dir=settings.state_dir / "data", progress=progress)
    write_report(settings.reports_dir / REPORT, report, [])
    return report


def take_files(
    events: EventStore, settings: Settings, progress: inbox.Progress | None = None
) -> list[FileReport]:
    """Take the files that wait in the inbox; write the report."""
    files = take_inbox(events, settings.inbox_dir, settings.inbox_bad_row_share, progress)
    write_report(settings.reports_dir / REPORT, None, files)
    return files


def ingest(settings: Settings, dataset: bool, until: datetime | None, watch: bool, say: Say) -> None:
    """Ingest the dataset where asked for, then the inbox; watching, stay until interrupted.

    Raises
    ------
    InvalidInput
        If `until` is given without the dataset: files are taken as a whole.
    """
    if until is not None and not dataset:
        raise InvalidInput("--until", "--dataset beside it: files of the inbox are taken as a whole")
    if dataset:
        ingest_dataset(settings, until, say)
    there = _looks(settings.inbox_dir)
    ingest_inbox(settings, say)
    if watch:
        say(f"watching {settings.inbox_dir}; Ctrl-C ends")
        try:
            watch_inbox(settings, say, threading.Event(), there=there)
        except KeyboardInterrupt:
            say("no longer watching")


def ingest_dataset(settings: Settings, until: datetime | None, say: Say) -> None:
    """Append the dataset's events known by a moment, the clock's by default; say what became of them."""
    database = Database.from_settings(settings)
    try:
        moment = until or ClockStore(database).read().now
        report = append_dataset(EventStore(database), moment, settings, event_progress(say))
    finally:
        database.close()
    for line in report.lines():
        say(line)


def ingest_inbox(settings: Settings, say: Say) -> list[FileReport]:
    """Take the files that wait in the inbox, and say what became of each."""
    database = Database.from_settings(settings)
    try:
        files = take_files(EventStore(database), settings, ToldProgress(say))
    finally:
        database.close()
    say(_total(files) if files else f"nothing waits in {settings.inbox_dir}")
    return files


def watch_inbox(
    settings: Settings,
    say: Say,
    stop: threading.Event,
    pause: float = LOOK_SECONDS,
    there: Looks = frozenset(),
) -> None:
    """Take files as they come, until asked to stop; one that still grows, or was left there, is not touched.

    Parameters
    ----------
    there
        The files that an earlier look saw, and that were tried since: what of them still waits was left there.
    """
    before = _looks(settings.inbox_dir)
    left = before & there
    while not stop.wait(pause):
        now = _looks(settings.inbox_dir)
        if now == before and now - left:
            ingest_inbox(settings, say)
            # A file that came meanwhile was not tried yet.
            left = _looks(settings.inbox_dir) & now
        before = now


def _looks(folder: Path) -> Looks:
    """Return name, size and time of change of each file that waits; nothing of a folder that is not there yet."""
    if not folder.exists():
        return frozenset()
    stats = _stats(waiting(folder))
    return frozenset((name, stat.st_size, stat.st_mtime_ns) for name, stat in stats)


def _stats(files: Sequence[Path]) -> Iterator[tuple[str, os.stat_result]]:
    """Return name and state of each file that is still there."""
    for path in files:
        with suppress(FileNotFoundError):
            yield path.name, path.stat()


def _total(files: Sequence[FileReport]) -> str:
    done = sum(file.status == inbox.DONE for file in files)
    accepted, aside = sum(file.accepted for file in files), sum(file.rows_set_aside for file in files)
    seconds = sum(file.seconds for file in files)
    return f"{done} of {len(files)} files taken: {accepted:,} new events, {aside:,} rows set aside, {seconds:.1f} s"


class ToldProgress(inbox.Progress):
    """Says which file is read, what became of it, and how long the rest may take."""

    def __init__(self, say: Say):
        self._say, self._started = say, time.monotonic()
        self._sizes: dict[str, int] = {}
        self._done = 0.0
        self._reading = ""

    def waits(self, files: Sequence[Path]) -> None:
        """Remember what there is to do."""
        gone = dict.fromkeys((path.name for path in files), 0)
        self._sizes = gone | {name: stat.st_size for name, stat in _stats(files)}

    def begins(self, file: Path) -> None:
        """Say which file is read, and which of how many it is."""
        self._reading = file.name
        position = list(self._sizes).index(file.name) + 1
        size = self._sizes[file.name] / 1e6
        self._say(f"reading {file.name}, {size:.1f} MB, {position} of {len(self._sizes)}{self._left(0.0)}")

    def appended(self, done: int, total: int) -> None:
        """Say how far a long file is."""
        if done < total:
            share = done / total * self._sizes[self._reading]
            self._say(f"  {done:,} of {total:,} events{self._left(share)}")

    def ends(self, report: FileReport) -> None:
        """Say what became of a file."""
        self._done += self._sizes[report.file]
        self._say(report.line())

    def _left(self, more: float) -> str:
        """Return what the files so far took, carried on over the bytes that are left."""
        done, total = self._done + more, sum(self._sizes.values())
        if not done:
            return ""
        return f", {(time.monotonic() - self._started) * (total - done) / done:.0f} s left"
