"""Events to facts: one wide row a flight, read as arrays."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import numpy as np

from adapters.binary_copy import FLOAT8, INFINITY, INT4, TIMESTAMP, Columns, fetch, minutes_down, minutes_up
from adapters.postgres import Cursor, query
from domain.flights import WEATHER_COLUMNS, FlightFacts, Network, WeatherFacts

FACT_WIDTHS = {
    "flight_id": "S19",
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
OBSERVATION_WIDTHS = {
    "airport": "S3",
    "observed": TIMESTAMP,
    "known": TIMESTAMP,
    **dict.fromkeys(WEATHER_COLUMNS, FLOAT8),
}
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
    """Return the flights of a span, sorted by (scheduled departure, flight_id)."""
    parameters = {
        "known_by": span.known_by,
        "scheduled_from": span.scheduled_from,
        "scheduled_until": span.scheduled_until,
        "last_event": span.last_flight_event,
    }
    columns = fetch(cursor, query("flight_facts"), parameters, FACT_WIDTHS)
    order = np.lexsort((columns["flight_id"], columns["scheduled_departure"]))
    return flights_of_columns({name: values[order] for name, values in columns.items()}, span.network)


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
    order = np.lexsort((columns["observed"], columns["airport"], known))
    return WeatherFacts(
        network=network,
        airport=network.airports.encode(columns["airport"])[order],
        observed=minutes_down(columns["observed"])[order],
        known=known[order],
        values=np.column_stack([columns[name] for name in WEATHER_COLUMNS])[order],
    )
