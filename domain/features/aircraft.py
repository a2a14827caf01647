"""Aircraft: where the aircraft is that is to fly, by its last leg before; of sites whose feed announces assignments.

The tail that is recorded after the fact knows of swaps to come. An assignment counts from the moment it was announced
until another one is.
"""

import numpy as np

from domain.features.columns import DELAY_CEILING, DELAY_FLOOR, measure
from domain.features.grid import DAY_MINUTES
from domain.features.scene import AHEAD_MINUTES, Scene
from domain.features.turns import KIND, WIDE, nothing_known, ranges, said_of
from domain.features.windows import expand
from domain.flights import Floats, Ints

FAMILY = "aircraft"
EVENT = "aircraft_assigned"
KNOWN_AT = "schedule, assignment, actual departure, arrival"
COLUMNS = {
    KIND: (
        measure("minutes", "minutes", "schedule, assignment"),
        measure("slack", "minutes", KNOWN_AT),
        measure("inbound_delay", "minutes", KNOWN_AT),
        measure("inbound_gone", "share", "assignment, actual departure"),
        measure("inbound_there", "share", "assignment, arrival"),
        measure("inbound_here", "share", "schedule, assignment"),
    )
}


def compute(scene: Scene) -> dict[str, Floats]:
    """Return how the leg before each turn stands, shape (n_ticks, n_turns, n_columns)."""
    flights, minutes = scene.recent, scene.ticks.minutes()
    values = nothing_known(scene.ticks, scene.turns, len(COLUMNS[KIND]))
    turn, inbound, tick = _legs_before(scene)
    now, late = minutes[tick], _lateness(scene, inbound, minutes[tick])
    room = flights.sched_dep[turn] - flights.sched_arr[inbound]
    columns = (
        room,
        np.clip(room - late, -DAY_MINUTES, DAY_MINUTES),
        np.clip(late, DELAY_FLOOR, DELAY_CEILING),
        flights.dep_known[inbound] <= now,
        flights.arr_known[inbound] <= now,
        flights.dest[inbound] == flights.origin[turn],
    )
    values[tick, scene.turns.code[turn]] = np.array(columns, dtype=np.float64).T
    return {KIND: values}


def _legs_before(scene: Scene) -> tuple[Ints, Ints, Ints]:
    """Return turn, leg before it and tick, wherever both are known at the tick to have the same aircraft.

    Of the legs of the day before a turn, those that are called off left out, the last.
    """
    flights = scene.recent
    legs = said_of(flights, scene.flights.announced, EVENT)
    _, tail = np.unique(scene.flights.announced.tail[legs.event], return_inverse=True)
    place = tail * WIDE + flights.sched_dep[legs.row]
    order = np.argsort(place, kind="stable")
    turns = np.flatnonzero(scene.turns.code[legs.row] >= 0)
    low, high = (np.searchsorted(place[order], place[turns] - back, side="left") for back in (DAY_MINUTES, 0))
    owner, position = ranges(low, high)
    turn, before = turns[owner], order[position]
    departure, inbound = flights.sched_dep[legs.row[turn]], legs.row[before]
    start = np.maximum.reduce([legs.start[turn], legs.start[before], departure - AHEAD_MINUTES])
    stop = np.minimum.reduce(
        [legs.stop[turn], legs.stop[before], departure + 1, flights.cancelled_known[inbound]]
    )
    pairs = expand(start, stop, scene.ticks)
    turn, inbound = legs.row[turn[pairs.flight]], inbound[pairs.flight]
    last = np.lexsort((inbound, flights.sched_dep[inbound], pairs.tick, turn))
    ends = np.ones(len(last), dtype=bool)
    ends[:-1] = (np.diff(turn[last]) != 0) | (np.diff(pairs.tick[last]) != 0)
    last = last[ends]
    return turn[last], inbound[last], pairs.tick[last]


def _lateness(scene: Scene, inbound: Ints, now: Ints) -> Ints:
    """Return how late each leg is to arrive by what is known at a minute, on time where nothing says otherwise."""
    flights, announced = scene.recent, scene.flights.announced
    estimate = said_of(flights, announced, "departure_estimated").at(inbound, now)
    expected = announced.delay[estimate] if len(announced) else np.zeros(len(inbound), dtype=np.int64)
    waited = np.maximum(np.where(estimate >= 0, expected, 0), now - flights.sched_dep[inbound])
    # It may make up time on its way, but has not arrived.
    flying = np.maximum(flights.dep_delay[inbound], now - flights.sched_arr[inbound])
    gone, there = flights.dep_known[inbound] <= now, flights.arr_known[inbound] <= now
    late = np.where(gone, flying, np.maximum(waited, 0))
    return np.where(there, flights.arr_delay[inbound], late)
