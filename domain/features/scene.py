"""What a family sees when it computes the state of a run of ticks."""

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from domain.features.daily import HISTORY_MINUTES, Daily, daily_of
from domain.features.entities import Groups, group_by_hour, group_flights
from domain.features.grid import DAY_MINUTES, Ticks
from domain.features.turns import group_turns
from domain.flights import FlightFacts, Floats, Ints, WeatherFacts

RECENT_MINUTES = 2 * DAY_MINUTES
"""A flight scheduled longer ago counts in no recent window, however late its facts became known."""
AHEAD_MINUTES = 180
"""Flights scheduled further ahead of a tick count in no window."""
LOOKBACK_MINUTES = HISTORY_MINUTES + DAY_MINUTES
"""Flights with `sched_dep` at or before tick - LOOKBACK_MINUTES need not be given: they change no bit."""
CANCELLED_FROM_MINUTES = 60
"""Since when features see a cancellation, counted from the scheduled departure: what files of history allow to assume.

A model is fitted on those; a feed that reports cancellations sooner would show it counts that it has never seen
(`make cancellations` measures the harm)."""


def held_back(flights: FlightFacts) -> FlightFacts:
    """Return the facts with no cancellation known sooner than files of history say."""
    soonest = flights.sched_dep + CANCELLED_FROM_MINUTES
    return replace(flights, cancelled_known=np.maximum(flights.cancelled_known, soonest))


@dataclass(frozen=True)
class Scene:
    """A run of ticks that share one slow boundary, and the facts that may count in it."""

    ticks: Ticks
    boundary: int
    flights: FlightFacts
    weather: WeatherFacts

    @cached_property
    def groups(self) -> dict[str, Groups]:
        """Return the entities of all flights by kind, `origin_hour` left out."""
        return group_flights(self.flights)

    @cached_property
    def hour_groups(self) -> Groups:
        """Return the origin and local hour of all flights."""
        return group_by_hour(self.flights)

    @cached_property
    def daily(self) -> Daily:
        """Return the flights of thirty days whose arrival was known at the boundary."""
        return daily_of(self.flights, self.boundary)

    def of_daily(self, kind: str, values: Floats) -> Floats:
        """Return daily values of a kind, shape (n, n_columns), for the entities of the scene, shape (1, m, n_columns).

        NaN where the days know nothing of one.
        """
        daily, names = self.daily.groups[kind], self._names(kind)
        if names == daily.names:
            return values[None]
        rows = np.array([daily.index.get(name, -1) for name in names], dtype=np.int64)
        found = np.full((1, len(names), values.shape[1]), np.nan)
        found[0, rows >= 0] = values[rows[rows >= 0]]
        return found

    def _names(self, kind: str) -> tuple[str, ...]:
        return self.hour_groups.names if kind == "origin_hour" else self.groups[kind].names

    @cached_property
    def recent(self) -> FlightFacts:
        """Return the flights that may count in a recent window."""
        return self.flights.take(self._recent_rows)

    @cached_property
    def recent_groups(self) -> dict[str, Groups]:
        """Return the entities of the recent flights; the same names as `groups`."""
        return {kind: Groups(g.names, g.code[self._recent_rows]) for kind, g in self.groups.items()}

    @cached_property
    def recent_hours(self) -> Groups:
        """Return the origin and local hour of the recent flights; the same names as `hour_groups`."""
        return Groups(self.hour_groups.names, self.hour_groups.code[self._recent_rows])

    @cached_property
    def turns(self) -> Groups:
        """Return the turns of the recent flights that are about to leave."""
        return group_turns(self.recent, self.ticks, AHEAD_MINUTES)

    @cached_property
    def recent_start(self) -> Ints:
        """Return the minute from which on each recent flight may count: published, and not too far ahead."""
        return np.maximum(self.recent.scheduled_known, self.recent.sched_dep - AHEAD_MINUTES)

    @cached_property
    def recent_limit(self) -> Ints:
        """Return the minute from which on each recent flight counts no more: too old, or its next row counts."""
        return np.minimum(self.recent.sched_dep + RECENT_MINUTES, self.recent.superseded)

    @cached_property
    def _recent_rows(self) -> slice:
        return slice(
            int(np.searchsorted(self.flights.sched_dep, self.ticks.first - RECENT_MINUTES, "right")), None
        )
