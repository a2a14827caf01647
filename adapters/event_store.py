"""The event log: everything that became known, and since when. Append only."""

from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from adapters import fact_queries
from adapters.binary_copy import Columns, send
from adapters.event_columns import (
    FLIGHT_WIDTHS,
    WEATHER_WIDTHS,
    columns_of_flight_events,
    columns_of_frame,
    columns_of_weather_events,
)
from adapters.postgres import Cursor, Database, query
from adapters.sealing import LOADING_LOCK, REACH, share_seal
from domain.events import FlightEvent, Outcome, WeatherEvent
from domain.flights import FlightFacts, WeatherFacts

CHANNEL = "events"
ACCEPTED = Outcome("accepted")
DUPLICATE = Outcome("duplicate")
Key = tuple[Any, Any]
"""Flight and kind, or airport and hour of observation."""


@dataclass(frozen=True)
class AppendCounts:
    """What became of the rows of a frame."""

    accepted: int
    duplicates: int
    conflicts: int
    differing: tuple[tuple[int, str], ...] = ()
    """Each row that says something else than what was stored, revisions and conflicts: its position, and how."""


@dataclass(frozen=True)
class UpcomingFlight:
    """A flight that is scheduled and has neither left nor been called off."""

    flight_id: str
    carrier: str
    flight: int
    origin: str
    dest: str
    scheduled_departure: datetime
    scheduled_arrival: datetime


@dataclass(frozen=True)
class FlightFact:
    """One event of a flight, and when it became known; what its kind does not tell is None."""

    kind: str
    event_time: datetime
    known_at: datetime
    carrier: str | None
    flight: int | None
    origin: str | None
    dest: str | None
    scheduled_departure: datetime | None
    scheduled_arrival: datetime | None
    delay_minutes: int | None
    tail: str | None
    source: str


class EventStore:
    """Appends events and reads them back as facts.

    An event's key is flight and kind, or airport and hour of observation. The same event again is a duplicate. Another
    event of the same key is a revision if it is known later than the newest one stored: from then on it counts in that
    one's place, and what was said before stays as it was. One that claims to be known earlier is a conflict. Neither
    duplicate nor conflict changes anything. Whatever is accepted becomes known after the newest sealed tick that looks
    back as far as the event, so that a stored state always equals the recomputed one.
    """

    def __init__(self, database: Database):
        self._database = database

    def append(
        self, flight_events: Sequence[FlightEvent] = (), weather_events: Sequence[WeatherEvent] = ()
    ) -> list[Outcome]:
        """Append events in one transaction; an arrival appends its label with it, a corrected one corrects it.

        Returns
        -------
        list of Outcome
            One an item: those of the flights first, then those of the weather, each in the given order.

        Raises
        ------
        NotReady
            If PostgreSQL is away; nothing is stored then.
        """
        with self._database.transaction() as cursor:
            share_seal(cursor)
            outcomes = (
                _append_flights(cursor, columns_of_flight_events(flight_events)) if flight_events else []
            )
            if weather_events:
                outcomes += _append_weather(cursor, columns_of_weather_events(weather_events))
            _notify(cursor, outcomes)
        return outcomes

    def append_frame(self, flight_events: Any = None, weather_events: Any = None) -> AppendCounts:
        """Append frames by the same rules in one transaction; their columns are those of the tables.

        What a frame says otherwise than the log is a correction that is known from now on: a history states the
        moments at which its facts became known, not those at which somebody mended them.

        Give at most some 50,000 rows at once: events that others append wait for nothing, but a tick cannot be
        sealed meanwhile. Load a history within `loading()`.

        Parameters
        ----------
        flight_events, weather_events : pandas.DataFrame, optional
            Columns as in `flight_events` and `weather_events`; `known_at` NaT = now.
        """
        with self._database.transaction() as cursor:
            share_seal(cursor)
            outcomes: list[Outcome] = []
            if flight_events is not None and len(flight_events):
                outcomes += _append_flights(
                    cursor, columns_of_frame(flight_events, FLIGHT_WIDTHS), history=True
                )
            if weather_events is not None and len(weather_events):
                outcomes += _append_weather(
                    cursor, columns_of_frame(weather_events, WEATHER_WIDTHS), history=True
                )
            _notify(cursor, outcomes)
        return _count(outcomes)

    @contextmanager
    def loading(self) -> Iterator[None]:
        """Hold the refresher back while a history is loaded in pieces.

        Otherwise a tick sealed after the first piece would make the rest known only after it.
        """
        with self._database.session() as connection:
            connection.autocommit = True
            with connection.cursor() as cursor:
                cursor.execute("SELECT pg_advisory_lock(%s)", [LOADING_LOCK])
                try:
                    yield
                    # Planned by what the tables were before, the first reads would take many times as long.
                    cursor.execute(query("analyze_events"))
                finally:
                    cursor.execute("SELECT pg_advisory_unlock(%s)", [LOADING_LOCK])
                    connection.autocommit = False

    def facts(
        self, known_by: datetime, scheduled_from: datetime, scheduled_until: datetime | None = None
    ) -> tuple[FlightFacts, WeatherFacts]:
        """Return what was known at a moment, as columns.

        Parameters
        ----------
        known_by : datetime
            Only events with `known_at` at or before it.
        scheduled_from, scheduled_until : datetime
            Only flights with a scheduled departure in this closed interval, and observations known from a day
            before its start; an open end by default.

        Returns
        -------
        FlightFacts, WeatherFacts
            Sorted by (scheduled departure, flight_id, scheduled_known) and by (known, airport); they share a network.
        """
        return self._database.run(
            lambda cursor: fact_queries.facts(cursor, known_by, scheduled_from, scheduled_until)
        )

    def upcoming(self, now: datetime, departing_from: datetime, until: datetime) -> list[UpcomingFlight]:
        """Return the flights scheduled in a span that, as known at a moment, are still to leave."""
        span = {"now": now, "from": departing_from, "until": until}
        return [UpcomingFlight(*row) for row in self._database.rows("upcoming_flights", span)]

    def history(self, flight_id: str, now: datetime) -> list[FlightFact]:
        """Return all that was known of a flight at a moment, in the order in which it became known."""
        rows = self._database.rows("flight_history", {"flight_id": flight_id, "now": now})
        return [FlightFact(*row) for row in rows]

    def newest(self, now: datetime) -> tuple[datetime | None, datetime | None]:
        """Return when the newest departure, arrival or cancellation, and the newest weather, became known."""
        row = self._database.row("newest_event_times", {"now": now})
        return (row[0], row[1]) if row else (None, None)

    def scheduled(self, flight_ids: Collection[str]) -> set[str]:
        """Return those of some flights that are scheduled."""
        rows = self._database.rows("scheduled_of", {"flight_ids": sorted(flight_ids)})
        return {name for (name,) in rows}

    def called_off(self, flight_ids: Collection[str]) -> set[str]:
        """Return those of some flights that are cancelled or diverted by the newest word."""
        return {name for (name,) in self._database.rows("called_off_of", {"flight_ids": sorted(flight_ids)})}

    def arrived(self, flight_ids: Collection[str]) -> set[str]:
        """Return those of some flights that have an arrival."""
        return {name for (name,) in self._database.rows("arrived_of", {"flight_ids": sorted(flight_ids)})}

    def has_events(self) -> bool:
        """Return whether there is any flight event."""
        return self._database.row("has_flight_events") is not None

    def count(self) -> int:
        """Return the number of flight events."""
        row = self._database.row("count_flight_events")
        return int(row[0]) if row else 0


def _append_flights(cursor: Cursor, columns: Columns, history: bool = False) -> list[Outcome]:
    cursor.execute(query("stage_flight_events"))
    send(cursor, "staged_flight_events", columns, FLIGHT_WIDTHS)
    keys = list(zip(columns["flight_id"].tolist(), columns["kind"].tolist(), strict=True))
    return _Staged(keys, columns["known_at"], "flight_events", history).append(cursor)


def _append_weather(cursor: Cursor, columns: Columns, history: bool = False) -> list[Outcome]:
    cursor.execute(query("stage_weather_events"))
    send(cursor, "staged_weather_events", columns, WEATHER_WIDTHS)
    moments = [moment_of(us) for us in columns["observed_at"].tolist()]
    keys = list(zip(columns["airport"].tolist(), moments, strict=True))
    return _Staged(keys, columns["known_at"], "weather_events", history).append(cursor)


@dataclass(frozen=True)
class _Staged:
    """A batch in its staging table."""

    keys: list[Key]
    known_at: npt.NDArray[np.int64]
    """Microseconds, as the feed states them."""
    table: str
    history: bool
    """Whether what differs from the log is known from now on, whatever it says."""

    def append(self, cursor: Cursor) -> list[Outcome]:
        """Store what is new, then what revises it, in the order in which equal keys became known."""
        cursor.execute(query(f"append_{self.table}"), {"reach": REACH})
        stored = set(cursor.fetchall())
        if len(stored) == len(self.keys):
            return [ACCEPTED] * len(self.keys)
        outcomes: dict[int, Outcome] = {}
        if self.history:
            cursor.execute(query(f"undate_{self.table}"))
        for turn, items in enumerate(self._turns(stored)):
            outcomes |= self._revise(cursor, items) if turn else dict.fromkeys(items, ACCEPTED)
        return [outcomes[item] for item in range(len(self.keys))]

    def _turns(self, stored: Collection[Key]) -> list[list[int]]:
        """Return the items that were stored at once, then the others, those of one key in different turns."""
        turns: list[list[int]] = [[]]
        seen = Counter(set(self.keys) - set(stored))
        for item in np.argsort(self.known_at, kind="stable").tolist():
            turn = seen[self.keys[item]]
            seen[self.keys[item]] += 1
            turns += [[]] if turn == len(turns) else []
            turns[turn].append(item)
        return turns

    def _revise(self, cursor: Cursor, items: list[int]) -> dict[int, Outcome]:
        """Store the items that revise what there is; of one key there is one item."""
        found = self._compare(cursor, items)
        revising = [item for item in items if found[item].revises]
        stored = self._store_revisions(cursor, found, revising) if revising else set()
        outcomes = {
            item: Outcome("accepted", f"revises another {found[item].difference}")
            if found[item].revises and self.keys[item] in stored
            else found[item].outcome(self._refused(item))
            for item in items
        }
        # Whom another batch overtook between comparing and storing is compared with what that one stored.
        missing = [item for item in revising if self.keys[item] not in stored]
        now = self._compare(cursor, missing) if missing else {}
        overtaken = [item for item in missing if now[item].revision != found[item].revision]
        return outcomes | (self._revise(cursor, overtaken) if overtaken else {})

    def _compare(self, cursor: Cursor, items: list[int]) -> dict[int, "_Comparison"]:
        cursor.execute(query(f"compare_{self.table}"), {"items": items})
        return {row[0]: _Comparison(*row[1:]) for row in cursor.fetchall()}

    def _store_revisions(self, cursor: Cursor, found: dict[int, "_Comparison"], items: list[int]) -> set[Key]:
        arrivals = sorted(flight for flight, kind in (self.keys[i] for i in items) if kind == "arrived")
        if arrivals:
            cursor.execute(query("lock_labels"), {"flight_ids": arrivals})
        revised = [found[item].revision for item in items]
        cursor.execute(query(f"revise_{self.table}"), {"items": items, "revised": revised, "reach": REACH})
        return set(cursor.fetchall())

    def _refused(self, item: int) -> str:
        """Return why an event is not stored that contradicts no other."""
        if self.keys[item][1] == "arrived":
            return "the label says another arrival delay"
        return "the log takes no revision before its upgrade is finished"


class _Comparison(NamedTuple):
    """How an item differs from the newest stored event of its key."""

    revision: int | None
    """Of the newest stored event; None if none is stored."""
    difference: str | None
    stated: datetime | None
    """Since when the newest one is known."""
    later: bool | None
    repeats: bool
    """Whether it says what was said before the newest one."""
    undated: bool
    """Whether it leaves open since when it is known: then a repeat is no news."""

    @property
    def revises(self) -> bool:
        return bool(self.difference and self.later) and not (self.repeats and self.undated)

    def outcome(self, refused: str) -> Outcome:
        """Return what becomes of an item that is not stored."""
        if self.difference is None:
            return Outcome("conflict", refused)
        if not self.difference or (self.repeats and (self.undated or not self.later)):
            return DUPLICATE
        if self.later:
            return Outcome("conflict", f"stored with another {self.difference}, and {refused}")
        assert self.stated is not None  # noqa: S101  something is stored
        since = self.stated.astimezone(UTC).isoformat().replace("+00:00", "Z")
        return Outcome(
            "conflict",
            f"stored with another {self.difference}, known since {since}: a revision needs a later known_at",
        )


def _notify(cursor: Cursor, outcomes: list[Outcome]) -> None:
    accepted = sum(outcome.status == "accepted" for outcome in outcomes)
    if accepted:
        cursor.execute("SELECT pg_notify(%s, %s)", [CHANNEL, str(accepted)])


def _count(outcomes: list[Outcome]) -> AppendCounts:
    counts = Counter(outcome.status for outcome in outcomes)
    differing = tuple((i, outcome.reason) for i, outcome in enumerate(outcomes) if outcome.reason)
    return AppendCounts(counts["accepted"], counts["duplicate"], counts["conflict"], differing)


def moment_of(microseconds: int) -> datetime:
    """Return UTC moment of PostgreSQL's count of microseconds."""
    return datetime(2000, 1, 1, tzinfo=UTC) + timedelta(microseconds=microseconds)
