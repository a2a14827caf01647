"""History: how late arrivals have been, over thirty days up to a daily boundary, and in the last hours.

Only known arrivals count; flights on their way, cancelled or diverted say nothing here.
"""

import numpy as np

from domain.features.columns import Column, count, measure
from domain.features.daily import Daily
from domain.features.entities import Groups
from domain.features.scene import Scene
from domain.features.windows import Pairs, Tally, expand, ratio, until, winsorised
from domain.flights import Floats, Ints
from domain.labels import LATE_MINUTES

FAMILY = "history"
KNOWN_AT = "arrival"
SLOW_KINDS = ("origin_carrier", "carrier", "dest", "route", "origin_hour")
RECENT_KINDS = ("carrier", "dest", "route")
RECENT_WINDOW_MINUTES = 360


def _slow_columns() -> tuple[Column, ...]:
    # No count over thirty days: it reflects the season's size of the schedule, which does not carry to the next.
    return (
        measure("late_share_30d", "share", KNOWN_AT),
        measure("arrival_delay_30d", "minutes", KNOWN_AT),
    )


def _recent_columns() -> tuple[Column, ...]:
    return (
        count("arrivals_6h", KNOWN_AT),
        measure("late_share_6h", "share", KNOWN_AT),
        measure("arrival_delay_6h", "minutes", KNOWN_AT),
    )


COLUMNS = {
    kind: (_slow_columns() if kind in SLOW_KINDS else ())
    + (_recent_columns() if kind in RECENT_KINDS else ())
    for kind in (*SLOW_KINDS, *(k for k in RECENT_KINDS if k not in SLOW_KINDS))
}


def compute(scene: Scene) -> dict[str, Floats]:
    """Return the share late and mean delay of arrivals, shape (n_ticks, n_entities, n_columns) by kind."""
    slow, recent = _slow(scene), _recent(scene)
    n_ticks = scene.ticks.count
    full = {kind: np.broadcast_to(layers, (n_ticks, *layers.shape[1:])) for kind, layers in slow.items()}
    return {kind: np.concatenate([t[kind] for t in (full, recent) if kind in t], axis=2) for kind in COLUMNS}


def slow_pairs(daily: Daily) -> Pairs:
    """Return the arrivals that count in thirty-day statistics, as pairs with one tick: the boundary."""
    rows = np.arange(len(daily.flights))
    return Pairs(rows, np.zeros(len(rows), dtype=np.int64))


def _slow(scene: Scene) -> dict[str, Floats]:
    lateness = scene.daily.once(_thirty_days)
    return {kind: scene.of_daily(kind, lateness[kind]) for kind in SLOW_KINDS}


def _thirty_days(daily: Daily) -> dict[str, Floats]:
    pairs, delay = slow_pairs(daily), winsorised(daily.flights.arr_delay)
    return {kind: _lateness(daily.groups[kind], pairs, delay, 1)[0, :, 1:] for kind in SLOW_KINDS}


def _recent(scene: Scene) -> dict[str, Floats]:
    flights = scene.recent
    start = np.maximum(flights.arr_known, scene.recent_start)
    stop = until(flights.arr_known, RECENT_WINDOW_MINUTES, scene.recent_limit)
    pairs = expand(start, stop, scene.ticks)
    delay = winsorised(flights.arr_delay[pairs.flight])
    return {
        kind: _lateness(scene.recent_groups[kind], pairs, delay, scene.ticks.count) for kind in RECENT_KINDS
    }


def _lateness(groups: Groups, pairs: Pairs, delay: Ints, n_ticks: int) -> Floats:
    tally = Tally(groups, pairs, n_ticks)
    n = tally.count()
    return np.stack([n, ratio(tally.count(delay >= LATE_MINUTES), n), ratio(tally.sum(delay), n)], axis=2)
