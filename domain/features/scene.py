"""What a family sees when it computes the state of a run of ticks."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from domain.features.entities import Groups, group_by_hour, group_flights
from domain.features.grid import DAY_MINUTES, Ticks
from domain.flights import FlightFacts, Ints, WeatherFacts

HISTORY_MINUTES = 30 * DAY_MINUTES
"""Slow statistics reach this far back from their daily boundary."""
RECENT_MINUTES = 2 * DAY_MINUTES
"""A flight scheduled longer ago counts in no recent window, however late its facts became known."""
AHEAD_MINUTES = 180
"""Flights scheduled further ahead of a tick count in no window."""
LOOKBACK_MINUTES = HISTORY_MINUTES + DAY_MINUTES
"""Flights with `sched_dep` at or before tick - LOOKBACK_MINUTES need not be given: they change no bit."""


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
