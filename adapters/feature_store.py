"""The online state of features: one block a sealed tick, notified on the channel `state` as soon as it is stored."""

from datetime import UTC, datetime
from functools import lru_cache

import numpy as np

from adapters import sealing
from adapters.postgres import Database, query
from adapters.sealing import Watermark
from domain.clock import from_minute, minute_floor
from domain.features.catalogue import CONTRACT_HASH
from domain.features.state import StateBlock, StateTable

CHANNEL = "state"
KEPT_DAYS = 3
"""States older than that can go: they can be computed again from the events."""
FAR = minute_floor(datetime(9999, 1, 1, tzinfo=UTC))
"""A tick that no clock reaches."""


class FeatureStore:
    """Seals ticks and keeps their state. Ticks are minutes since the epoch.

    State of another feature contract is invisible: code that computes other features never serves old ones. Each
    contract has states of its own, so that two releases may compute and serve side by side.
    """

    def __init__(self, database: Database, contract_hash: str = CONTRACT_HASH):
        self._database = database
        self._contract_hash = contract_hash

    def seal(self, tick: int) -> Watermark | None:
        """Seal a tick; None while a history is being loaded. See `adapters.sealing`.

        It is durable when the tick's state is: nobody sees the one before the other.
        """
        with self._database.transaction() as cursor:
            cursor.execute(query("commit_soon"))
            return sealing.seal(cursor, tick)

    def save(self, block: StateBlock) -> None:
        """Store the state of one sealed tick and notify the channel `state`; again the same is no error.

        Raises
        ------
        ValueError
            If the block has more than one tick.
        """
        if block.n_ticks != 1:
            raise ValueError(f"expected one tick, got {block.n_ticks}")
        tables = list(block.tables.values())
        parameters = {
            "tick": from_minute(block.first_tick),
            "minute": str(block.first_tick),
            "contract_hash": self._contract_hash,
            "kinds": [table.kind for table in tables],
            "entities": [_array_literal(table.entities) for table in tables],
            "columns": [_array_literal(table.columns) for table in tables],
            "states": [np.ascontiguousarray(table.values[0], dtype="<f8").data for table in tables],
        }
        self._database.execute("save_state", parameters)

    def has(self, tick: int) -> bool:
        """Return whether the state of a tick is stored."""
        parameters = {"contract_hash": self._contract_hash, "tick": from_minute(tick)}
        return self._database.row("has_state", parameters) is not None

    def notify(self, tick: int) -> None:
        """Notify the channel `state` again that a tick's state is stored."""
        self._database.execute("notify_state", {"minute": str(tick)})

    def newest_tick(self, at_or_before: int = FAR) -> int | None:
        """Return the newest tick with a stored state, or the newest at or before one."""
        return next(iter(self.ticks(at_or_before, 1)), None)

    def load(self, tick: int) -> StateBlock | None:
        """Return the state of a tick, None when it is not stored."""
        rows = self._database.rows(
            "load_state", {"contract_hash": self._contract_hash, "tick": from_minute(tick)}
        )
        return block_of(tick, rows) if rows else None

    def ticks(self, at_or_before: int, limit: int) -> list[int]:
        """Return the newest stored ticks at or before one, newest first."""
        parameters = {
            "contract_hash": self._contract_hash,
            "until": from_minute(at_or_before),
            "limit": limit,
        }
        return [minute_floor(tick) for (tick,) in self._database.rows("state_ticks", parameters)]

    def prune(self, before: int) -> int:
        """Forget the states of ticks before one; they can be computed again. Returns the number of rows."""
        return self._database.execute("prune_states", {"before": from_minute(before)})


def block_of(tick: int, rows: list[tuple[object, ...]]) -> StateBlock:
    """Return the block of the rows of `load_state`."""
    return StateBlock(tick, {table.kind: table for table in map(_table, rows)})


def _table(row: tuple[object, ...]) -> StateTable:
    kind, entities, columns, state = row
    assert isinstance(entities, list)  # noqa: S101  the column's type
    assert isinstance(columns, list)  # noqa: S101
    values = np.frombuffer(state, dtype="<f8").astype(np.float64)  # type: ignore[call-overload]
    return StateTable(
        str(kind), _one(tuple(entities)), _one(tuple(columns)), values.reshape(1, len(entities), len(columns))
    )


@lru_cache(maxsize=128)
def _one(names: tuple[str, ...]) -> tuple[str, ...]:
    """Return the first tuple that was equal to this one: the states in memory share their names."""
    return names


@lru_cache(maxsize=64)
def _array_literal(names: tuple[str, ...]) -> str:
    """Return PostgreSQL's text form of an array of names; the same names come at every tick."""
    escaped = (name.replace("\\", "\\\\").replace('"', '\\"') for name in names)
    return "{" + ",".join(f'"{name}"' for name in escaped) + "}"
