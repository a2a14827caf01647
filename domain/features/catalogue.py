"""The one table of every feature, and the hash that names this contract between code and model."""

import hashlib
import json
import math
from dataclasses import dataclass

import numpy as np

from domain.features import schedule
from domain.features.grid import DAY_MINUTES, GRID_MINUTES, SLOW_REFRESH_MINUTE
from domain.features.state import KINDS, columns_of

CONTRACT_VERSION = 1
"""Raise it when a feature's meaning changes and its row in the table does not."""


@dataclass(frozen=True)
class Feature:
    """One column of a vector."""

    name: str
    dtype: str
    """float64, int64 or category; every vector holds float64."""
    unit: str
    family: str
    known_at: str
    """The newest kind of fact it may use; never one known after `as_of`."""
    default: float
    """Its value where nothing is known: 0 for counts, NaN otherwise."""


MARGIN_KINDS = ("network", "origin", "origin_carrier", "carrier", "dest", "sector")
"""Kinds whose flights' lateness of the last three hours is compared with a flight's own slack."""
MARGIN_KNOWN_AT = "schedule, actual departure, arrival"
DERIVED = (
    Feature("padding", "float64", "minutes", "padding", "schedule, arrival", math.nan),
    Feature("padding_less_wind", "float64", "minutes", "padding", "schedule, arrival", math.nan),
    Feature("slack", "float64", "minutes", "padding", "schedule, arrival", math.nan),
    *(
        Feature(f"margin_{kind}", "float64", "minutes", "cohort", MARGIN_KNOWN_AT, math.nan)
        for kind in MARGIN_KINDS
    ),
)
"""Computed from a question and its state together: see `vectors`."""


def _features() -> tuple[Feature, ...]:
    from_schedule = [
        Feature(f.name, f.dtype, f.unit, schedule.FAMILY, schedule.KNOWN_AT, math.nan)
        for f in schedule.FEATURES
    ]
    from_state = [
        Feature(f"{kind}_{c.name}", "float64", c.unit, family, c.known_at, c.default)
        for kind in KINDS
        for family, c in columns_of(kind)
    ]
    return (*from_schedule, *DERIVED, *from_state)


FEATURES: tuple[Feature, ...] = _features()
FEATURE_NAMES: tuple[str, ...] = tuple(f.name for f in FEATURES)
POSITION: dict[str, int] = {name: i for i, name in enumerate(FEATURE_NAMES)}
CATEGORICAL: tuple[str, ...] = tuple(f.name for f in FEATURES if f.dtype == "category")
DEFAULTS = np.array([f.default for f in FEATURES])


def state_slices() -> dict[str, slice]:
    """Return where each kind's state lies in a vector."""
    slices, start = {}, len(schedule.FEATURES) + len(DERIVED)
    for kind in KINDS:
        stop = start + len(columns_of(kind))
        slices[kind] = slice(start, stop)
        start = stop
    return slices


def contract_hash() -> str:
    """Hash the table, the grid and the version: sha-256, 64 hex digits."""
    rows = [
        [f.name, f.dtype, f.unit, f.family, f.known_at, "NaN" if math.isnan(f.default) else f.default]
        for f in FEATURES
    ]
    grid = {
        "grid_minutes": GRID_MINUTES,
        "slow_refresh_minute": SLOW_REFRESH_MINUTE,
        "slow_minutes": DAY_MINUTES,
    }
    contract = {"version": CONTRACT_VERSION, **grid, "features": rows}
    return hashlib.sha256(json.dumps(contract, separators=(",", ":"), sort_keys=True).encode()).hexdigest()


CONTRACT_HASH: str = contract_hash()
