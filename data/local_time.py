"""Local clock times to instants, with the airports' zones: hours that repeat, and hours that are skipped."""

from typing import NamedTuple

import numpy as np
import pandas as pd

from data.nycflights13 import MINUTES_A_DAY, airport_offsets


class Instants(NamedTuple):
    """The instants that local times may mean, minutes since the epoch; every array has shape (n,)."""

    first: np.ndarray
    """The earlier one; of a time that the clocks skip, that of the offset before the change."""
    second: np.ndarray
    """The later one; equal to `first` wherever the time happens once."""
    skipped: np.ndarray
    """Whether the clocks skip the time."""

    @property
    def repeated(self) -> np.ndarray:
        """Return whether the time happens twice."""
        differs: np.ndarray = self.first != self.second
        return differs


def instants(airports: pd.Series, wall: np.ndarray) -> Instants:
    """Return the instants of local times.

    Parameters
    ----------
    airports : Series of str, shape (n,)
        Codes in the table of airports.
    wall : array of int, shape (n,)
        Local time as minutes since 1970-01-01 00:00 on the airport's clock.
    """
    # No zone changes its offset twice within two days: one of these two holds.
    before = wall - airport_offsets(airports, wall - MINUTES_A_DAY)
    after = wall - airport_offsets(airports, wall + MINUTES_A_DAY)
    holds_before = before + airport_offsets(airports, before) == wall
    holds_after = after + airport_offsets(airports, after) == wall
    first = np.where(holds_before | ~holds_after, before, after)
    second = np.where(holds_before & holds_after, after, first)
    return Instants(first, second, ~holds_before & ~holds_after)
