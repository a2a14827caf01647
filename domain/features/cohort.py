"""Cohorts: the flights scheduled in a past window, gone or not, and how late they are by now.

Departures alone are censored: in a ground stop nothing departs, and nothing looks late. A cohort counts
the flight that should have gone forty minutes ago as forty minutes late.
"""

import numpy as np

from domain.features.columns import Column, count, measure
from domain.features.scene import Scene
from domain.features.windows import Pairs, Tally, expand, ratio, winsorised
from domain.flights import Floats, Ints
from domain.labels import LATE_MINUTES

FAMILY = "cohort"
WINDOWS = {"1h": 60, "3h": 180}
WIDE_KINDS = ("origin", "origin_carrier", "carrier")
SPARSE_KINDS = ("dest", "route")
"""So few of their flights are scheduled in an hour that only the three-hour window says something."""
KINDS = WIDE_KINDS + SPARSE_KINDS
KNOWN_AT = "schedule, actual departure"


def windows_of(kind: str) -> dict[str, int]:
    """Windows kept for one kind of entity, in minutes."""
    return {"3h": WINDOWS["3h"]} if kind in SPARSE_KINDS else WINDOWS


def _columns(kind: str) -> tuple[Column, ...]:
    return tuple(
        column
        for window in windows_of(kind)
        for column in (
            count(f"cohort_{window}", KNOWN_AT),
            measure(f"cohort_late_share_{window}", "share", KNOWN_AT),
            measure(f"cohort_lateness_{window}", "minutes", KNOWN_AT),
            measure(f"cohort_lateness_max_{window}", "minutes", KNOWN_AT),
            count(f"cohort_waiting_{window}", KNOWN_AT),
        )
    )


COLUMNS = {kind: _columns(kind) for kind in KINDS}


def compute(scene: Scene) -> dict[str, Floats]:
    """Size, lateness and waiting flights of each cohort, shape (n_ticks, n_entities, n_columns) by kind."""
    flights = scene.recent
    start = np.maximum(flights.sched_dep, scene.recent_start)
    pairs = expand(start, flights.sched_dep + max(WINDOWS.values()), scene.ticks)
    now = scene.ticks.minutes()[pairs.tick]
    gone = flights.dep_known[pairs.flight] <= now
    alive = gone | (flights.cancelled_known[pairs.flight] > now)
    pairs, now, gone = pairs.where(alive), now[alive], gone[alive]
    waited = now - flights.sched_dep[pairs.flight]
    lateness = winsorised(np.where(gone, flights.dep_delay[pairs.flight], waited))
    layers: dict[str, list[Floats]] = {kind: [] for kind in KINDS}
    for name, window in WINDOWS.items():
        inside = waited < window
        for kind in (k for k in KINDS if name in windows_of(k)):
            layers[kind] += _window(scene, kind, pairs.where(inside), lateness[inside], ~gone[inside])
    return {kind: np.stack(layers[kind], axis=2) for kind in KINDS}


def _window(scene: Scene, kind: str, pairs: Pairs, lateness: Ints, waiting: np.ndarray) -> list[Floats]:
    tally = Tally(scene.recent_groups[kind], pairs, scene.ticks.count)
    n = tally.count()
    return [
        n,
        ratio(tally.count(lateness > LATE_MINUTES), n),
        ratio(tally.sum(lateness), n),
        tally.max(lateness),
        tally.count(waiting),
    ]
