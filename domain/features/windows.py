"""Counting flights into ticks: the arithmetic under every state family.

Everything added up is a whole number, and the only division comes last. Whole numbers below 2**53 add exactly
in any order, so a tick computed alone equals the same tick of a year, bit for bit.
"""

from typing import NamedTuple

import numpy as np

from domain.clock import NEVER
from domain.features.columns import DELAY_CEILING, DELAY_FLOOR
from domain.features.entities import Groups
from domain.features.grid import GRID_MINUTES, Ticks
from domain.flights import Floats, Ints


class Pairs(NamedTuple):
    """Flight and tick, wherever the flight counts at the tick; both of shape (n_pairs,)."""

    flight: Ints
    """Row of the flight."""
    tick: Ints
    """Position of the tick in its run."""

    def where(self, mask: np.ndarray) -> "Pairs":
        """Keep the pairs of a mask."""
        return Pairs(self.flight[mask], self.tick[mask])


def expand(start: Ints, stop: Ints, ticks: Ticks) -> Pairs:
    """Pair each flight with the ticks T of the run that have start <= T < stop.

    Parameters
    ----------
    start, stop : Ints, shape (n_flights,)
        Minutes since the epoch; `NEVER` as a start means at no tick.

    Examples
    --------
    >>> pairs = expand(np.array([3]), np.array([15]), Ticks(first=0, count=10))
    >>> pairs.tick.tolist()  # minutes 5 and 10
    [1, 2]
    """
    end = ticks.last + GRID_MINUTES
    low = -((ticks.first - np.clip(start, ticks.first, end)) // GRID_MINUTES)
    high = -((ticks.first - np.clip(stop, ticks.first, end)) // GRID_MINUTES)
    spans = np.maximum(high - low, 0)
    flight = np.repeat(np.arange(len(start)), spans)
    before = np.cumsum(spans) - spans
    return Pairs(flight, np.arange(len(flight)) - before[flight] + low[flight])


class Tally:
    """Sums over the pairs of one kind of entity; each result has shape (n_ticks, n_entities)."""

    def __init__(self, groups: Groups, pairs: Pairs, n_ticks: int) -> None:
        self._shape = (n_ticks, len(groups) + 1)
        # Flights without an entity land in one more column, cut off at the end.
        self._cells = pairs.tick * self._shape[1] + groups.code[pairs.flight] % self._shape[1]

    def count(self, mask: np.ndarray | None = None) -> Floats:
        """Count pairs, or those of a mask."""
        cells = self._cells if mask is None else self._cells[mask]
        return self._cut(np.bincount(cells, minlength=self._shape[0] * self._shape[1]).astype(np.float64))

    def sum(self, values: Ints) -> Floats:
        """Sum whole numbers of shape (n_pairs,)."""
        sums = np.bincount(self._cells, values, minlength=self._shape[0] * self._shape[1])
        return self._cut(sums.astype(np.float64))

    def max(self, values: Ints) -> Floats:
        """Return the largest value of shape (n_pairs,); NaN where there is none."""
        largest = np.full(self._shape[0] * self._shape[1], -np.inf)
        np.maximum.at(largest, self._cells, values.astype(np.float64))
        largest[np.isneginf(largest)] = np.nan
        return self._cut(largest)

    def _cut(self, flat: Floats) -> Floats:
        return flat.reshape(self._shape)[:, :-1]


def ratio(numerator: Floats, denominator: Floats) -> Floats:
    """Divide; NaN where the denominator is 0.

    Examples
    --------
    >>> ratio(np.array([1.0, 1.0]), np.array([2.0, 0.0])).tolist()
    [0.5, nan]
    """
    out = np.full(numerator.shape, np.nan)
    np.divide(numerator, denominator, out=out, where=denominator != 0)
    return out


def winsorised(delay: Ints) -> Ints:
    """Return the delays within the bounds that features use."""
    return np.clip(delay, DELAY_FLOOR, DELAY_CEILING)


def until(known: Ints, window: int, limit: Ints) -> Ints:
    """Return the minute at which a fact leaves a window of some minutes, at the latest `limit`; safe for `NEVER`."""
    return np.minimum(np.where(known == NEVER, known, known + window), limit)
