"""One measured number of one monitored day."""

from dataclasses import dataclass

from domain.monitored import ALL


@dataclass(frozen=True)
class Measure:
    """A value with what it is of; `low` and `high` bound it where it has an interval."""

    name: str
    value: float
    slice: str = ALL
    low: float | None = None
    high: float | None = None
    n: int | None = None
