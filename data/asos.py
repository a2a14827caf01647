"""Hourly airport weather from the Iowa Environmental Mesonet (ASOS download, CSV) as observations.

The event log keeps one observation an airport and hour, labelled with the hour it was made in, in the dataset's
units: of several reports of an hour the routine one, which is made at about minute 51. Times are UTC unless the file's
comments name another zone; where the reports themselves are in the file, the times are compared with theirs.
"""

import re
from functools import cache
from zoneinfo import ZoneInfo

import airportsdata
import numpy as np
import pandas as pd

from data import schemas
from data.bad_values import SHOWN, BadFile, BadValue, whole_file
from data.events import weather_events_of
from data.nycflights13 import CleaningReport
from data.schema_errors import validated
from data.text_tables import Lines, TextTable, read_table
from domain.airports import AIRPORTS
from domain.flights import WEATHER_COLUMNS, WEATHER_RANGES

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
COLUMNS = {
    "station": ("station",),
    "valid": ("valid",),
    "metar": ("metar",),
    **{ours: (theirs,) for ours, theirs in MEASURES.items()},
}
OPTIONAL = ("wind_gust_mph", "metar")
MOMENT = r"\d{4}-\d\d-\d\d \d\d:\d\d"
ZONE = re.compile(r"time zone\s*->\s*(\S+)", re.IGNORECASE)
"""How the download's comments name the zone of its times."""
METAR_TIME = r"\b(\d\d)(\d\d)(\d\d)Z\b"
"""Day, hour and minute of a report, in UTC."""
METAR_TOLERANCE = pd.Timedelta(minutes=10)


def is_asos(header: set[str]) -> bool:
    """Return whether plain column names are those of such a file."""
    return {"station", "valid"} <= header


def read_weather(lines: Lines, report: CleaningReport, most_bad: float) -> tuple[pd.DataFrame, TextTable]:
    """Read, clean and validate one file: a row an airport and hour, with the moment it became known.

    Returns
    -------
    DataFrame, TextTable
        The observations, and the table they were read from, which knows the rows that did not fit.

    Raises
    ------
    BadFile
        If more rows do not fit than may be, or the times are of no zone that can be determined; nothing of the file
        counts then.
    """
    table = read_table(lines, COLUMNS, OPTIONAL, most_bad)
    report.rows_read["weather"] = table.rows_read
    rows = table.good(_typed(table, report))
    hourly = _one_an_hour(_of_known_airports(rows, report), report)
    weather = validated(schemas.WEATHER, hourly[["airport", "observed_at", *WEATHER_COLUMNS]], table)
    report.rows_kept["weather"] = len(weather)
    return weather.assign(reported_at=hourly["reported_at"]), table


def weather_events(weather: pd.DataFrame) -> pd.DataFrame:
    """Return one event an observation, known no earlier than the minute after its report was made."""
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
    measures = {name: _possible(name, values, table, report) for name, values in measures.items()}
    reported = _moments(table)
    rows = pd.DataFrame({"airport": _airports(table), "reported_at": reported} | measures)
    rows.insert(1, "observed_at", rows["reported_at"].dt.floor("h"))
    return rows


def _possible(name: str, values: pd.Series, table: TextTable, report: CleaningReport) -> pd.Series:
    """Blank readings that no instrument can make; where most are such, the column is something else."""
    low, high = WEATHER_RANGES[name]
    outside = values.notna() & ~values.between(low, high)
    unit = " mph" if name.startswith("wind_s") or name.startswith("wind_g") else ""
    if outside.sum() > max(1, values.notna().sum() / 2):
        table.reject(
            name, outside, f"expected {low} to {high}{unit}, as most readings are not: another unit?"
        )
        return values
    for line in outside.index[outside]:
        if len(report.blanked) < SHOWN:
            why = f"no instrument reads it, expected {low} to {high}{unit}: counts as not measured"
            report.blanked.append(BadValue(int(line), table.names[name], why, table.value(line, name)))
    if outside.any():
        why = f"outside {low} to {high}{unit} the instrument failed: not measured"
        report.add("weather", "mended", f"values of {table.names[name]}", outside.sum(), why)
    return values.mask(outside)


def _airports(table: TextTable) -> pd.Series:
    station = table.matching("station", r"[A-Z0-9]{3,4}", "expected a station, like EWR or KEWR")
    airports: pd.Series = station.map(_stations()).fillna(station)
    return airports


@cache
def _stations() -> dict[str, str]:
    """Return the airport of each station.

    Stations go by ICAO's names, those of the contiguous states without their K.
    """
    named = {icao: place["iata"] for icao, place in airportsdata.load("ICAO").items() if place["iata"]}
    return named | {icao[1:]: iata for icao, iata in named.items() if icao.startswith("K")}


def _of_known_airports(rows: pd.DataFrame, report: CleaningReport) -> pd.DataFrame:
    known = rows["airport"].isin(AIRPORTS)
    report.unknown_airports |= {
        str(code): int(count) for code, count in rows.loc[~known, "airport"].value_counts().items()
    }
    what = "reports of stations that are no airport here"
    report.add("weather", "dropped", what, (~known).sum(), "not in the table")
    return rows[known]


def _moments(table: TextTable) -> pd.Series:
    """Return the moments in UTC of times in the file's zone; what does not fit is rejected in the table."""
    text = table.matching("valid", MOMENT, "expected a moment like 2013-04-11 14:51")
    clock = pd.to_datetime(text, format="%Y-%m-%d %H:%M", errors="coerce").dt.as_unit("us")
    fits = text.str.fullmatch(MOMENT)
    table.reject("valid", fits & clock.isna(), "expected a moment of the calendar")
    zone = _zone(table)
    moments = clock.dt.tz_localize(zone, ambiguous="NaT", nonexistent="NaT").dt.tz_convert("UTC")
    # In winter's time: near enough for a report's own time to be found, and never lacking.
    near = clock.dt.tz_localize(
        zone, ambiguous=np.zeros(len(clock), dtype=bool), nonexistent="shift_forward"
    ).dt.tz_convert("UTC")
    reported = _times_of_reports(table, near)
    unclear = clock.notna() & moments.isna()
    moments = moments.where(~unclear, reported)
    why = f"not one moment where the clocks of {zone} change: download in Etc/UTC"
    table.reject("valid", unclear & moments.isna(), why)
    _compare_with_reports(table, moments, reported)
    return moments


def _zone(table: TextTable) -> ZoneInfo:
    """Return the zone that the comments name; UTC where they name none."""
    named = next((found[1] for line in table.lines.before if (found := ZONE.search(line))), "UTC")
    try:
        return ZoneInfo(named)
    except (KeyError, ValueError, OSError) as error:
        raise whole_file("expected a zone like Etc/UTC or America/New_York", named, "Time Zone") from error


def _times_of_reports(table: TextTable, near: pd.Series) -> pd.Series:
    """Return the moment in each report's own text, of the day nearest to the row's; NaT where there is none."""
    parts = table.text["metar"].str.extract(METAR_TIME).astype("float64")
    # Whole minutes: from NaN pandas reads whatever its memory holds, which may overflow.
    of_day = pd.to_timedelta((parts[1] * 60 + parts[2]).fillna(0).astype("int64"), unit="min")
    reported = pd.Series(pd.NaT, index=near.index, dtype=near.dtype)
    for shift in (0, -1, 1):
        day = near.dt.floor("D") + pd.Timedelta(days=shift)
        reported = reported.fillna((day + of_day).where(day.dt.day == parts[0]))
    moments: pd.Series = reported.dt.as_unit("us")
    return moments


def _compare_with_reports(table: TextTable, moments: pd.Series, reported: pd.Series) -> None:
    """Check that times and reports agree; where most do not, the file's zone is not the one that it names, if any."""
    dated = table.text["metar"].str.contains(METAR_TIME.replace("(", "(?:"), regex=True) & moments.notna()
    apart = dated & ~((moments - reported).abs() <= METAR_TOLERANCE)
    if not apart.sum() > dated.sum() / 2:
        table.reject("valid", apart, "the report's own time (metar) is another")
        return
    line = int(apart.index[apart][0])
    valid, metar = table.value(line, "valid"), table.value(line, "metar")
    why = "expected UTC, or a comment that names the zone: most reports (metar) give themselves another time"
    raise BadFile([BadValue(line, table.names["valid"], why, f"{valid}, metar {metar[:40]}")])


def _one_an_hour(rows: pd.DataFrame, report: CleaningReport) -> pd.DataFrame:
    """Return of each hour the routine report: the one with sea-level pressure, then the nearest to minute 51."""
    off = (rows["reported_at"].dt.minute - ROUTINE_MINUTE).abs()
    order = rows.assign(special=rows["pressure_mb"].isna(), off=off)
    order = order.sort_values(["observed_at", "airport", "special", "off"], kind="stable")
    repeated = order.duplicated(["airport", "observed_at"], keep="first")
    why = "special or five-minute reports of an hour that has its routine one"
    report.add("weather", "dropped", "further reports of an hour", repeated.sum(), why)
    return order[~repeated].drop(columns=["special", "off"])
