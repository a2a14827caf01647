"""Events to facts: one wide row a flight, several where it was revised, read as arrays."""

from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any, TypeVar

import numpy as np

from adapters.binary_copy import (
    FLOAT8,
    INFINITY,
    INT4,
    INT8,
    TIMESTAMP,
    Columns,
    fetch,
    minutes_down,
    minutes_up,
)
from adapters.postgres import Cursor, query
from domain.clock import NEVER
from domain.features import optional
from domain.flights import (
    WEATHER_COLUMNS,
    Announcements,
    FlightFacts,
    Ints,
    Network,
    WeatherFacts,
    columns_of,
)
from domain.revisions import FlightHistory, in_order

FACT_WIDTHS = {
    "flight_id": "S21",
    "carrier": "S2",
    "origin": "S3",
    "dest": "S3",
    "scheduled_departure": TIMESTAMP,
    "scheduled_arrival": TIMESTAMP,
    "scheduled_known": TIMESTAMP,
    "dep_known": TIMESTAMP,
    "dep_delay": INT4,
    "arr_known": TIMESTAMP,
    "arr_delay": INT4,
    "air_time": INT4,
    "cancelled_known": TIMESTAMP,
}
EVENT_WIDTHS = {
    "flight_id": "S21",
    "kind": "S10",
    "event_id": INT8,
    "known": TIMESTAMP,
    "carrier": "S2",
    "origin": "S3",
    "dest": "S3",
    "scheduled_departure": TIMESTAMP,
    "scheduled_arrival": TIMESTAMP,
    "delay": INT4,
    "air_time": INT4,
}
ANNOUNCED_WIDTHS = {
    "flight_id": "S21",
    "kind": "S20",
    "sequence": INT8,
    "known": TIMESTAMP,
    "tail": "S8",
    "delay": INT4,
}
OBSERVATION_WIDTHS = {
    "airport": "S3",
    "observed": TIMESTAMP,
    "known": TIMESTAMP,
    "revision": INT4,
    **dict.fromkeys(WEATHER_COLUMNS, FLOAT8),
}
Facts = TypeVar("Facts", FlightFacts, WeatherFacts, Announcements)
EVERY_EVENT = int(INFINITY)
WEATHER_BEFORE = timedelta(days=1)
FOREVER = "infinity"


@dataclass(frozen=True)
class Span:
    """Which events to read; moments are datetimes, or 'infinity'."""

    known_by: datetime | str
    scheduled_from: datetime
    scheduled_until: datetime | str = FOREVER
    last_flight_event: int = EVERY_EVENT
    last_weather_event: int = EVERY_EVENT
    network: Network = field(default_factory=Network)


def facts(
    cursor: Cursor, known_by: datetime, scheduled_from: datetime, scheduled_until: datetime | None = None
) -> tuple[FlightFacts, WeatherFacts]:
    """Read the facts of `EventStore.facts`."""
    span = Span(known_by, scheduled_from, scheduled_until or FOREVER)
    return flight_facts(cursor, span), weather_facts(cursor, span)


def flight_facts(cursor: Cursor, span: Span) -> FlightFacts:
    """Return the flights of a span, sorted by (scheduled departure, flight_id, scheduled_known)."""
    parameters: dict[str, Any] = {
        "known_by": span.known_by,
        "scheduled_from": span.scheduled_from,
        "scheduled_until": span.scheduled_until,
        "last_event": span.last_flight_event,
    }
    flights = _flight_rows(cursor, span, parameters)
    if not optional.CHOSEN:
        return flights
    parameters["kinds"] = list(optional.CHOSEN)
    announced = fetch(cursor, query("announcements"), parameters, ANNOUNCED_WIDTHS)
    return replace(flights, announced=announcements_of_columns(announced))


def changed_announcements(cursor: Cursor, after: int, until: int) -> Announcements:
    """Return what was announced in events numbered in (after, until], and before of flights scheduled in them."""
    parameters = {"kinds": list(optional.CHOSEN), "after": after, "until": until}
    return announcements_of_columns(
        fetch(cursor, query("changed_announcements"), parameters, ANNOUNCED_WIDTHS)
    )


def announcements_of_columns(columns: Columns) -> Announcements:
    """Return the announcements of the columns of `ANNOUNCED_WIDTHS`, in their order."""
    columns = columns | {
        "known": minutes_up(columns["known"]),
        "sequence": columns["sequence"].astype(np.int64),
        "delay": columns["delay"].astype(np.int64),
    }
    return Announcements(**columns)


def _flight_rows(cursor: Cursor, span: Span, parameters: dict[str, Any]) -> FlightFacts:
    columns = fetch(cursor, query("flight_facts"), parameters, FACT_WIDTHS)
    events = fetch(cursor, query("revised_flights"), parameters, EVENT_WIDTHS)
    order = np.lexsort((columns["flight_id"], columns["scheduled_departure"]))
    flights = flights_of_columns({name: values[order] for name, values in columns.items()}, span.network)
    if not len(events["event_id"]):
        return flights
    others = flights.take(~np.isin(flights.flight_id, np.unique(events["flight_id"])))
    revised = _facts_of_events(events, span.network)
    departure = revised.sched_dep
    inside = (departure >= _minute(span.scheduled_from)) & (departure <= _minute(span.scheduled_until))
    return in_order(joined(others, revised.take(inside)))


def revised_flights(cursor: Cursor, flight_ids: list[str], last_event: int, network: Network) -> FlightFacts:
    """Return every row of some flights from their events numbered up to `last_event`, in the order of facts."""
    parameters = {"flight_ids": flight_ids, "last_event": last_event}
    return _facts_of_events(fetch(cursor, query("revised_flights_of"), parameters, EVENT_WIDTHS), network)


def _facts_of_events(events: Columns, network: Network) -> FlightFacts:
    sequence = np.empty(len(events["event_id"]), dtype=np.int64)
    sequence[np.lexsort((events["event_id"], events["known"]))] = np.arange(len(sequence))
    return FlightHistory(
        network=network,
        flight_id=events["flight_id"],
        kind=events["kind"],
        known=minutes_up(events["known"]),
        sequence=sequence,
        carrier=_codes(events, "carrier", network),
        origin=_codes(events, "origin", network),
        dest=_codes(events, "dest", network),
        sched_dep=minutes_down(events["scheduled_departure"]),
        sched_arr=minutes_down(events["scheduled_arrival"]),
        delay=events["delay"].astype(np.int64),
        air_time=events["air_time"].astype(np.int64),
    ).facts()


def _codes(events: Columns, name: str, network: Network) -> Ints:
    """Return the codes of a column of names, -1 where there is none."""
    vocabulary = network.carriers if name == "carrier" else network.airports
    named = events["kind"] == "scheduled"
    codes = np.full(len(named), -1, dtype=np.int64)
    codes[named] = vocabulary.encode(events[name][named])
    return codes


def joined(one: Facts, other: Facts) -> Facts:
    """Return the rows of both, one after the other; of one network, which has what the first one's is announced."""
    names = columns_of(type(one))
    columns: dict[str, Any] = {n: np.concatenate([getattr(one, n), getattr(other, n)]) for n in names}
    return replace(one, **columns)


def _minute(moment: datetime | str) -> float:
    return np.inf if isinstance(moment, str) else moment.timestamp() / 60


def flights_of_columns(columns: Columns, network: Network) -> FlightFacts:
    """Return the facts of the columns of `FACT_WIDTHS`, in their order."""
    return FlightFacts(
        network=network,
        flight_id=columns["flight_id"],
        carrier=network.carriers.encode(columns["carrier"]),
        origin=network.airports.encode(columns["origin"]),
        dest=network.airports.encode(columns["dest"]),
        sched_dep=minutes_down(columns["scheduled_departure"]),
        sched_arr=minutes_down(columns["scheduled_arrival"]),
        scheduled_known=minutes_up(columns["scheduled_known"]),
        dep_known=minutes_up(columns["dep_known"]),
        dep_delay=columns["dep_delay"].astype(np.int64),
        arr_known=minutes_up(columns["arr_known"]),
        arr_delay=columns["arr_delay"].astype(np.int64),
        air_time=columns["air_time"].astype(np.int64),
        cancelled_known=minutes_up(columns["cancelled_known"]),
        superseded=np.full(len(columns["flight_id"]), NEVER),
    )


def weather_facts(cursor: Cursor, span: Span) -> WeatherFacts:
    """Return the observations of a span, sorted by (known, airport)."""
    parameters: dict[str, Any] = {
        "known_by": span.known_by,
        "known_from": span.scheduled_from - WEATHER_BEFORE,
        "last_event": span.last_weather_event,
    }
    return weather_of_columns(
        fetch(cursor, query("weather_facts"), parameters, OBSERVATION_WIDTHS), span.network
    )


def weather_of_columns(columns: Columns, network: Network) -> WeatherFacts:
    """Return the facts of the columns of `OBSERVATION_WIDTHS`, sorted."""
    known = minutes_up(columns["known"])
    order = np.lexsort((columns["revision"], columns["observed"], columns["airport"], known))
    return WeatherFacts(
        network=network,
        airport=network.airports.encode(columns["airport"])[order],
        observed=minutes_down(columns["observed"])[order],
        known=known[order],
        values=np.column_stack([columns[name] for name in WEATHER_COLUMNS])[order],
    )
