"""The event log: everything that became known, and since when. Append only."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

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


@dataclass(frozen=True)
class AppendCounts:
    """What became of the rows of a frame."""

    accepted: int
    duplicates: int
    conflicts: int
    differing: tuple[tuple[int, str], ...] = ()
    """Each row that contradicts what is stored: its position in the frame, and how."""


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
    source: str


class EventStore:
    """Appends events and reads them back as facts.

    An event's key is flight and kind, or airport and hour of observation. The same event again is a duplicate,
    another event of the same key a conflict; neither changes anything. Whatever is accepted becomes known after the
    newest sealed tick that looks back as far as the event, so that a stored state always equals the recomputed one.
    """

    def __init__(self, database: Database):
        self._database = database

    def append(
        self, flight_events: Sequence[FlightEvent] = (), weather_events: Sequence[WeatherEvent] = ()
    ) -> list[Outcome]:
        """Append events in one transaction; an arrival appends its label with it.

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
                outcomes += _append_flights(cursor, columns_of_frame(flight_events, FLIGHT_WIDTHS))
            if weather_events is not None and len(weather_events):
                outcomes += _append_weather(cursor, columns_of_frame(weather_events, WEATHER_WIDTHS))
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
            Sorted by (scheduled departure, flight_id) and by (known, airport); they share a network.
        """
        with self._database.transaction() as cursor:
            return fact_queries.facts(cursor, known_by, scheduled_from, scheduled_until)

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

    def has_events(self) -> bool:
        """Return whether there is any flight event."""
        return self._database.row("has_flight_events") is not None

    def count(self) -> int:
        """Return the number of flight events."""
        row = self._database.row("count_flight_events")
        return int(row[0]) if row else 0


def _append_flights(cursor: Cursor, columns: Columns) -> list[Outcome]:
    cursor.execute(query("stage_flight_events"))
    send(cursor, "staged_flight_events", columns, FLIGHT_WIDTHS)
    cursor.execute(query("append_flight_events"), {"reach": REACH})
    keys = list(zip(columns["flight_id"].tolist(), columns["kind"].tolist(), strict=True))
    return _outcomes(cursor, keys, "compare_flight_events", "the label says another arrival delay")


def _append_weather(cursor: Cursor, columns: Columns) -> list[Outcome]:
    cursor.execute(query("stage_weather_events"))
    send(cursor, "staged_weather_events", columns, WEATHER_WIDTHS)
    cursor.execute(query("append_weather_events"), {"reach": REACH})
    moments = [moment_of(us) for us in columns["observed_at"].tolist()]
    keys = list(zip(columns["airport"].tolist(), moments, strict=True))
    return _outcomes(cursor, keys, "compare_weather_events", "it was not stored")


def _outcomes(cursor: Cursor, keys: list[tuple[Any, ...]], compare: str, refused: str) -> list[Outcome]:
    """Sort the items into accepted, duplicate and conflict; of equal keys only the first was stored."""
    stored = set(cursor.fetchall())
    accepted = [key in stored and not stored.discard(key) for key in keys]  # type: ignore[func-returns-value]
    if all(accepted):
        return [ACCEPTED] * len(keys)
    cursor.execute(query(compare))
    differences = [difference for _, difference in cursor.fetchall()]
    return [
        ACCEPTED if new else _compared(difference, refused)
        for new, difference in zip(accepted, differences, strict=True)
    ]


def _compared(difference: str | None, refused: str) -> Outcome:
    if difference is None:
        return Outcome("conflict", refused)
    return Outcome("conflict", f"stored with another {difference}") if difference else DUPLICATE


def _notify(cursor: Cursor, outcomes: list[Outcome]) -> None:
    accepted = sum(outcome.status == "accepted" for outcome in outcomes)
    if accepted:
        cursor.execute("SELECT pg_notify(%s, %s)", [CHANNEL, str(accepted)])


def _count(outcomes: list[Outcome]) -> AppendCounts:
    conflicts = [(i, o.reason or "") for i, o in enumerate(outcomes) if o.status == "conflict"]
    accepted = sum(outcome.status == "accepted" for outcome in outcomes)
    duplicates = len(outcomes) - accepted - len(conflicts)
    return AppendCounts(accepted, duplicates, len(conflicts), tuple(conflicts))


def moment_of(microseconds: int) -> datetime:
    """Return UTC moment of PostgreSQL's count of microseconds."""
    return datetime(2000, 1, 1, tzinfo=UTC) + timedelta(microseconds=microseconds)
