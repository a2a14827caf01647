"""Congestion: departures known in the last one and three hours, by airport, and by airport and carrier."""

import numpy as np

from domain.features.columns import Column, count, measure
from domain.features.scene import Scene
from domain.features.windows import Pairs, Tally, expand, ratio, until, winsorised
from domain.flights import Floats
from domain.labels import LATE_MINUTES

FAMILY = "congestion"
WINDOWS = {"1h": 60, "3h": 180}
KINDS = ("origin", "origin_carrier")
KNOWN_AT = "actual departure"


def _columns() -> tuple[Column, ...]:
    return tuple(
        column
        for window in WINDOWS
        for column in (
            count(f"departures_{window}", KNOWN_AT),
            measure(f"departure_delay_{window}", "minutes", KNOWN_AT),
            measure(f"departure_late_share_{window}", "share", KNOWN_AT),
        )
    )


COLUMNS = {kind: _columns() for kind in KINDS}


def compute(scene: Scene) -> dict[str, Floats]:
    """Count, mean delay and share late of departures, shape (n_ticks, n_entities, n_columns) by kind."""
    flights = scene.recent
    start = np.maximum(flights.dep_known, scene.recent_start)
    delay = winsorised(flights.dep_delay)
    pairs = {
        name: expand(start, until(flights.dep_known, window, scene.recent_limit), scene.ticks)
        for name, window in WINDOWS.items()
    }
    return {
        kind: np.stack([layer for p in pairs.values() for layer in _window(scene, kind, p, delay)], axis=2)
        for kind in KINDS
    }


def _window(scene: Scene, kind: str, pairs: Pairs, delay: np.ndarray) -> list[Floats]:
    tally = Tally(scene.recent_groups[kind], pairs, scene.ticks.count)
    of_pair = delay[pairs.flight]
    n = tally.count()
    return [n, ratio(tally.sum(of_pair), n), ratio(tally.count(of_pair >= LATE_MINUTES), n)]
