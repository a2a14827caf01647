"""Cohorts: the flights scheduled in a past window, gone or not, and how late they are by now.

Departures alone are censored: in a ground stop nothing departs, and nothing looks late. A cohort counts
the flight that should have gone forty minutes ago as forty minutes late. Its excess is what that lateness has
over the usual delay of the same airport's hours: an evening is late on a good day too.
"""

from dataclasses import dataclass

import numpy as np

from domain.features.columns import Column, count, measure
from domain.features.daily import Daily
from domain.features.padding import flown
from domain.features.scene import Scene
from domain.features.windows import Pairs, Tally, expand, ratio, winsorised
from domain.flights import Floats, Ints
from domain.labels import LATE_MINUTES

FAMILY = "cohort"
WINDOWS = {"1h": 60, "3h": 180, "12h": 720}
SHORT, LONG = "1h", "12h"
"""What happens now, and how the day goes: more than two columns of either gave nothing."""
DAY_KINDS = ("network", "origin", "carrier")
WIDE_KINDS = (*DAY_KINDS, "origin_carrier")
SPARSE_KINDS = ("dest", "route", "sector")
"""So few of their flights are scheduled in an hour that only the three-hour window says something."""
EXCESS_KINDS = ("network", "origin")
KINDS = WIDE_KINDS + SPARSE_KINDS
KNOWN_AT = "schedule, actual departure"


def windows_of(kind: str) -> tuple[str, ...]:
    """Return the windows kept for one kind of entity."""
    return tuple(
        name
        for name in WINDOWS
        if name == "3h" or (name == SHORT and kind in WIDE_KINDS) or (name == LONG and kind in DAY_KINDS)
    )


def _columns(kind: str) -> tuple[Column, ...]:
    return tuple(column for window in windows_of(kind) for column in _window_columns(kind, window))


def _window_columns(kind: str, window: str) -> list[Column]:
    share = measure(f"cohort_late_share_{window}", "share", KNOWN_AT)
    mean = measure(f"cohort_lateness_{window}", "minutes", KNOWN_AT)
    waiting = count(f"cohort_waiting_{window}", KNOWN_AT)
    if window == LONG:
        return [share, mean]
    if window == SHORT:
        return [mean, waiting]
    if kind in SPARSE_KINDS:
        return [share, mean, waiting]
    size = count(f"cohort_{window}", KNOWN_AT)
    largest = measure(f"cohort_lateness_max_{window}", "minutes", KNOWN_AT)
    excess = measure(f"cohort_excess_{window}", "minutes", f"{KNOWN_AT}, arrival")
    return [share, mean, waiting, size, largest] + ([excess] if kind in EXCESS_KINDS else [])


COLUMNS = {kind: _columns(kind) for kind in KINDS}


@dataclass(frozen=True)
class Members:
    """Flights that are in a cohort at a tick, each array of shape (n_pairs,)."""

    pairs: Pairs
    waited: Ints
    """Minutes since the scheduled departure."""
    lateness: Ints
    waiting: np.ndarray
    usual: Ints
    """Usual departure delay of the flight's airport and hour, tenths of a minute."""

    def where(self, mask: np.ndarray) -> "Members":
        """Keep the pairs of a mask."""
        rest = (self.waited, self.lateness, self.waiting, self.usual)
        return Members(self.pairs.where(mask), *(column[mask] for column in rest))


def compute(scene: Scene) -> dict[str, Floats]:
    """Compute size, lateness and waiting flights of each cohort, shape (n_ticks, n_entities, n_columns) by kind."""
    members = _members(scene)
    layers: dict[str, list[Floats]] = {kind: [] for kind in KINDS}
    for name, window in WINDOWS.items():
        inside = members.where(members.waited < window)
        for kind in (k for k in KINDS if name in windows_of(k)):
            layers[kind] += _window(scene, kind, name, inside)
    return {kind: np.stack(layers[kind], axis=2) for kind in KINDS}


def _members(scene: Scene) -> Members:
    flights = scene.recent
    start = np.maximum(flights.sched_dep, scene.recent_start)
    stop = np.minimum(flights.sched_dep + max(WINDOWS.values()), scene.recent_limit)
    pairs = expand(start, stop, scene.ticks)
    now = scene.ticks.minutes()[pairs.tick]
    gone = flights.dep_known[pairs.flight] <= now
    alive = gone | (flights.cancelled_known[pairs.flight] > now)
    pairs, now, gone = pairs.where(alive), now[alive], gone[alive]
    waited = now - flights.sched_dep[pairs.flight]
    lateness = winsorised(np.where(gone, flights.dep_delay[pairs.flight], waited))
    return Members(pairs, waited, lateness, ~gone, _usual_tenths(scene)[pairs.flight])


def _usual_tenths(scene: Scene) -> Ints:
    """Return the mean departure delay over thirty days of each recent flight's airport and hour; 0 = not known."""
    mean = scene.of_daily("origin_hour", scene.daily.once(_usual_delay))[0, :, 0]
    tenths: Ints = np.rint(10 * np.nan_to_num(mean)).astype(np.int64)
    return tenths[scene.recent_hours.code]


def _usual_delay(daily: Daily) -> Floats:
    """Return the mean departure delay of thirty days by airport and hour, shape (n_origin_hours, 1)."""
    pairs = daily.once(flown)
    tally = Tally(daily.groups["origin_hour"], pairs, 1)
    mean = ratio(tally.sum(winsorised(daily.flights.dep_delay[pairs.flight])), tally.count())
    return mean[0, :, None]


def _window(scene: Scene, kind: str, window: str, members: Members) -> list[Floats]:
    tally = Tally(scene.recent_groups[kind], members.pairs, scene.ticks.count)
    n, lateness = tally.count(), members.lateness
    total = tally.sum(lateness)
    mean = ratio(total, n)
    if window == SHORT:
        return [mean, tally.count(members.waiting)]
    share = ratio(tally.count(lateness > LATE_MINUTES), n)
    if window == LONG:
        return [share, mean]
    layers = [share, mean, tally.count(members.waiting)]
    if kind in SPARSE_KINDS:
        return layers
    layers += [n, tally.max(lateness)]
    if kind in EXCESS_KINDS:
        layers.append(ratio(10 * total - tally.sum(members.usual), 10 * n))
    return layers
