"""State: what is known of every airport, carrier, route and sky at each tick. The one implementation.

Training asks for days of ticks, the refresher for one; both call `compute_block`.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Protocol

import numpy as np

from domain.features import (
    cohort,
    congestion,
    entities,
    history,
    memory,
    optional,
    padding,
    queue,
    weather,
)
from domain.features.columns import Column
from domain.features.grid import DAY_MINUTES, GRID_MINUTES, Ticks, slow_boundary
from domain.features.scene import AHEAD_MINUTES, LOOKBACK_MINUTES, Scene, held_back
from domain.flights import FlightFacts, Floats, WeatherFacts

__all__ = [
    "AHEAD_MINUTES",
    "FAMILIES",
    "KINDS",
    "LOOKBACK_MINUTES",
    "StateBlock",
    "StateTable",
    "compute_block",
]


class Family(Protocol):
    """What a module of state features offers."""

    FAMILY: str
    COLUMNS: dict[str, tuple[Column, ...]]

    def compute(self, scene: Scene) -> dict[str, Floats]:
        """Return the values of every column, shape (n_ticks, n_entities, n_columns) by kind."""
        ...


FAMILIES: tuple[Family, ...] = (
    *(congestion, cohort, queue, weather, history, padding, memory),
    *(optional.FAMILIES[event] for event in optional.CHOSEN),
)
KINDS = (*entities.KINDS, weather.KIND, *optional.KINDS)


def columns_of(kind: str) -> tuple[tuple[str, Column], ...]:
    """Return the family and column of everything kept for one kind of entity, in the order of its table."""
    return tuple((f.FAMILY, column) for f in FAMILIES for column in f.COLUMNS.get(kind, ()))


@dataclass(frozen=True)
class StateTable:
    """The state of all entities of one kind over a run of ticks."""

    kind: str
    entities: tuple[str, ...]
    columns: tuple[str, ...]
    values: Floats
    """Shape (n_ticks, n_entities, n_columns)."""

    @cached_property
    def index(self) -> dict[str, int]:
        """Return the position of each entity."""
        return positions(self.entities)


@lru_cache(maxsize=128)
def positions(entities: tuple[str, ...]) -> dict[str, int]:
    """Return the position of each name; blocks of the same entities share one, as most names stay for a day."""
    return {name: i for i, name in enumerate(entities)}


@dataclass(frozen=True)
class StateBlock:
    """The state of everything over a run of consecutive ticks."""

    first_tick: int
    tables: dict[str, StateTable]

    @property
    def n_ticks(self) -> int:
        """Return the number of ticks."""
        return len(next(iter(self.tables.values())).values)


COLUMNS = {kind: tuple(column.name for _, column in columns_of(kind)) for kind in KINDS}


def compute_block(flights: FlightFacts, weather: WeatherFacts, first_tick: int, n_ticks: int) -> StateBlock:
    """Compute the state at `n_ticks` ticks from `first_tick` on; at tick T only facts with known <= T count.

    Parameters
    ----------
    flights, weather : FlightFacts, WeatherFacts
        Flights with `sched_dep` in (first tick - LOOKBACK_MINUTES, last tick + AHEAD_MINUTES], and weather
        known in the day before; whatever else is there changes no bit.
    first_tick : int
        Minutes since the epoch, on the grid.
    n_ticks : int
        At least 1.

    Raises
    ------
    ValueError
        If `first_tick` is not on the grid or there is no tick.
    """
    if first_tick % GRID_MINUTES or n_ticks < 1:
        raise ValueError(
            f"expected at least one tick on the {GRID_MINUTES}-minute grid, got {first_tick}, {n_ticks}"
        )
    lowest = slow_boundary(first_tick) - LOOKBACK_MINUTES
    highest = first_tick + (n_ticks - 1) * GRID_MINUTES + AHEAD_MINUTES
    low, high = np.searchsorted(flights.sched_dep, [lowest, highest], side="right").tolist()
    near = held_back(flights.take(slice(low, high)))
    scenes = [Scene(ticks, slow_boundary(ticks.first), near, weather) for ticks in _runs(first_tick, n_ticks)]
    blocks = [_compute_scene(scene) for scene in scenes]
    return blocks[0] if len(blocks) == 1 else _joined(blocks)


def _runs(first_tick: int, n_ticks: int) -> Iterator[Ticks]:
    """Cut a run of ticks where the slow boundary moves."""
    end = first_tick + n_ticks * GRID_MINUTES
    while first_tick < end:
        stop = min(end, slow_boundary(first_tick) + DAY_MINUTES)
        yield Ticks(first_tick, (stop - first_tick) // GRID_MINUTES)
        first_tick = stop


def _compute_scene(scene: Scene) -> StateBlock:
    parts: dict[str, list[Floats]] = {kind: [] for kind in KINDS}
    for family in FAMILIES:
        for kind, values in family.compute(scene).items():
            parts[kind].append(values)
    names = {kind: groups.names for kind, groups in scene.groups.items()}
    names |= {"origin_hour": scene.hour_groups.names, "weather": weather.stations(scene)}
    names |= {kind: scene.daily.groups[kind].names for kind in memory.KINDS}
    names |= dict.fromkeys(optional.KINDS, scene.turns.names)
    tables = {
        kind: StateTable(
            kind,
            names[kind],
            COLUMNS[kind],
            values[0] if len(values) == 1 else np.concatenate(values, axis=2),
        )
        for kind, values in parts.items()
    }
    return StateBlock(scene.ticks.first, tables)


def _joined(blocks: list[StateBlock]) -> StateBlock:
    """Put blocks of consecutive ticks behind each other; an entity missing from one has defaults there."""
    tables = {}
    for kind in KINDS:
        parts = [block.tables[kind] for block in blocks]
        entities = tuple(sorted(set().union(*(part.entities for part in parts))))
        values = np.concatenate([_aligned(part, entities) for part in parts])
        tables[kind] = StateTable(kind, entities, COLUMNS[kind], values)
    return StateBlock(blocks[0].first_tick, tables)


def _aligned(table: StateTable, entities: tuple[str, ...]) -> Floats:
    defaults = np.array([column.default for _, column in columns_of(table.kind)])
    values = np.broadcast_to(defaults, (len(table.values), len(entities), len(defaults))).copy()
    index = {name: i for i, name in enumerate(entities)}
    values[:, [index[name] for name in table.entities]] = table.values
    return values
