"""The waiting queue: flights scheduled but not yet gone, cancelled ones, and those about to join."""

import numpy as np

from domain.features.columns import Column, count, measure
from domain.features.scene import Scene
from domain.features.windows import Pairs, Tally, expand, ratio, until, winsorised
from domain.flights import Floats, Ints

FAMILY = "queue"
KINDS = ("origin", "origin_carrier")
CANCELLED_KINDS = ("network", "origin")
"""Cancellations of one carrier or to one place gave nothing over these."""
PATIENCE_MINUTES = 720
"""A flight not gone after so long is no longer in the queue: its cancellation was never reported."""
CANCELLED_WINDOW_MINUTES = 360
COMING_WINDOW_MINUTES = 60
CANCELLED = count("cancelled_6h", "cancellation")


def _columns() -> tuple[Column, ...]:
    return (
        count("queue", "schedule, actual departure"),
        measure("queue_wait", "minutes", "schedule, actual departure"),
        count("coming_1h", "schedule"),
    )


COLUMNS = {"network": (CANCELLED,), "origin": (*_columns(), CANCELLED), "origin_carrier": _columns()}


def compute(scene: Scene) -> dict[str, Floats]:
    """Compute queue, mean wait, recent cancellations and coming flights, shape (n_ticks, n_entities, n_columns)."""
    waiting, wait = _waiting(scene)
    cancelled, coming = _cancelled(scene), _coming(scene)
    n_ticks = scene.ticks.count
    layers: dict[str, list[Floats]] = {kind: [] for kind in COLUMNS}
    for kind in KINDS:
        groups = scene.recent_groups[kind]
        tally = Tally(groups, waiting, n_ticks)
        n = tally.count()
        layers[kind] += [n, ratio(tally.sum(wait), n), Tally(groups, coming, n_ticks).count()]
    for kind in CANCELLED_KINDS:
        layers[kind].append(Tally(scene.recent_groups[kind], cancelled, n_ticks).count())
    return {kind: np.stack(columns, axis=2) for kind, columns in layers.items()}


def _waiting(scene: Scene) -> tuple[Pairs, Ints]:
    flights = scene.recent
    start = np.maximum(flights.sched_dep, scene.recent_start)
    left = np.minimum(np.minimum(flights.dep_known, flights.cancelled_known), scene.recent_limit)
    pairs = expand(start, np.minimum(left, flights.sched_dep + PATIENCE_MINUTES), scene.ticks)
    return pairs, winsorised(scene.ticks.minutes()[pairs.tick] - flights.sched_dep[pairs.flight])


def _cancelled(scene: Scene) -> Pairs:
    flights = scene.recent
    start = np.maximum(flights.cancelled_known, scene.recent_start)
    stop = until(flights.cancelled_known, CANCELLED_WINDOW_MINUTES, scene.recent_limit)
    return expand(start, stop, scene.ticks)


def _coming(scene: Scene) -> Pairs:
    flights = scene.recent
    start = np.maximum(flights.sched_dep - COMING_WINDOW_MINUTES, scene.recent_start)
    stop = np.minimum(np.minimum(flights.sched_dep, flights.cancelled_known), scene.recent_limit)
    return expand(start, stop, scene.ticks)
