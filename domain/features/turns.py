"""Turns: the flights about to leave, and what a feed announced of them; entities only where a site has such events.

A turn's name has its scheduled departure: tomorrow's flight of a number is asked about while today's is about to leave.
"""

from dataclasses import dataclass
from typing import Self

import numpy as np

from domain.clock import NEVER
from domain.features.entities import Groups, number_name
from domain.features.grid import Ticks
from domain.flights import Announcements, FlightFacts, Floats, Ints, flight_numbers

KIND = "turn"
WIDE = 1 << 40
"""More than any minute: a code and a minute make one number."""


def turn_name(carrier: str, number: int, origin: str, sched_dep: int) -> str:
    """Return the name of a flight about to leave.

    Examples
    --------
    >>> turn_name("UA", 1545, "EWR", 22760355)
    'UA1545-EWR@22760355'
    """
    return f"{number_name(carrier, number, origin)}@{sched_dep}"


def group_turns(flights: FlightFacts, ticks: Ticks, ahead: int) -> Groups:
    """Sort the flights that are about to leave at some tick of a run into their turns; the others have none."""
    code = np.full(len(flights), -1, dtype=np.int64)
    rows = np.flatnonzero((flights.sched_dep >= ticks.first) & (flights.sched_dep <= ticks.last + ahead))
    carriers, airports = flights.network.carriers.names, flights.network.airports.names
    numbers = flight_numbers(flights.flight_id[rows])
    names = np.array(
        [
            turn_name(carriers[flights.carrier[row]], number, airports[flights.origin[row]], departure)
            for row, number, departure in zip(
                rows.tolist(), numbers.tolist(), flights.sched_dep[rows].tolist(), strict=True
            )
        ],
        dtype=str,
    )
    present, code[rows] = np.unique(names, return_inverse=True)
    return Groups(tuple(present.tolist()), code)


@dataclass(frozen=True)
class Said:
    """What was announced of rows of flights, and from when until when it counts; every array has shape (n,)."""

    row: Ints
    event: Ints
    """Position of the announcement among those that were given."""
    start: Ints
    stop: Ints

    def take(self, rows: np.ndarray) -> Self:
        """Keep the rows of a mask or an index."""
        return type(self)(self.row[rows], self.event[rows], self.start[rows], self.stop[rows])

    def at(self, row: Ints, minute: Ints) -> Ints:
        """Return the announcement that counts of some rows at some minutes, -1 where there is none."""
        if not len(self.row):
            return np.full(len(row), -1, dtype=np.int64)
        order = np.lexsort((self.start, self.row))
        keys = self.row[order] * WIDE + self.start[order]
        found = order[np.maximum(np.searchsorted(keys, row * WIDE + minute, side="right") - 1, 0)]
        counts = (self.row[found] == row) & (self.start[found] <= minute) & (minute < self.stop[found])
        return np.where(counts, self.event[found], -1)


def said_of(flights: FlightFacts, announced: Announcements, kind: str) -> Said:
    """Return which announcement of a kind counts when of which rows: the newest known, while its row counts."""
    events = np.flatnonzero(announced.kind == kind)
    events = events[
        np.lexsort((announced.sequence[events], announced.known[events], announced.flight_id[events]))
    ]
    names, known = announced.flight_id[events], announced.known[events]
    until = np.full(len(events), NEVER, dtype=np.int64)
    same = np.flatnonzero(names[1:] == names[:-1])
    until[same] = known[same + 1]
    order = np.argsort(flights.flight_id, kind="stable")
    low, high = (np.searchsorted(flights.flight_id[order], names, side=side) for side in ("left", "right"))
    event, position = ranges(low, high)
    row = order[position]
    start = np.maximum(known[event], flights.scheduled_known[row])
    stop = np.minimum(until[event], flights.superseded[row])
    counts = start < stop
    return Said(row[counts], events[event[counts]], start[counts], stop[counts])


def ranges(low: Ints, high: Ints) -> tuple[Ints, Ints]:
    """Return every position of some half-open ranges, and which range each is of.

    Examples
    --------
    >>> [part.tolist() for part in ranges(np.array([4, 7]), np.array([6, 8]))]
    [[0, 0, 1], [4, 5, 7]]
    """
    counts = high - low
    owner = np.repeat(np.arange(len(low)), counts)
    return owner, np.arange(len(owner)) - (np.cumsum(counts) - counts)[owner] + low[owner]


def nothing_known(ticks: Ticks, turns: Groups, columns: int) -> Floats:
    """Return values in which every column of every turn is unknown, shape (n_ticks, n_turns, n_columns)."""
    return np.full((ticks.count, len(turns), columns), np.nan)
