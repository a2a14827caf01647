"""Hourly airport weather from the Iowa Environmental Mesonet (ASOS download, CSV in UTC) as observations.

The event log keeps one observation an airport and hour, labelled with the hour it was made in, in the dataset's
units: of several reports of an hour the routine one, which is made at about minute 51.
"""

from pathlib import Path

import pandas as pd

from data import schemas
from data.events import weather_events_of
from data.nycflights13 import CleaningReport
from data.schema_errors import validated
from data.text_tables import TextTable, read_table
from domain.airports import AIRPORTS
from domain.flights import WEATHER_COLUMNS

SOURCE = "asos"
MPH_A_KNOT = 1.15078
ROUTINE_MINUTE = 51
MEASURES = {
    "temp_f": "tmpf",
    "dewpoint_f": "dwpf",
    "humidity_pct": "relh",
    "wind_dir_deg": "drct",
    "wind_speed_mph": "sknt",
    "wind_gust_mph": "gust",
    "precip_in": "p01i",
    "pressure_mb": "mslp",
    "visibility_mi": "vsby",
}
COLUMNS = {"station": ("station",), "valid": ("valid",)} | {ours: (n,) for ours, n in MEASURES.items()}
OPTIONAL = ("wind_gust_mph",)
STATIONS = {
    "PHNL": "HNL", "PHOG": "OGG", "PHKO": "KOA", "PHLI": "LIH", "PHTO": "ITO", "PANC": "ANC", "PAFA": "FAI",
    "PAJN": "JNU", "PGUM": "GUM", "NSTU": "PPG", "PGSN": "SPN", "TJSJ": "SJU", "TJBQ": "BQN", "TJPS": "PSE",
    "TIST": "STT", "TISX": "STX",
}  # fmt: skip
"""Stations outside the contiguous states whose airport goes by another name."""


def is_asos(header: set[str]) -> bool:
    """Whether plain column names are those of such a file."""
    return {"station", "valid"} <= header


def read_weather(path: Path, report: CleaningReport) -> pd.DataFrame:
    """Read, clean and validate one file: a row an airport and hour, with the moment it became known.

    Raises
    ------
    BadFile
        If any value does not fit; nothing of the file counts then.
    """
    table = read_table(path, COLUMNS, OPTIONAL)
    report.rows_read["weather"] = len(table)
    rows = _typed(table, report)
    table.stop_if_bad()
    known = rows["airport"].isin(AIRPORTS)
    report.add(
        "weather",
        "dropped",
        "reports of stations that are no airport here",
        (~known).sum(),
        "not in the table",
    )
    hourly = _one_an_hour(rows[known], report)
    weather = validated(schemas.WEATHER, hourly[["airport", "observed_at", *WEATHER_COLUMNS]], table.names)
    report.rows_kept["weather"] = len(weather)
    return weather.assign(reported_at=hourly["reported_at"])


def weather_events(weather: pd.DataFrame) -> pd.DataFrame:
    """One event an observation, known no earlier than the minute after its report was made."""
    events = weather_events_of(weather, SOURCE)
    reported = events.pop("reported_at") + pd.Timedelta(minutes=1)
    later = events["known_at"].where(events["known_at"] >= reported, reported)
    return events.assign(known_at=later).sort_values(["known_at", "airport"], ignore_index=True)


def _typed(table: TextTable, report: CleaningReport) -> pd.DataFrame:
    trace = table.text["precip_in"] == "T"
    report.add("weather", "mended", "traces of precipitation", trace.sum(), "too little to measure: 0")
    table.text["precip_in"] = table.text["precip_in"].mask(trace, "0.00")
    measures = {name: table.numbers(name) for name in MEASURES}
    for name in ("wind_speed_mph", "wind_gust_mph"):
        measures[name] = measures[name] * MPH_A_KNOT
    reported = _moments(table)
    rows = pd.DataFrame({"airport": _airports(table), "reported_at": reported} | measures)
    rows.insert(1, "observed_at", rows["reported_at"].dt.floor("h"))
    return rows


def _airports(table: TextTable) -> pd.Series:
    station = table.matching("station", r"[A-Z0-9]{3,4}", "expected a station, like EWR or KEWR")
    airports: pd.Series = station.replace(STATIONS).str.replace(r"^K(?=[A-Z]{3}$)", "", regex=True)
    return airports


def _moments(table: TextTable) -> pd.Series:
    text = table.matching(
        "valid", r"\d{4}-\d\d-\d\d \d\d:\d\d", "expected a UTC moment like 2013-04-11 14:51"
    )
    moments: pd.Series = pd.to_datetime(text, format="%Y-%m-%d %H:%M", errors="coerce", utc=True)
    moments = moments.dt.as_unit("us")
    fits = text.str.fullmatch(r"\d{4}-\d\d-\d\d \d\d:\d\d")
    table.blame("valid", fits & moments.isna(), "expected a moment of the calendar")
    return moments


def _one_an_hour(rows: pd.DataFrame, report: CleaningReport) -> pd.DataFrame:
    """Of each hour the routine report: the one with sea-level pressure, then the nearest to minute 51."""
    off = (rows["reported_at"].dt.minute - ROUTINE_MINUTE).abs()
    order = rows.assign(special=rows["pressure_mb"].isna(), off=off)
    order = order.sort_values(["observed_at", "airport", "special", "off"], kind="stable")
    repeated = order.duplicated(["airport", "observed_at"], keep="first")
    why = "special reports of an hour that has its routine one"
    report.add("weather", "dropped", "further reports of an hour", repeated.sum(), why)
    return order[~repeated].drop(columns=["special", "off"])
