"""Monthly files of the Bureau of Transportation Statistics ("On-Time", reporting carriers) as flights in UTC.

Both ways of naming columns are read: those of the prezipped files (FlightDate, CRSDepTime) and those of the selected
download (FL_DATE, CRS_DEP_TIME). Times are local clock times without a date of their own.
"""

from pathlib import Path

import numpy as np
import pandas as pd

from data import schemas
from data.local_time import instants
from data.nycflights13 import (
    MINUTES_A_DAY,
    CleaningReport,
    airport_offsets,
    clock_minutes,
    scheduled_block,
    to_minutes,
    to_utc,
)
from data.schema_errors import validated
from data.text_tables import TextTable, read_table
from domain.airports import AIRPORTS

SOURCE = "bts"
COLUMNS = {
    "date": ("flightdate", "fldate"),
    "carrier": ("reportingairline", "opuniquecarrier", "uniquecarrier", "opcarrier", "carrier"),
    "flight": ("flightnumberreportingairline", "opcarrierflnum", "flightnum", "flnum"),
    "origin": ("origin",),
    "dest": ("dest",),
    "sched_dep_time": ("crsdeptime",),
    "sched_arr_time": ("crsarrtime",),
    "dep_delay": ("depdelay",),
    "arr_delay": ("arrdelay",),
    "air_time": ("airtime",),
    "cancelled": ("cancelled",),
    "diverted": ("diverted",),
    "elapsed": ("crselapsedtime",),
}
OPTIONAL = ("elapsed",)
DATE = r"\d{4}-\d{2}-\d{2}|\d{1,2}/\d{1,2}/\d{4}( 12:00:00 AM)?"


def is_bts(header: set[str]) -> bool:
    """Whether plain column names are those of such a file."""
    return bool(header & set(COLUMNS["date"])) and "crsdeptime" in header


def read_flights(path: Path, report: CleaningReport) -> pd.DataFrame:
    """Read, clean and validate one file: a row a flight, times in UTC, and whether it was cancelled.

    Raises
    ------
    BadFile
        If any value does not fit; nothing of the file counts then.
    """
    table = read_table(path, COLUMNS, OPTIONAL)
    report.rows_read["flights"] = len(table)
    raw = _typed(table)
    table.stop_if_bad()
    raw = _of_known_airports(raw, report)
    raw = _once(raw, table, report)
    flights = _flights(raw, report)
    checked = validated(schemas.FLIGHTS, flights.drop(columns="cancelled"), table.names)
    report.rows_kept["flights"] = len(flights)
    flights = checked.assign(cancelled=flights["cancelled"])
    return flights.sort_values(["scheduled_departure", "flight_id"], ignore_index=True)


def _typed(table: TextTable) -> pd.DataFrame:
    """Every column in its type; what does not fit is blamed on the table."""
    raw = pd.DataFrame(
        {
            "date": _dates(table),
            "carrier": table.matching("carrier", schemas.CARRIER, "expected two letters or digits"),
            "flight": table.numbers("flight", required=True, whole=True),
            "origin": table.matching("origin", schemas.AIRPORT, "expected three letters, like EWR"),
            "dest": table.matching("dest", schemas.AIRPORT, "expected three letters, like EWR"),
            "sched_dep_time": _clock(table, "sched_dep_time"),
            "sched_arr_time": _clock(table, "sched_arr_time"),
            "elapsed": table.numbers("elapsed", whole=True),
            **{name: table.numbers(name, whole=True) for name in ("dep_delay", "arr_delay", "air_time")},
            **{name: _flag(table, name) for name in ("cancelled", "diverted")},
        }
    )
    _contradictions(raw, table)
    return raw


def _dates(table: TextTable) -> pd.Series:
    text = table.matching("date", DATE, "expected a date like 2013-04-11 or 4/11/2013")
    iso = text.str.match(r"\d{4}-")
    days = pd.to_datetime(text.where(iso), format="%Y-%m-%d", errors="coerce")
    american = pd.to_datetime(
        text.where(~iso).str.removesuffix(" 12:00:00 AM"), format="%m/%d/%Y", errors="coerce"
    )
    days = days.fillna(american)
    table.blame("date", text.str.fullmatch(DATE) & days.isna(), "expected a day of the calendar")
    return days


def _clock(table: TextTable, column: str) -> pd.Series:
    hhmm = table.numbers(column, required=True, whole=True)
    fits = hhmm.between(0, 2400) & (hhmm % 100 < 60)
    table.blame(column, hhmm.notna() & ~fits, "expected a clock time HHMM from 0000 to 2400")
    return hhmm


def _flag(table: TextTable, column: str) -> pd.Series:
    flag = table.numbers(column, required=True)
    table.blame(column, flag.notna() & ~flag.isin([0, 1]), "expected 0 or 1")
    return flag == 1


def _contradictions(raw: pd.DataFrame, table: TextTable) -> None:
    arrived, gone = raw["arr_delay"].notna(), raw["cancelled"] | raw["diverted"]
    rules = (
        ("diverted", raw["cancelled"] & raw["diverted"], "a flight is cancelled or diverted, not both"),
        ("arr_delay", gone & arrived, "a cancelled or diverted flight has no arrival delay"),
        (
            "arr_delay",
            ~gone & (table.text["arr_delay"] == ""),
            "expected one: neither cancelled nor diverted",
        ),
        ("dep_delay", ~raw["cancelled"] & (table.text["dep_delay"] == ""), "expected one: not cancelled"),
    )
    for column, rows, reason in rules:
        table.blame(column, rows, reason)


def _of_known_airports(raw: pd.DataFrame, report: CleaningReport) -> pd.DataFrame:
    known = raw["origin"].isin(AIRPORTS) & raw["dest"].isin(AIRPORTS)
    why = "without a time zone their scheduled times are no instants"
    report.add("flights", "dropped", "flights of airports missing from the table", (~known).sum(), why)
    return raw[known]


def _once(raw: pd.DataFrame, table: TextTable, report: CleaningReport) -> pd.DataFrame:
    """Each flight once; two outcomes of one flight are a contradiction, not a repeat."""
    identity = ["carrier", "flight", "origin", "date"]
    same = raw.duplicated(keep="first")
    report.add("flights", "dropped", "repeated rows", same.sum(), "they say the same")
    raw = raw[~same].sort_values("sched_dep_time", kind="stable")
    schedule = [*identity, "dest", "sched_dep_time", "sched_arr_time"]
    torn = raw.duplicated(schedule, keep="first")
    lines = pd.Series(table.text.index.isin(raw.index[torn]), index=table.text.index)
    table.blame("flight", lines, "the same flight stands in the file twice, with another outcome")
    table.stop_if_bad()
    second = raw.duplicated(identity, keep="first")
    why = "carrier, number, origin and local date name one flight: the first to leave"
    report.add("flights", "dropped", "second flights under one identity", second.sum(), why)
    return raw[~second]


def _flights(raw: pd.DataFrame, report: CleaningReport) -> pd.DataFrame:
    dep_local = clock_minutes(raw["sched_dep_time"])
    departure = _departure(raw, dep_local, report)
    block = scheduled_block(raw, dep_local, departure, report)
    _report(raw, block, report)
    number = raw["flight"].astype("int64")
    return pd.DataFrame(
        {
            "flight_id": raw["carrier"] + number.astype(str) + "-" + raw["origin"] + "-"
            + raw["date"].dt.strftime("%Y%m%d"),
            "carrier": raw["carrier"],
            "flight_number": number,
            "origin": raw["origin"],
            "dest": raw["dest"],
            "scheduled_departure": to_utc(departure),
            "scheduled_arrival": to_utc(departure + block),
            "dep_delay": raw["dep_delay"].astype("Int64"),
            "arr_delay": raw["arr_delay"].astype("Int64"),
            "air_time": raw["air_time"].where(raw["arr_delay"].notna()).astype("Int64"),
            "cancelled": raw["cancelled"],
        },
        index=raw.index,
    )  # fmt: skip


def _departure(raw: pd.DataFrame, dep_local: np.ndarray, report: CleaningReport) -> np.ndarray:
    """Minutes since the epoch; of an hour that autumn repeats, the one that the scheduled duration confirms."""
    wall = to_minutes(raw["date"]) + dep_local.astype("int64")
    found = instants(raw["origin"], wall)
    elapsed = raw["elapsed"].to_numpy()
    lands = found.second + np.nan_to_num(elapsed).astype("int64")
    local = (lands + airport_offsets(raw["dest"], lands)) % MINUTES_A_DAY
    second = found.repeated & ~np.isnan(elapsed) & (
        local == clock_minutes(raw["sched_arr_time"]) % MINUTES_A_DAY
    )  # fmt: skip
    why = "the scheduled duration tells which of the two; without it the first"
    report.add("flights", "mended", "departures in the hour that autumn repeats", found.repeated.sum(), why)
    why = "spring skips the hour: read on the clock before the change"
    report.add("flights", "mended", "departures in an hour that is not there", found.skipped.sum(), why)
    return np.where(second, found.second, found.first)


def _report(raw: pd.DataFrame, block: np.ndarray, report: CleaningReport) -> None:
    midnight = (raw[["sched_dep_time", "sched_arr_time"]] == 2400).any(axis=1)
    report.add(
        "flights", "mended", "flights with a time of 2400", midnight.sum(), "midnight: 0:00 of the next day"
    )
    report.add("flights", "kept", "cancelled flights", raw["cancelled"].sum(), "no label")
    report.add("flights", "kept", "diverted flights", raw["diverted"].sum(), "no label")
    wrong = raw["elapsed"].notna() & (raw["elapsed"].to_numpy() % MINUTES_A_DAY != block)
    why = "the clock times and the zones win"
    report.add("flights", "checked", "scheduled durations that contradict the clock times", wrong.sum(), why)
