"""Revisions: what was known of a flight after each of its events, where a later event changes what an earlier one said.

A flight whose events were never revised is one row of `FlightFacts`, whose `*_known` say since when each part counts.
A retimed, reinstated or corrected flight is a row for every state of knowledge: together they say at each minute what
the newest revision known by then said, and what was said before does not change.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from domain.clock import NEVER
from domain.flights import FlightFacts, Ints, Network, Strings

CALLED_OFF = ("cancelled", "diverted")
REVERSED = "reinstated"


@dataclass(frozen=True)
class FlightHistory:
    """Events of some flights, revisions included, in any order; every array has shape (n_events,).

    Columns of the schedule mean nothing in events of another kind, nor do delays in events that have none.
    """

    network: Network
    flight_id: Strings
    kind: Strings
    known: Ints
    sequence: Ints
    """Order in which events became known: of two of one flight the newer has the greater."""
    carrier: Ints
    """Code in `network.carriers`."""
    origin: Ints
    """Code in `network.airports`."""
    dest: Ints
    """Code in `network.airports`."""
    sched_dep: Ints
    sched_arr: Ints
    delay: Ints
    air_time: Ints

    def facts(self) -> FlightFacts:
        """Return the rows of all flights that are scheduled, sorted by (sched_dep, flight_id, scheduled_known)."""
        _, flight = np.unique(self.flight_id, return_inverse=True)
        order = np.lexsort((self.sequence, flight))
        walk = _Walk(flight[order], self.kind[order])
        schedule, gone, there = (walk.newest(walk.of(kind)) for kind in ("scheduled", "departed", "arrived"))
        known = self.known[order]
        rows = np.flatnonzero((schedule >= 0) & walk.last_of_its_minute(known))
        event = order[np.maximum(schedule, 0)][rows]
        facts = FlightFacts(
            network=self.network,
            flight_id=self.flight_id[event],
            carrier=self.carrier[event],
            origin=self.origin[event],
            dest=self.dest[event],
            sched_dep=self.sched_dep[event],
            sched_arr=self.sched_arr[event],
            scheduled_known=known[rows],
            dep_known=_at(known, walk.first("departed"), NEVER)[rows],
            dep_delay=_at(self.delay[order], gone, 0)[rows],
            arr_known=_at(known, walk.first("arrived"), NEVER)[rows],
            arr_delay=_at(self.delay[order], there, 0)[rows],
            air_time=_at(self.air_time[order], there, -1)[rows],
            cancelled_known=_at(known, walk.called_off(), NEVER)[rows],
            superseded=_next(walk.flight[rows], known[rows]),
        )
        return in_order(facts)


@dataclass(frozen=True)
class _Walk:
    """Events sorted by flight and then by when they became known; positions of -1 mean none."""

    flight: Ints
    kind: Strings

    def of(self, *kinds: str) -> npt.NDArray[np.bool_]:
        return np.isin(self.kind, kinds)

    def newest(self, chosen: npt.NDArray[np.bool_]) -> Ints:
        """Return for each event the position of the flight's newest chosen event up to it."""
        positions = np.arange(len(self.flight))
        newest = np.maximum.accumulate(np.where(chosen, positions, -1))
        start = np.searchsorted(self.flight, self.flight, side="left")
        return np.where(newest >= start, newest, -1)

    def first(self, kind: str) -> Ints:
        """Return for each event the position of the flight's first event of a kind up to it."""
        chosen = np.flatnonzero(self.of(kind))
        _, firsts = np.unique(self.flight[chosen], return_index=True)
        mask = np.zeros(len(self.flight), dtype=bool)
        mask[chosen[firsts]] = True
        return self.newest(mask)

    def called_off(self) -> Ints:
        """Return for each event the position of the one since which the flight is cancelled or diverted."""
        off, status = self.of(*CALLED_OFF), self.newest(self.of(*CALLED_OFF, REVERSED))
        before = np.concatenate([[-1], status[:-1]]) if len(status) else status
        same_flight = np.concatenate([[False], self.flight[1:] == self.flight[:-1]])[: len(self.flight)]
        was_off = same_flight & (before >= 0) & off[np.maximum(before, 0)]
        since = self.newest(off & ~was_off)
        return np.where((status >= 0) & off[np.maximum(status, 0)], since, -1)

    def last_of_its_minute(self, known: Ints) -> npt.NDArray[np.bool_]:
        """Return whether no other event of the flight became known in the same minute, later."""
        last: npt.NDArray[np.bool_] = _next(self.flight, known) != known
        return last


def in_order(flights: FlightFacts) -> FlightFacts:
    """Sort flights by (scheduled departure, flight_id, scheduled_known)."""
    return flights.take(np.lexsort((flights.scheduled_known, flights.flight_id, flights.sched_dep)))


def _at(values: Ints, positions: Ints, missing: int) -> Ints:
    return np.where(positions >= 0, values[np.maximum(positions, 0)], missing)


def _next(flight: Ints, known: Ints) -> Ints:
    """Return when the flight's next row became known, NEVER in its last; rows are sorted by flight and time."""
    following: Ints = np.full(len(known), NEVER, dtype=np.int64)
    same = np.flatnonzero(flight[1:] == flight[:-1])
    following[same] = known[same + 1]
    return following
