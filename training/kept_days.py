"""The days of a training set, each under a hash of everything that its vectors are computed from.

Two sets that share a day, its questions and the facts that may count in it, have the same vectors of it: those of a
retrain are those of the retrain a week before but for the newest days. There is nothing to invalidate: another fact,
another airport or another line of the code that computes is another key.
"""

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, fields
from functools import cache
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt

from adapters.code_hash import code_hash
from domain.airports import AIRPORTS, zone_offsets
from domain.features.catalogue import CONTRACT_HASH
from domain.features.grid import DAY_MINUTES, SLOW_REFRESH_MINUTE, slow_boundary, tick_of
from domain.features.partitions import Partition
from domain.flights import (
    Announcements,
    FlightFacts,
    Ints,
    Queries,
    Strings,
    Vocabulary,
    WeatherFacts,
    columns_of,
)

CODE = ("domain", "training/vectors.py", "training/kept_days.py")
MADE_BY = f"{CONTRACT_HASH} {code_hash(CODE)} numpy {np.__version__}"
"""What computes here. Hashed as this process begins: an upgrade changes the files below one that runs."""
NAMED = ("flight_id", "carrier", "origin", "dest", "airport")
"""Columns of facts that are hashed by name: a code is the order in which a process happened to meet the names."""


@dataclass(frozen=True)
class Day:
    """The questions of one day, from 08:00 UTC to the next: what is computed in one go."""

    rows: Ints
    """Where they stand among all questions, ascending."""
    key: str


def days_of(queries: Queries, flights: FlightFacts, weather: WeatherFacts) -> list[Day]:
    """Cut questions by day, and hash for each what `domain.features.partitions` would compute it from."""
    facts = _flights_by_day(flights), _weather_by_day(weather)
    boundary = slow_boundary(tick_of(queries.as_of))
    order = np.argsort(boundary, kind="stable")
    starts = np.flatnonzero(np.diff(boundary[order], prepend=-1))
    days = []
    for rows in np.split(order, starts[1:]) if len(order) else []:
        partition = Partition(rows, queries.take(rows))
        digest = hashlib.sha256(MADE_BY.encode())
        digest.update(_queries(partition.queries))
        for by_day in facts:
            digest.update(_between(by_day, *partition.needs()))
        days.append(Day(rows, digest.hexdigest()))
    return days


def _between(by_day: Mapping[int, bytes], first: int, last: int) -> bytes:
    """Return a hash of the facts of the days of two minutes and of those between."""
    days = range(_day(first), _day(last) + 1)
    return hashlib.sha256(b"".join(by_day[day] for day in days if day in by_day)).digest()


def _queries(queries: Queries) -> bytes:
    columns = {field.name: getattr(queries, field.name) for field in fields(queries)}
    return _hash(columns.values(), {*queries.origin.tolist(), *queries.dest.tolist()})


def _flights_by_day(flights: FlightFacts) -> dict[int, bytes]:
    carriers, airports = _named(flights.network.carriers), _named(flights.network.airports)
    announced = _sorted(flights.announced)
    found = {}
    for day, rows in _days(flights.sched_dep):
        some = flights.take(rows)
        origin, dest = airports[some.origin], airports[some.dest]
        columns = [some.flight_id, carriers[some.carrier], origin, dest, *_others(some)]
        digest = _hash(columns, {*origin.tolist(), *dest.tolist()})
        found[day] = digest + _announced(announced, some.flight_id) if len(announced) else digest
    return found


def _weather_by_day(weather: WeatherFacts) -> dict[int, bytes]:
    airports = _named(weather.network.airports)
    found = {}
    for day, rows in _days(weather.known):
        some = weather.take(rows)
        airport = airports[some.airport]
        found[day] = _hash([airport, *_others(some)], set(airport.tolist()))
    return found


def _others(facts: FlightFacts | WeatherFacts) -> list[npt.NDArray[Any]]:
    """Return all columns that are not hashed by name: one that is added to the facts is among them."""
    return [getattr(facts, name) for name in columns_of(type(facts)) if name not in NAMED]


def _announced(announced: Announcements, flight_ids: Strings) -> bytes:
    """Return a hash of what was announced of some flights, in the order in which it counts."""
    names = np.unique(flight_ids)
    ends = [np.searchsorted(announced.flight_id, names, side).tolist() for side in ("left", "right")]
    some = announced.take(np.concatenate([np.arange(first, last) for first, last in zip(*ends, strict=True)]))
    columns = [getattr(some, name) for name in columns_of(Announcements) if name != "sequence"]
    return _hash(columns, ())


def _sorted(announced: Announcements) -> Announcements:
    return announced.take(np.lexsort((announced.sequence, announced.known, announced.flight_id)))


def _hash(columns: Iterable[npt.NDArray[Any]], airports: Iterable[str]) -> bytes:
    """Return the sha-256 of columns of as many rows, and of what features know of some airports."""
    digest, texts = hashlib.sha256(), [_airport(name) for name in sorted(airports)]
    for column in columns:
        if column.dtype.kind == "U":
            # Not as bytes, which are as wide as the longest name of the whole set.
            texts += column.tolist()
        else:
            digest.update(f"{column.dtype} {column.shape}".encode())
            digest.update(np.ascontiguousarray(column).data)
    # No name holds this character: neither PostgreSQL nor NumPy keeps it.
    digest.update("\0".join(texts).encode())
    return digest.digest()


@cache
def _airport(name: str) -> str:
    """Return where an airport is and which local time it keeps: both come from packages with releases of their own."""
    known = AIRPORTS.get(name)
    if known is None:
        return name
    offsets = zone_offsets(known.zone)
    return f"{name} {known} {offsets.since.tolist()} {offsets.minutes.tolist()}"


def _named(vocabulary: Vocabulary) -> Strings:
    return np.array(vocabulary.names, dtype=str)


def _days(minutes: Ints) -> Iterator[tuple[int, slice]]:
    """Yield the days of ascending minutes, each with where it is."""
    if not len(minutes):
        return
    first, last = _day(int(minutes[0])), _day(int(minutes[-1]))
    begins = np.arange(first, last + 2) * DAY_MINUTES + SLOW_REFRESH_MINUTE
    edges = pairwise(np.searchsorted(minutes, begins).tolist())
    yield from ((first + i, slice(*ends)) for i, ends in enumerate(edges) if ends[0] < ends[1])


def _day(minute: int) -> int:
    """Return the number of a day that begins at 08:00 UTC."""
    return (minute - SLOW_REFRESH_MINUTE) // DAY_MINUTES
