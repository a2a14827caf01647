"""What is computed once a day: thirty days of flights whose arrival was known at a daily boundary.

Statistics over them move at the boundary alone. The newest few boundaries are kept, so that the ticks of a day share
the work; whether a kept one holds exactly the same flights is compared, never assumed.
"""

from collections.abc import Callable
from functools import cached_property
from typing import Any, TypeVar

import numpy as np

from domain.features.entities import (
    Groups,
    group_by_hour,
    group_carrier_hours,
    group_carrier_routes,
    group_flights,
    group_numbers,
)
from domain.features.grid import DAY_MINUTES
from domain.flights import FlightFacts, Ints, columns_of

HISTORY_MINUTES = 30 * DAY_MINUTES
"""Slow statistics reach this far back from their daily boundary."""
KEPT = 3

T = TypeVar("T")


class Daily:
    """Flights whose arrival was known at a boundary, and what was computed of them.

    Parameters
    ----------
    flights : FlightFacts
        Those flights alone; what became known of them after the boundary is left out.
    boundary : int
        Minutes since the epoch.
    """

    def __init__(self, flights: FlightFacts, boundary: int):
        self.flights = flights.known_by(boundary)
        self.boundary = boundary
        self._given = flights
        self._carriers = tuple(flights.network.carriers.names)
        self._airports = tuple(flights.network.airports.names)
        self._computed: dict[str, Any] = {}

    def once(self, compute: Callable[["Daily"], T]) -> T:
        """Return what a function computes of these flights; computed when it is asked for first."""
        name = f"{compute.__module__}.{compute.__qualname__}"
        if name not in self._computed:
            self._computed[name] = compute(self)
        found: T = self._computed[name]
        return found

    @cached_property
    def groups(self) -> dict[str, Groups]:
        """Return the entities of the flights by kind."""
        return group_flights(self.flights) | {
            "origin_hour": group_by_hour(self.flights),
            "carrier_hour": group_carrier_hours(self.flights),
            "carrier_route": group_carrier_routes(self.flights),
            "flight": group_numbers(self.flights),
        }

    @cached_property
    def age_days(self) -> Ints:
        """Return the whole days from each scheduled departure to the boundary, shape (n_flights,)."""
        return (self.boundary - self.flights.sched_dep) // DAY_MINUTES

    def holds(self, flights: FlightFacts, rows: Ints, boundary: int) -> bool:
        """Return whether it was made of these rows of flights at the same boundary."""
        if boundary != self.boundary or len(rows) != len(self.flights):
            return False
        network = flights.network
        if (
            tuple(network.carriers.names[: len(self._carriers)]) != self._carriers
            or tuple(network.airports.names[: len(self._airports)]) != self._airports
        ):
            return False
        return all(
            np.array_equal(getattr(flights, name)[rows], getattr(self._given, name))
            for name in columns_of(FlightFacts)
        )


_kept: list[Daily] = []


def daily_of(flights: FlightFacts, boundary: int) -> Daily:
    """Return the thirty days before a boundary, from a kept computation where there is one.

    Parameters
    ----------
    flights : FlightFacts
        More may be among them: too old ones, and what became known after the boundary.
    """
    global _kept
    rows = _settled(flights, boundary)
    for kept in _kept:
        if kept.holds(flights, rows, boundary):
            return kept
    made = Daily(flights.take(rows), boundary)
    # A new list, not a changed one: another thread may walk the old one.
    _kept = [made, *_kept[: KEPT - 1]]
    return made


def _settled(flights: FlightFacts, boundary: int) -> Ints:
    """Return the rows of the flights whose arrival was known at the boundary, of thirty days."""
    known = np.maximum(flights.arr_known, flights.scheduled_known) <= boundary
    known &= flights.superseded > boundary
    age = boundary - flights.sched_dep
    inside = (age >= 0) & (age < HISTORY_MINUTES)
    return np.flatnonzero(known & inside)
