"""What a day is compared with: the champion's training days, sampled, and the thresholds that follow from them."""

import logging
from dataclasses import dataclass
from pathlib import Path
from typing import Self
from zipfile import BadZipFile

import numpy as np

from adapters.atomic_write import atomic_write
from domain.features.catalogue import CATEGORICAL, POSITION
from domain.flights import Floats, Ints
from monitoring.thresholds import ThresholdPolicy, day_distances, thresholds

logger = logging.getLogger(__name__)
PREDICTION = "probability"
FEATURES = (
    "carrier_code",
    "origin_code",
    "departure_minute_local",
    "block_minutes",
    "padding",
    "origin_departures_1h",
    "origin_departure_delay_1h",
    "origin_cohort_late_share_3h",
    "origin_queue",
    "origin_cancelled_6h",
    "origin_carrier_cohort_lateness_3h",
    "carrier_late_share_6h",
    "dest_late_share_6h",
    "sector_air_time_excess_12h",
    "origin_en_route_loss_3h",
    "weather_temp_f",
    "weather_humidity_pct",
    "weather_wind_speed_mph",
    "weather_precip_in",
    "weather_pressure_mb",
    "weather_visibility_mi",
)
"""Each family of the catalogue that a feed, a sensor or a code could break; those the model leans on."""
COLUMNS = (*FEATURES, PREDICTION)
POSITIONS = [POSITION[name] for name in FEATURES]
SAMPLE_ROWS = 20_000
"""Evidently's time and memory grow with the rows; beyond this its distances change in the third digit."""
DAMAGED = (OSError, EOFError, ValueError, KeyError, BadZipFile)
"""What numpy raises of a file that was cut short or is another's."""


def is_categorical(column: str) -> bool:
    """Return whether a watched column holds codes."""
    return column in CATEGORICAL


def watched_columns(vectors: Floats, probability: Floats) -> tuple[tuple[str, ...], Floats]:
    """Return names and values of the watched columns, shape (n, len(COLUMNS)); what is not finite is missing."""
    table = np.column_stack([vectors[:, POSITIONS], probability])
    return COLUMNS, np.where(np.isfinite(table), table, np.nan)


@dataclass(frozen=True)
class Reference:
    """Watched columns of the reference days and the thresholds they give."""

    sample: Floats
    """Shape (n, len(COLUMNS)), at most SAMPLE_ROWS rows."""
    thresholds: dict[str, float]
    """By column; a column without any value in the reference has none."""
    days: int
    missing: dict[str, float]
    """Share of missing values by column."""

    def save(self, path: Path) -> None:
        """Keep it for the next runs."""
        names = list(self.thresholds)
        # Two days may be measured at once, each by a process of its own.
        with atomic_write(path) as unfinished, unfinished.open("wb") as file:
            np.savez(
                file,
                columns=np.array(COLUMNS),
                values=self.sample,
                names=np.array(names),
                bounds=np.array([self.thresholds[name] for name in names]),
                days=self.days,
                missing=np.array([self.missing[name] for name in COLUMNS]),
            )

    @classmethod
    def find(cls, path: Path) -> Self | None:
        """Return what `save` kept; None where there is none, or it is damaged: it can be made again."""
        try:
            return cls.load(path)
        except FileNotFoundError:
            return None
        except DAMAGED as error:
            logger.warning("kept reference is damaged", extra={"file": str(path), "reason": str(error)})
            return None

    @classmethod
    def load(cls, path: Path) -> Self:
        """Read what `save` kept."""
        with path.open("rb") as file, np.load(file, allow_pickle=False) as kept:
            bounds = dict(zip(kept["names"].tolist(), kept["bounds"].tolist(), strict=True))
            missing = dict(zip(COLUMNS, kept["missing"].tolist(), strict=True))
            return cls(kept["values"], bounds, int(kept["days"]), missing)


def make_reference(
    columns: tuple[str, ...], values: Floats, day: Ints, policy: ThresholdPolicy | None = None
) -> Reference:
    """Make it of whole days: thresholds from all rows, the sample for Evidently drawn evenly.

    Raises
    ------
    ValueError
        If there are too few days.
    """
    policy = policy or ThresholdPolicy()
    order = np.argsort(day, kind="stable")
    distances = {
        name: day_distances(values[order, i], day[order], is_categorical(name), policy.window_days)
        for i, name in enumerate(columns)
    }
    rows = np.random.default_rng(policy.seed).permutation(len(values))[:SAMPLE_ROWS]
    missing = dict(zip(columns, np.isnan(values).mean(axis=0).tolist(), strict=True))
    return Reference(values[np.sort(rows)], thresholds(distances, policy), len(np.unique(day)), missing)
