"""Events as columns for the staging tables: from a list of events, or from a data frame without importing pandas."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import numpy as np
import numpy.typing as npt

from adapters.binary_copy import (
    FLOAT8,
    INFINITY,
    INT4,
    POSTGRES_EPOCH_US,
    TIMESTAMP,
    Columns,
    from_datetime64,
)
from domain.clock import EPOCH
from domain.events import FlightEvent, WeatherEvent
from domain.flights import WEATHER_COLUMNS

NONE = np.iinfo(np.int32).min
FLIGHT_WIDTHS = {
    "item": INT4,
    "flight_id": "S21",
    "kind": "S20",
    "event_time": TIMESTAMP,
    "known_at": TIMESTAMP,
    "carrier": "S2",
    "flight_number": INT4,
    "origin": "S3",
    "dest": "S3",
    "scheduled_departure": TIMESTAMP,
    "scheduled_arrival": TIMESTAMP,
    "delay_minutes": INT4,
    "air_time_minutes": INT4,
    "tail": "S8",
    "source": "S32",
}
WEATHER_WIDTHS = {
    "item": INT4,
    "airport": "S3",
    "observed_at": TIMESTAMP,
    "known_at": TIMESTAMP,
    **dict.fromkeys(WEATHER_COLUMNS, FLOAT8),
    "source": "S32",
}
MICROSECOND_S = 1_000_000


def columns_of_flight_events(events: Sequence[FlightEvent]) -> Columns:
    """Return the columns of `FLIGHT_WIDTHS`, in the order of the events."""
    columns = {
        n: _column([getattr(e, n) for e in events], w) for n, w in FLIGHT_WIDTHS.items() if n != "item"
    }
    return {"item": np.arange(len(events)), **columns}


def columns_of_weather_events(events: Sequence[WeatherEvent]) -> Columns:
    """Return the columns of `WEATHER_WIDTHS`, in the order of the events."""
    names = ("airport", "observed_at", "known_at", "source")
    columns = {name: _column([getattr(e, name) for e in events], WEATHER_WIDTHS[name]) for name in names}
    values = np.array([e.values for e in events], dtype=np.float64).reshape(len(events), len(WEATHER_COLUMNS))
    columns |= {name: values[:, i] for i, name in enumerate(WEATHER_COLUMNS)}
    return {"item": np.arange(len(events)), **columns}


def columns_of_frame(frame: Any, widths: dict[str, str]) -> Columns:
    """Return the columns of a pandas frame whose column names are those of the table.

    What is missing there is none here; a frame without a column `tail` has none.

    Raises
    ------
    ValueError
        If a text is longer than its column.
    """
    columns: Columns = {"item": np.arange(len(frame))}
    for name, width in widths.items():
        if name != "item":
            columns[name] = _frame_column(frame[name] if name in frame else frame["source"].str[:0], width)
    return columns


def _column(values: list[Any], width: str) -> npt.NDArray[Any]:
    if width == TIMESTAMP:
        return np.array([microseconds(v) for v in values], dtype=np.int64)
    if width == INT4:
        return np.array([NONE if v is None else v for v in values], dtype=np.int64)
    return np.array(["" if v is None else v for v in values], dtype=f"U{width[1:]}")


def microseconds(moment: datetime | None) -> int:
    """Return PostgreSQL's count of microseconds; 'infinity' for None."""
    if moment is None:
        return INFINITY
    past = moment.astimezone(UTC) - EPOCH
    return (past.days * 86_400 + past.seconds) * MICROSECOND_S + past.microseconds - POSTGRES_EPOCH_US


def _frame_column(series: Any, width: str) -> npt.NDArray[Any]:
    if width == TIMESTAMP:
        return from_datetime64(series.to_numpy(dtype="datetime64[us]"))
    if width == FLOAT8:
        return np.asarray(series.to_numpy(dtype=np.float64, na_value=np.nan))
    if width == INT4:
        numbers = series.to_numpy(dtype=np.float64, na_value=np.nan)
        return np.where(np.isnan(numbers), NONE, np.nan_to_num(numbers)).astype(np.int64)
    text = series.fillna("").to_numpy(dtype=str)
    if text.dtype.itemsize // 4 > int(width[1:]):
        raise ValueError(f"expected at most {width[1:]} characters in every {series.name}")
    return np.asarray(text)
