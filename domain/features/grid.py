"""The grid of moments at which state exists: every fifth minute, UTC."""

from dataclasses import dataclass
from typing import overload

import numpy as np
import numpy.typing as npt

GRID_MINUTES = 5
DAY_MINUTES = 1440
SLOW_REFRESH_MINUTE = 480
"""Thirty-day statistics move once a day, at 08:00 UTC: night in America, so that no day is cut in two."""

Ints = npt.NDArray[np.int64]


@overload
def tick_of(minute: int) -> int: ...
@overload
def tick_of(minute: Ints) -> Ints: ...
def tick_of(minute: int | Ints) -> int | Ints:
    """Return the newest tick at or before a minute.

    Examples
    --------
    >>> tick_of(64)
    60
    """
    return minute // GRID_MINUTES * GRID_MINUTES


@overload
def slow_boundary(minute: int) -> int: ...
@overload
def slow_boundary(minute: Ints) -> Ints: ...
def slow_boundary(minute: int | Ints) -> int | Ints:
    """Return the newest 08:00 UTC at or before a minute.

    Examples
    --------
    >>> slow_boundary(1439), slow_boundary(1440 + 480)
    (480, 1920)
    """
    return (minute - SLOW_REFRESH_MINUTE) // DAY_MINUTES * DAY_MINUTES + SLOW_REFRESH_MINUTE


@dataclass(frozen=True)
class Ticks:
    """A run of consecutive ticks."""

    first: int
    count: int

    @property
    def last(self) -> int:
        """Return the newest tick of the run."""
        return self.first + (self.count - 1) * GRID_MINUTES

    def minutes(self) -> Ints:
        """Return the minutes of all ticks, shape (count,)."""
        return self.first + GRID_MINUTES * np.arange(self.count, dtype=np.int64)
