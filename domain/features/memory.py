"""Memory: how late a flight number, a carrier's route and a carrier's hour have been, drawn to their parent's level.

Thirty days up to the daily boundary; a flight's weight halves every fortnight, so that the newest days count most and
no count grows through the year. What few flights tell is drawn towards the next larger group: a number to its
carrier's route, that route and the hour to their carrier.
"""

from typing import NamedTuple

import numpy as np

from domain.features.columns import Column, measure
from domain.features.daily import Daily
from domain.features.entities import Groups
from domain.features.padding import losses
from domain.features.scene import Scene
from domain.features.windows import winsorised
from domain.flights import Floats, Ints
from domain.labels import LATE_MINUTES

FAMILY = "memory"
KNOWN_AT = "arrival"
HALF_LIFE_DAYS = 14.0
UNIT = 1024
"""Weight of a flight of the newest day: weights are whole numbers, so that sums are exact."""
SHRINKAGE = {"carrier": 50.0, "carrier_hour": 20.0, "carrier_route": 20.0, "flight": 8.0}
"""Flights of the parent's mean that each group's own are mixed with."""
KINDS = ("carrier_hour", "carrier_route", "flight")


def _columns() -> tuple[Column, ...]:
    return (
        measure("usual_late_share", "share", KNOWN_AT),
        measure("usual_delay", "minutes", KNOWN_AT),
        measure("usual_loss", "minutes", KNOWN_AT),
    )


COLUMNS = {kind: _columns() for kind in KINDS}


class Sums(NamedTuple):
    """Weighted sums of one kind of group; arrays of shape (n_groups,) and (n_groups, n_columns)."""

    weight: Floats
    totals: Floats


def compute(scene: Scene) -> dict[str, Floats]:
    """Return the share late, mean delay and mean loss en route, shape (n_ticks, n_entities, n_columns) by kind."""
    usual = scene.daily.once(_usual)
    n_ticks = scene.ticks.count
    return {kind: np.broadcast_to(usual[kind], (n_ticks, *usual[kind].shape)) for kind in KINDS}


def weights(age_days: Ints) -> Ints:
    """Return the weight of flights by their age, whole numbers.

    Examples
    --------
    >>> weights(np.array([0, 14, 28])).tolist()
    [1024, 512, 256]
    """
    table = np.rint(UNIT * 0.5 ** (np.arange(64) / HALF_LIFE_DAYS)).astype(np.int64)
    return table[np.minimum(age_days, len(table) - 1)]


def _usual(daily: Daily) -> dict[str, Floats]:
    flights = daily.flights
    delay = winsorised(flights.arr_delay)
    values = np.stack([(delay >= LATE_MINUTES).astype(np.int64), delay, losses(flights)], axis=1)
    weight = weights(daily.age_days)
    everything = np.zeros(len(flights), dtype=np.int64)
    level = _shrunk(_sums(everything, 1, weight, values), np.zeros((1, values.shape[1])), 0.0)
    carriers = daily.groups["carrier"]
    of_carrier = _shrunk(
        _grouped(carriers, weight, values), np.repeat(level, len(carriers), axis=0), SHRINKAGE["carrier"]
    )
    found = {}
    for kind in ("carrier_hour", "carrier_route"):
        groups = daily.groups[kind]
        parents = of_carrier[_parents(groups, carriers)]
        found[kind] = _shrunk(_grouped(groups, weight, values), parents, SHRINKAGE[kind])
    numbers, routes = daily.groups["flight"], daily.groups["carrier_route"]
    # A number may fly to another place from one day on: its parent is the route of its newest flight.
    parents = found["carrier_route"][_parents(numbers, routes)]
    found["flight"] = _shrunk(_grouped(numbers, weight, values), parents, SHRINKAGE["flight"])
    return found


def _grouped(groups: Groups, weight: Ints, values: Ints) -> Sums:
    return _sums(groups.code, len(groups), weight, values)


def _sums(code: Ints, n: int, weight: Ints, values: Ints) -> Sums:
    totals = [np.bincount(code, weight * column, minlength=n) for column in values.T]
    return Sums(np.bincount(code, weight, minlength=n).astype(float), np.stack(totals, axis=1).astype(float))


def _shrunk(sums: Sums, parents: Floats, flights: float) -> Floats:
    prior = UNIT * flights
    total = np.maximum(sums.weight + prior, 1.0)[:, None]
    shrunk: Floats = (sums.totals + prior * parents) / total
    return shrunk


def _parents(groups: Groups, parents: Groups) -> Ints:
    """Return each group's parent: that of its last row."""
    parent = np.zeros(len(groups), dtype=np.int64)
    parent[groups.code] = parents.code
    return parent
