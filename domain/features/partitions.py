"""The vectors of many questions by partitions: a month of questions, with the facts that may count in it.

A partition needs nothing but what it is given, so that partitions can be computed anywhere and in any order: its
vectors are the same bit for bit as those of the whole. A day's state is that of every airport at once, so that a
partition of one airport alone computes the state of its month for itself.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeVar

import numpy as np

from domain.features.grid import slow_boundary, tick_of
from domain.features.scene import AHEAD_MINUTES, LOOKBACK_MINUTES
from domain.features.vectors import vectors_for
from domain.flights import (
    Announcements,
    FlightFacts,
    Floats,
    Ints,
    Queries,
    WeatherFacts,
    columns_of,
    no_announcements,
)

Facts = TypeVar("Facts", FlightFacts, WeatherFacts)


@dataclass(frozen=True)
class Partition:
    """Some questions of one month."""

    rows: Ints
    """Where they stand among all questions, ascending."""
    queries: Queries

    def needs(self) -> tuple[int, int]:
        """Return the first and last minute of the scheduled departures that may count in it."""
        ticks = tick_of(self.queries.as_of)
        first = slow_boundary(int(ticks.min())) - LOOKBACK_MINUTES
        return first, int(ticks.max()) + AHEAD_MINUTES


@dataclass(frozen=True)
class Shard:
    """The facts of one month: flights by scheduled departure, weather by when it was known."""

    begins: int
    """Minute since the epoch, included."""
    ends: int
    """Minute since the epoch, not included."""
    flights: FlightFacts
    """Without announcements, which are not cut by month."""
    weather: WeatherFacts


def month_of(minute: Ints) -> Ints:
    """Return the months of minutes since the epoch, counted from January 1970; UTC.

    Examples
    --------
    >>> month_of(np.array([0, 31 * 1440 - 1, 31 * 1440])).tolist()
    [0, 0, 1]
    """
    return minute.astype("datetime64[m]").astype("datetime64[M]").astype(np.int64)


def month_begins(month: Ints) -> Ints:
    """Return the first minutes of months.

    Examples
    --------
    >>> month_begins(np.array([0, 1])).tolist()
    [0, 44640]
    """
    return month.astype("datetime64[M]").astype("datetime64[m]").astype(np.int64)


def partitions(queries: Queries, by_airport: bool = False) -> list[Partition]:
    """Cut questions by month, so that no day's state is computed in two of them; in the order of months.

    Parameters
    ----------
    by_airport : bool
        Cut each month by origin too: more and smaller partitions, which each compute the month's state.
    """
    month = month_of(slow_boundary(tick_of(queries.as_of)))
    _, airport = np.unique(queries.origin, return_inverse=True)
    airport = airport.reshape(-1) if by_airport else np.zeros(len(queries), dtype=np.int64)
    order = np.lexsort((airport, month))
    moved = (np.diff(month[order], prepend=-1) != 0) | (np.diff(airport[order], prepend=0) != 0)
    cut = np.split(order, np.flatnonzero(moved)[1:]) if len(order) else []
    return [Partition(rows, queries.take(rows)) for rows in cut]


def shards(flights: FlightFacts, weather: WeatherFacts) -> list[Shard]:
    """Cut facts by month, at least one shard; nothing is copied."""
    bare = replace(flights, announced=no_announcements())
    minutes = np.concatenate(
        [flights.sched_dep[:1], flights.sched_dep[-1:], weather.known[:1], weather.known[-1:]]
    )
    months = month_of(minutes if len(minutes) else np.zeros(1, dtype=np.int64))
    edges = month_begins(np.arange(months.min(), months.max() + 2))
    of_flights, of_weather = np.searchsorted(flights.sched_dep, edges), np.searchsorted(weather.known, edges)
    return [
        Shard(
            int(edges[i]),
            int(edges[i + 1]),
            bare.take(slice(of_flights[i], of_flights[i + 1])),
            weather.take(slice(of_weather[i], of_weather[i + 1])),
        )
        for i in range(len(edges) - 1)
    ]


def needed(first: int, last: int, cut: Sequence[Shard]) -> list[int]:
    """Return the positions of the shards between two minutes, both included; at least one."""
    return [i for i, shard in enumerate(cut) if shard.begins <= last and shard.ends > first] or [0]


def partition_vectors(queries: Queries, announced: Announcements, *cut: Shard) -> Floats:
    """Compute the vectors of a partition from the shards that it needs, in their order; shape (n, n_features)."""
    flights, weather = joined(cut)
    return vectors_for(queries, replace(flights, announced=announced), weather)


def joined(cut: Sequence[Shard]) -> tuple[FlightFacts, WeatherFacts]:
    """Return the facts of shards that follow each other."""
    return _joined([shard.flights for shard in cut]), _joined([shard.weather for shard in cut])


def _joined(parts: Sequence[Facts]) -> Facts:
    if len(parts) == 1:
        return parts[0]
    names = columns_of(type(parts[0]))
    whole: dict[str, Any] = {name: np.concatenate([getattr(part, name) for part in parts]) for name in names}
    return replace(parts[0], **whole)
