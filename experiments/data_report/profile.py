"""The data in figures: what is missing, what lies far out, how the label is spread, what times needed care."""

import time
from typing import Any

import numpy as np
import pandas as pd

from data import schemas
from data.events import DatasetEvents
from data.nycflights13 import CleaningReport, clean_flights, clean_weather, package_version
from domain.airports import AIRPORTS
from domain.features.columns import DELAY_CEILING, DELAY_FLOOR
from domain.labels import LATE_MINUTES

QUANTILES = (0.001, 0.01, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99, 0.999)
BIN_MINUTES = 15
KEPT = ("dep_time", "dep_delay", "arr_time", "arr_delay", "tailnum", "air_time")


def profile(raw_flights: pd.DataFrame, raw_weather: pd.DataFrame, events: DatasetEvents) -> dict[str, Any]:
    """Return everything the report says of the data itself, as plain values for JSON."""
    return {
        "version": package_version(),
        "flights": _flights(raw_flights),
        "missing": {
            "flights": {name: int(raw_flights[name].isna().sum()) for name in KEPT},
            "weather": {str(name): int(n) for name, n in raw_weather.isna().sum().items() if n},
        },
        "delays": _delays(raw_flights),
        "months": _months(raw_flights),
        "weather": _weather(raw_weather),
        "events": {str(k): int(n) for k, n in events.flight_events["kind"].value_counts().items()}
        | {"weather": len(events.weather_events)},
        "validation": validation_cost(raw_flights, raw_weather),
    }


def validation_cost(raw_flights: pd.DataFrame, raw_weather: pd.DataFrame) -> dict[str, float]:
    """Return the seconds that cleaning takes, and that the schemas take after it.

    Of this process, whatever else runs.
    """
    report, began = CleaningReport(), time.process_time()
    flights, weather = clean_flights(raw_flights, report), clean_weather(raw_weather, report)
    cleaned = time.process_time()
    schemas.FLIGHTS.validate(flights, lazy=True)
    schemas.WEATHER.validate(weather, lazy=True)
    return {"cleaning_seconds": cleaned - began, "schema_seconds": time.process_time() - cleaned}


def _flights(raw: pd.DataFrame) -> dict[str, Any]:
    return {
        "rows": len(raw),
        "carriers": int(raw["carrier"].nunique()),
        "destinations": int(raw["dest"].nunique()),
        "zones": len({AIRPORTS[code].zone for code in raw["dest"].unique() if code in AIRPORTS}),
        "cancelled": int(_cancelled(raw).sum()),
        "diverted": int(_diverted(raw).sum()),
        "labelled": int(raw["arr_delay"].notna().sum()),
        "late": float((raw["arr_delay"].dropna() >= LATE_MINUTES).mean()),
    }


def _cancelled(raw: pd.DataFrame) -> pd.Series:
    return raw["dep_time"].isna() & raw["arr_delay"].isna()


def _diverted(raw: pd.DataFrame) -> pd.Series:
    return raw["dep_time"].notna() & raw["arr_delay"].isna()


def _delays(raw: pd.DataFrame) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name in ("dep_delay", "arr_delay"):
        delay = raw[name].dropna()
        found[name] = {
            "quantiles": {str(q): float(v) for q, v in delay.quantile(list(QUANTILES)).items()},
            "largest": float(delay.max()),
            "smallest": float(delay.min()),
            "above_ceiling": int((delay > DELAY_CEILING).sum()),
            "below_floor": int((delay < DELAY_FLOOR).sum()),
            "deviation": float(delay.std()),
            "deviation_winsorised": float(delay.clip(DELAY_FLOOR, DELAY_CEILING).std()),
        }
    edges = np.arange(DELAY_FLOOR - BIN_MINUTES, DELAY_CEILING + 10 * BIN_MINUTES, BIN_MINUTES)
    counts, _ = np.histogram(raw["arr_delay"].dropna(), edges)
    return found | {
        "floor": DELAY_FLOOR,
        "ceiling": DELAY_CEILING,
        "histogram": {"from": edges[:-1].tolist(), "flights": counts.tolist()},
    }


def _months(raw: pd.DataFrame) -> list[dict[str, Any]]:
    return [
        {
            "month": int(str(month)),
            "flights": len(rows),
            "late": float((rows["arr_delay"].dropna() >= LATE_MINUTES).mean()),
            "cancelled": float(_cancelled(rows).mean()),
            "diverted": float(_diverted(rows).mean()),
        }
        for month, rows in raw.groupby("month")
    ]


def _weather(raw: pd.DataFrame) -> dict[str, Any]:
    hours = pd.to_datetime(raw["time_hour"], utc=True)
    possible = int((hours.max() - hours.min()) / pd.Timedelta(hours=1)) + 1
    return {
        "rows": len(raw),
        "stations": int(raw["origin"].nunique()),
        "missing_hours": possible * int(raw["origin"].nunique()) - len(raw),
        "strongest_wind": float(raw["wind_speed"].max()),
        "strongest_wind_else": float(raw["wind_speed"].nlargest(2).iloc[1]),
    }
