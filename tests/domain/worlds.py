"""Small worlds of flights and weather: written out by a test, or drawn by hypothesis."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import numpy as np
from hypothesis import strategies as st

from domain.clock import NEVER, from_minute, minute_floor
from domain.features.state import StateBlock, columns_of, compute_block
from domain.flights import (
    WEATHER_COLUMNS,
    Announcements,
    FlightFacts,
    Network,
    Queries,
    WeatherFacts,
    flight_id,
)

NOON = minute_floor(datetime(2013, 4, 10, 16, 0, tzinfo=UTC))
"""12:00 in New York on a Wednesday without a holiday near."""


@dataclass(frozen=True)
class Flight:
    """One flight as a test writes it; minutes count from NOON. Omitted facts have not happened."""

    carrier: str = "UA"
    origin: str = "EWR"
    dest: str = "IAH"
    departs: int = 0
    block: int = 240
    scheduled_known: int = -40_000
    gone: int | None = None
    """Minute its departure became known."""
    late: int | None = None
    """Departure delay; by default what `gone` implies."""
    there: int | None = None
    """Minute its arrival became known."""
    arr_delay: int = 0
    air_time: int = -1
    cancelled: int | None = None
    superseded: int | None = None
    """Minute from which on another row of the same flight counts."""
    number: int | None = None
    """Flight number; by default one of its own."""
    tails: tuple[tuple[int, str], ...] = ()
    """Minute at which each assignment of an aircraft became known, and which."""
    estimates: tuple[tuple[int, int], ...] = ()
    """Minute at which each estimate of its departure became known, and how many minutes late."""


def _identity(flight: Flight, own: int) -> str:
    day = from_minute(NOON + flight.departs)
    return flight_id(
        flight.carrier, own if flight.number is None else flight.number, flight.origin, f"{day:%Y%m%d}"
    )


def _moment(minute: int | None) -> int:
    return NEVER if minute is None else NOON + minute


def flight_facts(flights: Iterable[Flight], network: Network | None = None) -> FlightFacts:
    """Facts of some flights, sorted as the event store sorts them."""
    network = network or Network()
    rows = sorted(flights, key=lambda f: f.departs)

    def ints(values: Iterable[int]) -> Any:
        return np.array(list(values), dtype=np.int64)

    def known_delay(f: Flight) -> int:
        if f.gone is None:
            return 0
        return f.gone - f.departs if f.late is None else f.late

    return FlightFacts(
        network=network,
        flight_id=np.array([_identity(f, i) for i, f in enumerate(rows)], dtype=str),
        carrier=ints(network.carriers.code(f.carrier) for f in rows),
        origin=ints(network.airports.code(f.origin) for f in rows),
        dest=ints(network.airports.code(f.dest) for f in rows),
        sched_dep=ints(NOON + f.departs for f in rows),
        sched_arr=ints(NOON + f.departs + f.block for f in rows),
        scheduled_known=ints(NOON + f.scheduled_known for f in rows),
        dep_known=ints(_moment(f.gone) for f in rows),
        dep_delay=ints(known_delay(f) for f in rows),
        arr_known=ints(_moment(f.there) for f in rows),
        arr_delay=ints(f.arr_delay for f in rows),
        air_time=ints(f.air_time for f in rows),
        cancelled_known=ints(_moment(f.cancelled) for f in rows),
        superseded=ints(_moment(f.superseded) for f in rows),
        announced=announcements([(_identity(f, i), f) for i, f in enumerate(rows)]),
    )


def announcements(flights: Iterable[tuple[str, Flight]]) -> Announcements:
    """What was announced of some flights, in an order of no meaning."""
    said = [(name, "aircraft_assigned", at, tail, 0) for name, f in flights for at, tail in f.tails]
    said += [(name, "departure_estimated", at, "", late) for name, f in flights for at, late in f.estimates]
    said.sort(key=lambda event: (event[2], event[3]))
    names, kinds, known, tails, delays = zip(*said, strict=True) if said else ((),) * 5
    return Announcements(
        flight_id=np.array(names, dtype=str),
        kind=np.array(kinds, dtype=str),
        known=NOON + np.array(known, dtype=np.int64),
        sequence=np.arange(len(said)),
        tail=np.array(tails, dtype=str),
        delay=np.array(delays, dtype=np.int64),
    )


@dataclass(frozen=True)
class Observation:
    """One observation; minutes count from NOON, measures not named are missing."""

    airport: str
    observed: int
    known: int
    measures: dict[str, float]


def weather_facts(observations: Iterable[Observation], network: Network) -> WeatherFacts:
    """Facts of some observations."""
    rows = sorted(observations, key=lambda o: o.known)
    values = [[o.measures.get(name, np.nan) for name in WEATHER_COLUMNS] for o in rows]
    return WeatherFacts(
        network=network,
        airport=np.array([network.airports.code(o.airport) for o in rows], dtype=np.int64),
        observed=np.array([NOON + o.observed for o in rows], dtype=np.int64),
        known=np.array([NOON + o.known for o in rows], dtype=np.int64),
        values=np.array(values, dtype=np.float64).reshape(len(rows), len(WEATHER_COLUMNS)),
    )


def no_weather(network: Network) -> WeatherFacts:
    """Nothing observed."""
    return weather_facts([], network)


def state_of(
    flights: Iterable[Flight], at: int = 0, observations: Iterable[Observation] = (), n_ticks: int = 1
) -> StateBlock:
    """State of a world at NOON + `at`."""
    facts = flight_facts(flights)
    return compute_block(facts, weather_facts(observations, facts.network), NOON + at, n_ticks)


def value(block: StateBlock, kind: str, entity: str, column: str, tick: int = 0) -> float:
    """One number of a block."""
    table = block.tables[kind]
    return float(table.values[tick, table.index[entity], table.columns.index(column)])


def query(**changes: Any) -> Queries:
    """One question: UA 1 from EWR to IAH, asked at NOON, 60 minutes ahead."""
    row: dict[str, Any] = {
        "carrier": "UA",
        "number": 1,
        "origin": "EWR",
        "dest": "IAH",
        "sched_dep": NOON + 60,
        "sched_arr": NOON + 300,
    }
    row |= {"as_of": NOON} | changes
    return Queries(**{name: np.array([v]) for name, v in row.items()})  # type: ignore[arg-type]


CARRIERS = ("UA", "B6", "9E", "??")
AIRPORTS = ("EWR", "JFK", "IAH", "SJU", "ZZZ")
MINUTES = st.integers(-3 * 1440, 600)
SOMETIMES = st.none() | st.integers(-3 * 1440, 900)

drawn_flights = st.lists(
    st.builds(
        Flight,
        carrier=st.sampled_from(CARRIERS),
        origin=st.sampled_from(AIRPORTS[:2]),
        dest=st.sampled_from(AIRPORTS[1:]),
        departs=st.integers(-1440, 200) | st.integers(-31 * 1440, 600),
        block=st.integers(40, 600),
        scheduled_known=st.just(-40_000) | MINUTES,
        gone=SOMETIMES,
        late=st.none() | st.integers(-90, 1000),
        there=SOMETIMES,
        arr_delay=st.integers(-90, 1000),
        air_time=st.just(-1) | st.integers(20, 500),
        cancelled=SOMETIMES,
        number=st.none() | st.integers(1, 3),
        tails=st.lists(st.tuples(MINUTES, st.sampled_from(["N1", "N2"])), max_size=2).map(tuple),
        estimates=st.lists(st.tuples(MINUTES, st.integers(-90, 900)), max_size=2).map(tuple),
    ).filter(lambda f: f.origin != f.dest),
    max_size=25,
)
drawn_observations = st.lists(
    st.builds(
        Observation,
        airport=st.sampled_from(AIRPORTS[:2]),
        observed=st.integers(-2000, 60),
        known=st.integers(-2400, 120),
        measures=st.dictionaries(
            st.sampled_from([c for c in WEATHER_COLUMNS if c != "wind_dir_deg"]),
            st.floats(-50, 1100),
            max_size=5,
        )
        | st.fixed_dictionaries({"wind_dir_deg": st.floats(0, 360), "wind_speed_mph": st.floats(0, 80)}),
    ),
    max_size=12,
)


def same_bits(one: StateBlock, other: StateBlock) -> bool:
    """Whether two blocks over the same ticks say the same of every entity of either, bit for bit."""
    return all(_table_rows(one, kind) == _table_rows(other, kind) for kind in one.tables)


def _table_rows(block: StateBlock, kind: str) -> dict[str, bytes]:
    """Bytes of each entity's state, entities in the default state left out."""
    table = block.tables[kind]
    default = np.array([c.default for _, c in columns_of(kind)])
    nothing = np.broadcast_to(default, (len(table.values), len(default))).tobytes()
    rows = {name: (table.values[:, i] + 0.0).tobytes() for name, i in table.index.items()}
    return {name: row for name, row in rows.items() if row != nothing}
