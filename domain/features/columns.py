"""How a family declares the columns it adds to a kind of entity's state."""

from typing import NamedTuple

COUNT_DEFAULT = 0.0
UNKNOWN = float("nan")
DELAY_FLOOR, DELAY_CEILING = -60, 360
"""Delays enter features winsorised: one aircraft ten hours late says no more than one six hours late."""


class Column(NamedTuple):
    """One number kept for every entity of a kind at every tick."""

    name: str
    unit: str
    known_at: str
    default: float


def count(name: str, known_at: str, unit: str = "flights") -> Column:
    """Declare a count: an entity without facts has 0."""
    return Column(name, unit, known_at, COUNT_DEFAULT)


def measure(name: str, unit: str, known_at: str) -> Column:
    """Declare a mean, a share or a reading: an entity without facts has NaN."""
    return Column(name, unit, known_at, UNKNOWN)
