"""Padding and winds aloft: how long flights really take, against how long the schedule says.

A flight with twenty minutes of slack in its block may leave late and arrive on time; a headwind eats that
slack. Elapsed time is gate to gate: scheduled block + arrival delay - departure delay.
"""

from dataclasses import dataclass

import numpy as np

from domain.features.columns import Column, measure
from domain.features.daily import Daily
from domain.features.history import slow_pairs
from domain.features.scene import Scene
from domain.features.windows import Pairs, Tally, expand, ratio, until
from domain.flights import FlightFacts, Floats, Ints

FAMILY = "padding"
KNOWN_AT = "arrival"
WINDOWS = {"3h": 180, "12h": 720}
RECENT_KINDS = ("origin", "dest", "sector")
USUAL_KINDS = ("origin_hour", "origin_carrier")
"""Kinds whose flights take longer or shorter than their routes do over the day: queues for the runway."""
LOSS_BOUNDS = (-120, 120)
"""Arrival minus departure delay beyond two hours is a flight that came back, not wind."""


def _recent_columns() -> tuple[Column, ...]:
    return tuple(
        column
        for window in WINDOWS
        for column in (
            measure(f"en_route_loss_{window}", "minutes", KNOWN_AT),
            measure(f"elapsed_excess_{window}", "minutes", KNOWN_AT),
            measure(f"air_time_excess_{window}", "share", KNOWN_AT),
        )
    )


COLUMNS = {
    "route": (
        measure("elapsed_30d", "minutes", KNOWN_AT),
        measure("air_time_30d", "minutes", KNOWN_AT),
        measure("en_route_loss_30d", "minutes", KNOWN_AT),
    ),
    **{kind: (measure("elapsed_excess_30d", "minutes", KNOWN_AT),) for kind in USUAL_KINDS},
    **{kind: _recent_columns() for kind in RECENT_KINDS},
}


def compute(scene: Scene) -> dict[str, Floats]:
    """Return the thirty-day means of routes and recent excess over them, shape (n_ticks, n_entities, n_columns)."""
    daily = {
        kind: scene.of_daily(kind, values)
        for kind, values in (scene.daily.once(_slow) | scene.daily.once(_usual)).items()
    }
    full = {
        kind: np.broadcast_to(layers, (scene.ticks.count, *layers.shape[1:]))
        for kind, layers in daily.items()
    }
    return full | _recent(scene, *_expected_tenths(scene, daily["route"][0]))


def losses(flights: FlightFacts) -> Ints:
    """Return the minutes each flight lost between departure and arrival, within bounds; shape (n_flights,)."""
    loss: Ints = np.clip(flights.arr_delay - flights.dep_delay, *LOSS_BOUNDS)
    return loss


def _slow(daily: Daily) -> dict[str, Floats]:
    """Return the mean elapsed time, air time and loss en route of each route, shape (n_routes, 3)."""
    flights = daily.flights
    pairs = daily.once(flown)
    loss = losses(flights)[pairs.flight]
    elapsed = (flights.sched_arr - flights.sched_dep)[pairs.flight] + loss
    tally = Tally(daily.groups["route"], pairs, 1)
    timed = pairs.where(flights.air_time[pairs.flight] > 0)
    in_air = Tally(daily.groups["route"], timed, 1)
    n = tally.count()
    air = ratio(in_air.sum(flights.air_time[timed.flight]), in_air.count())
    return {"route": np.stack([ratio(tally.sum(elapsed), n), air, ratio(tally.sum(loss), n)], axis=2)[0]}


def flown(daily: Daily) -> Pairs:
    """Return the arrivals of thirty days whose departure was known too, as pairs with one tick."""
    pairs = slow_pairs(daily)
    return pairs.where(daily.flights.dep_known <= daily.boundary)


def _usual(daily: Daily) -> dict[str, Floats]:
    """Return the mean excess of elapsed time over the route's mean, shape (n_entities, 1) by kind."""
    flights, pairs = daily.flights, daily.once(flown)
    slow = daily.once(_slow)["route"]
    expected = np.rint(10 * np.nan_to_num(slow[:, 0])).astype(np.int64)[daily.groups["route"].code]
    excess = 10 * (flights.sched_arr - flights.sched_dep + losses(flights)) - expected
    tallies = {kind: Tally(daily.groups[kind], pairs, 1) for kind in USUAL_KINDS}
    return {
        kind: ratio(tally.sum(excess[pairs.flight]), 10 * tally.count())[0, :, None]
        for kind, tally in tallies.items()
    }


def _expected_tenths(scene: Scene, slow: Floats) -> tuple[Ints, Ints]:
    """Return the elapsed and air time each recent flight's route makes expect, in tenths of a minute; 0 = not known."""
    route = scene.recent_groups["route"].code
    tenths = np.rint(10 * np.nan_to_num(slow)).astype(np.int64)
    return tenths[route, 0], tenths[route, 1]


def _recent(scene: Scene, elapsed_expected: Ints, air_expected: Ints) -> dict[str, Floats]:
    flights = scene.recent
    known = np.maximum(np.maximum(flights.arr_known, flights.dep_known), scene.recent_start)
    loss = losses(flights)
    columns = Recent(
        loss=loss,
        elapsed_excess=10 * (flights.sched_arr - flights.sched_dep + loss) - elapsed_expected,
        elapsed_expected=elapsed_expected,
        air_excess=10 * flights.air_time - air_expected,
        air_expected=np.where(flights.air_time > 0, air_expected, 0),
    )
    layers: dict[str, list[Floats]] = {kind: [] for kind in RECENT_KINDS}
    for window in WINDOWS.values():
        pairs = expand(known, until(known, window, scene.recent_limit), scene.ticks)
        for kind in RECENT_KINDS:
            layers[kind] += columns.window(scene, kind, pairs)
    return {kind: np.stack(layers[kind], axis=2) for kind in RECENT_KINDS}


@dataclass(frozen=True)
class Recent:
    """Whole-number columns of the recent flights that the windows add up; times in tenths of a minute."""

    loss: Ints
    """Whole minutes."""
    elapsed_excess: Ints
    elapsed_expected: Ints
    air_excess: Ints
    air_expected: Ints

    def window(self, scene: Scene, kind: str, pairs: Pairs) -> list[Floats]:
        """Return the mean loss, mean excess of elapsed time and relative excess of air time in one window."""
        groups, n_ticks = scene.recent_groups[kind], scene.ticks.count
        tally = Tally(groups, pairs, n_ticks)
        n = tally.count()
        timed = pairs.where(self.elapsed_expected[pairs.flight] > 0)
        of_timed = Tally(groups, timed, n_ticks)
        flown = pairs.where(self.air_expected[pairs.flight] > 0)
        of_flown = Tally(groups, flown, n_ticks)
        return [
            ratio(tally.sum(self.loss[pairs.flight]), n),
            ratio(of_timed.sum(self.elapsed_excess[timed.flight]), 10 * of_timed.count()),
            ratio(of_flown.sum(self.air_excess[flown.flight]), of_flown.sum(self.air_expected[flown.flight])),
        ]
