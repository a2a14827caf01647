"""The newest facts in memory, brought up to each tick by what was appended since the one before."""

from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

import numpy as np
import numpy.typing as npt

from adapters.binary_copy import INT4, TIMESTAMP, Columns, fetch, minutes_down, minutes_up
from adapters.fact_queries import (
    FOREVER,
    OBSERVATION_WIDTHS,
    Span,
    changed_announcements,
    flight_facts,
    joined,
    revised_flights,
    weather_facts,
    weather_of_columns,
)
from adapters.postgres import Cursor, Database, query
from adapters.sealing import Watermark
from domain.clock import NEVER, from_minute
from domain.features import optional
from domain.features.grid import DAY_MINUTES
from domain.features.state import LOOKBACK_MINUTES
from domain.flights import Announcements, FlightFacts, Network, WeatherFacts, columns_of
from domain.revisions import in_order

KEPT_MINUTES = LOOKBACK_MINUTES + DAY_MINUTES
"""Flights stay a day longer than the widest window: the slow statistics count from up to a day before the tick."""
TRIM_MINUTES = DAY_MINUTES
SPARE_ROWS = 5_000
RELOAD_BACKLOG = 100_000
"""With more unread events than this, reading everything is quicker than applying them."""
CHANGE_WIDTHS = {
    "flight_id": "S21",
    "kind": "S10",
    "known_at": TIMESTAMP,
    "carrier": "S2",
    "origin": "S3",
    "dest": "S3",
    "scheduled_departure": TIMESTAMP,
    "scheduled_arrival": TIMESTAMP,
    "delay_minutes": INT4,
    "air_time_minutes": INT4,
    "revised": INT4,
}
Ints = npt.NDArray[np.int64]


class Grown:
    """Columns of flights in arrays with room at their end, so that adding a few does not copy them all."""

    def __init__(self, flights: FlightFacts):
        self._room = len(flights) + SPARE_ROWS
        self._arrays = {name: self._with_room(getattr(flights, name)) for name in columns_of(FlightFacts)}
        self.flights = replace(flights, **self._views(len(flights)))

    def add(self, added: FlightFacts) -> bool:
        """Put flights behind the others; False when there is no room."""
        n_old, n_new = len(self.flights), len(self.flights) + len(added)
        if n_new > self._room:
            return False
        for name, array in self._arrays.items():
            array[n_old:n_new] = getattr(added, name)
        self.flights = replace(self.flights, **self._views(n_new))
        return True

    def announce(self, announced: Announcements) -> None:
        """Put other announcements in the place of those there are."""
        self.flights = replace(self.flights, announced=announced)

    def _with_room(self, values: npt.NDArray[Any]) -> npt.NDArray[Any]:
        array = np.empty(self._room, dtype=values.dtype)
        array[: len(values)] = values
        return array

    def _views(self, n: int) -> dict[str, Any]:
        return {name: array[:n] for name, array in self._arrays.items()}


@dataclass(frozen=True)
class Loaded:
    """What the buffer holds, and what it was read from."""

    grown: Grown
    weather: WeatherFacts
    rows: dict[str, int]
    """Row of each flight that was not revised."""
    kept_from: int
    watermark: Watermark

    @property
    def flights(self) -> FlightFacts:
        """Return the flights, sorted by (scheduled departure, flight_id, scheduled_known)."""
        return self.grown.flights


class FactsBuffer:
    """Facts of the trailing window; equal, row by row, to a fresh read of the same events."""

    def __init__(self, database: Database):
        self._database = database
        self._loaded: Loaded | None = None

    def update(self, tick: int, watermark: Watermark) -> tuple[FlightFacts, WeatherFacts]:
        """Bring the facts up to a sealed tick.

        Parameters
        ----------
        tick : int
            Minutes since the epoch.
        watermark : Watermark
            Of this tick's seal.

        Returns
        -------
        FlightFacts, WeatherFacts
            Valid until the next call, which may write into their arrays. They may hold what became known after the
            tick: whoever computes its state leaves that out.
        """
        # Changes are written into the arrays in place: whatever fails half way leaves them neither old nor new, so
        # until all of it has succeeded there is nothing to go on from, and the next call reads everything again.
        loaded, self._loaded = self._loaded, None
        with self._database.transaction() as cursor:
            if loaded is None or self._must_reload(loaded, tick, watermark):
                loaded = _load(cursor, tick, watermark)
            else:
                loaded = _apply(cursor, loaded, tick, watermark)
        self._loaded = loaded
        return loaded.flights, loaded.weather

    @staticmethod
    def _must_reload(loaded: Loaded, tick: int, watermark: Watermark) -> bool:
        backwards = tick - KEPT_MINUTES < loaded.kept_from
        return backwards or watermark.flight_event - loaded.watermark.flight_event > RELOAD_BACKLOG


def _load(cursor: Cursor, tick: int, watermark: Watermark) -> Loaded:
    kept_from = tick - KEPT_MINUTES
    span = Span(
        FOREVER,
        from_minute(kept_from),
        last_flight_event=watermark.flight_event,
        last_weather_event=watermark.weather_event,
        network=Network(),
    )
    flights, weather = flight_facts(cursor, span), weather_facts(cursor, span)
    return Loaded(Grown(flights), weather, _index(flights), kept_from, watermark)


def _index(flights: FlightFacts) -> dict[str, int]:
    return {name: row for row, name in enumerate(flights.flight_id.tolist())}


def _apply(cursor: Cursor, loaded: Loaded, tick: int, watermark: Watermark) -> Loaded:
    loaded = _trimmed(loaded, tick)
    after = loaded.watermark
    if watermark.flight_event > after.flight_event:
        numbers = {"after": after.flight_event, "until": watermark.flight_event}
        changes = fetch(cursor, query("changed_flight_events"), numbers, CHANGE_WIDTHS)
        revised = changes["revised"] == 1
        names = np.unique(changes["flight_id"][revised]).tolist()
        changes = {name: values[~revised] for name, values in changes.items()}
        loaded = _with_schedules(loaded, _of_kind(changes, "scheduled"))
        _note_events(loaded, changes)
        if names:
            loaded = _with_revised(cursor, loaded, names, watermark)
        if optional.CHOSEN:
            added = changed_announcements(cursor, after.flight_event, watermark.flight_event)
            loaded.grown.announce(_with_announced(loaded.flights.announced, added))
    if watermark.weather_event > after.weather_event:
        numbers = {"after": after.weather_event, "until": watermark.weather_event}
        changes = fetch(cursor, query("changed_weather_events"), numbers, OBSERVATION_WIDTHS)
        loaded = _with_weather(loaded, weather_of_columns(changes, loaded.weather.network))
    return replace(loaded, watermark=watermark)


def _of_kind(changes: Columns, *kinds: str) -> Columns:
    rows = np.isin(changes["kind"], kinds)
    return {name: values[rows] for name, values in changes.items()}


def _trimmed(loaded: Loaded, tick: int) -> Loaded:
    """Drop what no later tick needs, once a day's worth has gathered."""
    kept_from = tick - KEPT_MINUTES
    if kept_from - loaded.kept_from < TRIM_MINUTES:
        return loaded
    first = int(np.searchsorted(loaded.flights.sched_dep, kept_from))
    flights = loaded.flights.take(slice(first, None))
    announced = flights.announced
    kept = np.isin(announced.flight_id, flights.flight_id) | (announced.known >= kept_from)
    flights = replace(flights, announced=announced.take(kept))
    known_from = from_minute(kept_from) - timedelta(days=1)
    early = loaded.weather.known < int(known_from.timestamp()) // 60
    return replace(
        loaded,
        grown=Grown(flights),
        weather=loaded.weather.take(~early),
        rows=_index(flights),
        kept_from=kept_from,
    )


def _with_schedules(loaded: Loaded, changes: Columns) -> Loaded:
    """Add flights; in the usual case, schedules published in order, behind the others."""
    departure = minutes_down(changes["scheduled_departure"])
    new = departure >= loaded.kept_from
    if not new.any():
        return loaded
    added = _scheduled({name: values[new] for name, values in changes.items()}, loaded.flights.network)
    n_old = len(loaded.flights)
    behind = n_old == 0 or _key(added, 0) > _key(loaded.flights, n_old - 1)
    if behind and loaded.grown.add(added):
        loaded.rows.update({name: n_old + row for row, name in enumerate(added.flight_id.tolist())})
        return loaded
    flights = in_order(joined(loaded.flights, added))
    return replace(loaded, grown=Grown(flights), rows=_index(flights))


def _with_revised(cursor: Cursor, loaded: Loaded, names: list[str], watermark: Watermark) -> Loaded:
    """Put the rows of revised flights, made of all their events, in the place of those there are."""
    old = loaded.flights
    rows = revised_flights(cursor, names, watermark.flight_event, old.network)
    rows = rows.take(rows.sched_dep >= loaded.kept_from)
    others = old.take(~np.isin(old.flight_id, names))
    flights = in_order(joined(others, rows))
    return replace(loaded, grown=Grown(flights), rows=_index(flights))


def _key(flights: FlightFacts, row: int) -> tuple[int, str]:
    return int(flights.sched_dep[row]), str(flights.flight_id[row])


def _scheduled(changes: Columns, network: Network) -> FlightFacts:
    """Return the flights of which only the schedule is known, sorted."""
    order = np.lexsort((changes["flight_id"], changes["scheduled_departure"]))
    columns = {name: values[order] for name, values in changes.items()}
    n = len(order)
    return FlightFacts(
        network=network,
        flight_id=columns["flight_id"],
        carrier=network.carriers.encode(columns["carrier"]),
        origin=network.airports.encode(columns["origin"]),
        dest=network.airports.encode(columns["dest"]),
        sched_dep=minutes_down(columns["scheduled_departure"]),
        sched_arr=minutes_down(columns["scheduled_arrival"]),
        scheduled_known=minutes_up(columns["known_at"]),
        dep_known=np.full(n, NEVER),
        dep_delay=np.zeros(n, dtype=np.int64),
        arr_known=np.full(n, NEVER),
        arr_delay=np.zeros(n, dtype=np.int64),
        air_time=np.full(n, -1),
        cancelled_known=np.full(n, NEVER),
        superseded=np.full(n, NEVER),
    )


def _note_events(loaded: Loaded, changes: Columns) -> None:
    """Write what happened into the rows of the flights; flights outside the window are passed over."""
    flights = loaded.flights
    rows, events = _rows_of(loaded, _of_kind(changes, "departed"))
    flights.dep_known[rows] = minutes_up(events["known_at"])
    flights.dep_delay[rows] = events["delay_minutes"]
    rows, events = _rows_of(loaded, _of_kind(changes, "arrived"))
    flights.arr_known[rows] = minutes_up(events["known_at"])
    flights.arr_delay[rows] = events["delay_minutes"]
    flights.air_time[rows] = events["air_time_minutes"]
    rows, events = _rows_of(loaded, _of_kind(changes, "cancelled", "diverted"))
    np.minimum.at(flights.cancelled_known, rows, minutes_up(events["known_at"]))


def _rows_of(loaded: Loaded, events: Columns) -> tuple[Ints, Columns]:
    rows = np.array([loaded.rows.get(name, -1) for name in events["flight_id"].tolist()], dtype=np.int64)
    there = rows >= 0
    return rows[there], {name: values[there] for name, values in events.items()}


def _with_announced(old: Announcements, added: Announcements) -> Announcements:
    """Add announcements, each once."""
    return joined(old, added.take(~np.isin(added.sequence, old.sequence))) if len(added) else old


def _with_weather(loaded: Loaded, added: WeatherFacts) -> Loaded:
    old = loaded.weather
    weather = joined(old, added)
    if len(old) and len(added) and added.known[0] <= old.known[-1]:
        names = np.array(old.network.airports.names)[weather.airport]
        weather = weather.take(np.lexsort((weather.observed, names, weather.known)))
    return replace(loaded, weather=weather)
