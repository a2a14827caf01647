"""Monthly files of the Bureau of Transportation Statistics ("On-Time") as flights in UTC.

Every way of naming the columns is read: those of the prezipped files (FlightDate, CRSDepTime), of the selected download
(FL_DATE, CRS_DEP_TIME), and of the marketing carriers' table, in which the operating carrier's names count. Times are
local clock times without a date of their own.
"""

import numpy as np
import pandas as pd

from data import file_schemas, schemas
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
from data.text_tables import Lines, TextTable, read_table
from domain.airports import AIRPORTS, FIRST_YEAR, LAST_YEAR

SOURCE = "bts"
COLUMNS = {
    "date": ("flightdate", "fldate"),
    "year": ("year",),
    "month": ("month",),
    "day": ("dayofmonth",),
    "carrier": (
        "reportingairline",
        "operatingairline",
        "opuniquecarrier",
        "uniquecarrier",
        "opcarrier",
        "carrier",
    ),
    "flight": (
        "flightnumberreportingairline",
        "flightnumberoperatingairline",
        "opcarrierflnum",
        "flightnum",
        "flnum",
    ),
    "origin": ("origin",),
    "dest": ("dest",),
    "sched_dep_time": ("crsdeptime",),
    "sched_arr_time": ("crsarrtime",),
    "dep_time": ("deptime",),
    "arr_time": ("arrtime",),
    "dep_delay": ("depdelay",),
    "arr_delay": ("arrdelay",),
    "air_time": ("airtime",),
    "cancelled": ("cancelled",),
    "diverted": ("diverted",),
    "elapsed": ("crselapsedtime",),
    "duplicate": ("duplicate", "dup"),
}
OPTIONAL = ("date", "year", "month", "day", "dep_time", "arr_time", "elapsed", "duplicate")
PARTS_OF_DATE = ("year", "month", "dayofmonth")
DATE = r"\d{4}-\d{2}-\d{2}|\d{1,2}/\d{1,2}/\d{4}( 12:00:00 AM| 0?0:00(:00)?)?"
CODE_USED_AGAIN = rf"({schemas.CARRIER}) ?\(\d\)"
"""How old files write Pan Am and Midway: other carriers have had their codes since."""
MOST_LEGS = 9
NUMBER_OF_DATE = ["carrier", "flight", "origin", "date"]
EARLY, LATE = -120, 720
"""Minutes that a delay read off the clock times may have: beyond them it may as well be another day's."""


def is_bts(header: set[str]) -> bool:
    """Return whether plain column names are those of such a file."""
    dated = bool(header & set(COLUMNS["date"])) or header.issuperset(PARTS_OF_DATE)
    return dated and "crsdeptime" in header


def read_flights(lines: Lines, report: CleaningReport, most_bad: float) -> tuple[pd.DataFrame, TextTable]:
    """Read, clean and validate one file: a row a flight, times in UTC, and whether it was cancelled.

    Returns
    -------
    DataFrame, TextTable
        The flights, and the table they were read from, which knows the rows that did not fit.

    Raises
    ------
    BadFile
        If more rows do not fit than may be; nothing of the file counts then.
    """
    table = read_table(lines, COLUMNS, OPTIONAL, most_bad)
    report.rows_read["flights"] = table.rows_read
    raw = _typed(table, report)
    _reject_other_legs(raw, table)
    raw = table.good(raw)
    raw = _of_known_airports(_without_copies(raw, table, report), report)
    raw = _once(raw, table, report)
    flights = _flights(raw, report)
    checked = validated(file_schemas.FLIGHTS, flights.drop(columns="cancelled"), table)
    _reject_other_legs(raw, table)
    checked = table.good(checked)
    report.rows_kept["flights"] = len(checked)
    flights = checked.assign(cancelled=flights["cancelled"])
    return flights.sort_values(["scheduled_departure", "flight_id"], ignore_index=True), table


def _typed(table: TextTable, report: CleaningReport) -> pd.DataFrame:
    """Return every column in its type; what does not fit is rejected in the table."""
    raw = pd.DataFrame(
        {
            "date": _dates(table),
            "carrier": _carriers(table),
            "flight": table.numbers("flight", required=True, whole=True),
            "origin": table.matching("origin", schemas.AIRPORT, "expected three letters, like EWR"),
            "dest": table.matching("dest", schemas.AIRPORT, "expected three letters, like EWR"),
            "sched_dep_time": _clock(table, "sched_dep_time"),
            "sched_arr_time": _clock(table, "sched_arr_time"),
            "elapsed": table.numbers("elapsed", whole=True),
            **{name: table.numbers(name, whole=True) for name in ("dep_delay", "arr_delay", "air_time")},
            **{name: table.flags(name) for name in ("cancelled", "diverted")},
        }
    )
    _derive_delays(raw, table, report)
    _contradictions(raw, table)
    _midnights(raw, report)
    return raw


def _midnights(raw: pd.DataFrame, report: CleaningReport) -> None:
    """Move departures at 2400 to 0:00 of the next day: that is the date of the flight's identity, as a feed has it."""
    midnight = raw[["sched_dep_time", "sched_arr_time"]] == 2400
    departs = midnight["sched_dep_time"]
    raw["date"] = raw["date"] + pd.to_timedelta(departs.astype("int64"), unit="D")
    raw["sched_dep_time"] = raw["sched_dep_time"].mask(departs, 0.0)
    rows = midnight.any(axis=1).sum()
    report.add("flights", "mended", "flights with a time of 2400", rows, "midnight: 0:00 of the next day")


def _dates(table: TextTable) -> pd.Series:
    written, parts = table.text["date"], [table.text[name].str.zfill(2) for name in ("year", "month", "day")]
    composed = written.eq("") & table.text["year"].ne("")
    table.text["date"] = written.mask(composed, parts[0] + "-" + parts[1] + "-" + parts[2])
    text = table.matching("date", DATE, "expected a date like 2013-04-11 or 4/11/2013")
    iso = text.str.match(r"\d{4}-")
    days = pd.to_datetime(text.where(iso), format="%Y-%m-%d", errors="coerce")
    american = pd.to_datetime(text.where(~iso).str.split(" ").str[0], format="%m/%d/%Y", errors="coerce")
    days = days.fillna(american)
    table.reject("date", text.str.fullmatch(DATE) & days.isna(), "expected a day of the calendar")
    outside = days.notna() & ~days.dt.year.between(FIRST_YEAR, LAST_YEAR)
    table.reject(
        "date", outside, f"expected a year from {FIRST_YEAR} to {LAST_YEAR}: no zone rules for others"
    )
    return days


def _carriers(table: TextTable) -> pd.Series:
    codes = table.text["carrier"].str.replace(rf"^{CODE_USED_AGAIN}$", r"\1", regex=True)
    table.text["carrier"] = codes
    return table.matching("carrier", schemas.CARRIER, "expected two letters or digits")


def _clock(table: TextTable, column: str) -> pd.Series:
    hhmm = table.numbers(column, required=True, whole=True)
    table.reject(column, hhmm.notna() & ~_is_clock(hhmm), "expected a clock time HHMM from 0000 to 2400")
    return hhmm


def _is_clock(hhmm: pd.Series) -> pd.Series:
    return hhmm.between(0, 2400) & (hhmm % 100 < 60)


def _derive_delays(raw: pd.DataFrame, table: TextTable, report: CleaningReport) -> None:
    """Fill delays that a flown flight lacks with what its clock times say, where that is one answer alone."""
    grounded = {"dep": raw["cancelled"], "arr": raw["cancelled"] | raw["diverted"]}
    derived = pd.Series(False, index=raw.index)
    for end, never in grounded.items():
        lacking = ~never & table.absent(f"{end}_delay")
        found = _clock_delay(table, raw[f"sched_{end}_time"], f"{end}_time")
        mended = lacking & found.between(EARLY, LATE)
        raw[f"{end}_delay"] = raw[f"{end}_delay"].mask(mended, found)
        derived |= mended
    why = "the clock times show how late they were"
    report.add("flights", "mended", "flown flights without a delay", derived.sum(), why)


def _clock_delay(table: TextTable, scheduled: pd.Series, actual: str) -> pd.Series:
    """Return the minutes from a scheduled to an actual clock time, within a day of which little is early.

    NaN where unclear.
    """
    # Not rejected: where a delay is written, nobody needs the clock time.
    hhmm = pd.to_numeric(table.text[actual], errors="coerce")
    hhmm = hhmm.where(_is_clock(hhmm) & (hhmm % 1 == 0))
    minutes = (clock_minutes(hhmm) - clock_minutes(scheduled) - EARLY) % MINUTES_A_DAY + EARLY
    return pd.Series(minutes, index=scheduled.index)


def _contradictions(raw: pd.DataFrame, table: TextTable) -> None:
    arrived, gone = raw["arr_delay"].notna(), raw["cancelled"] | raw["diverted"]
    lacking = {name: table.absent(name) & raw[name].isna() for name in ("dep_delay", "arr_delay")}
    why = "and the clock times do not show it"
    rules = (
        ("diverted", raw["cancelled"] & raw["diverted"], "a flight is cancelled or diverted, not both"),
        ("arr_delay", gone & arrived, "a cancelled or diverted flight has no arrival delay"),
        ("arr_delay", ~gone & lacking["arr_delay"], f"expected one: neither cancelled nor diverted, {why}"),
        ("dep_delay", ~raw["cancelled"] & lacking["dep_delay"], f"expected one: not cancelled, {why}"),
    )
    for column, rows, reason in rules:
        table.reject(column, rows, reason)


def _without_copies(raw: pd.DataFrame, table: TextTable, report: CleaningReport) -> pd.DataFrame:
    """Return the marketing carriers' table has a flight once for each that sold it; a flag says which to leave out."""
    copy = _is_copy(raw, table)
    why = "the table's flag: another row has the flight"
    report.add("flights", "dropped", "rows marked as duplicates", copy.sum(), why)
    kept: pd.DataFrame = raw[~copy]
    return kept


def _is_copy(raw: pd.DataFrame, table: TextTable) -> pd.Series:
    copy: pd.Series = table.text.loc[raw.index, "duplicate"].str.upper().isin(["Y", "1"])
    return copy


def _reject_other_legs(raw: pd.DataFrame, table: TextTable) -> None:
    """Set aside, with a row that does not fit, the other departures of its number on its date.

    Legs are counted together: without one of them another would take its identity, and so would that one alone, once
    it is mended.
    """
    bad = raw.index.isin([value.row for value in table.bad])
    if not bad.any():
        return
    spoilt = raw.assign(bad=bad).groupby(NUMBER_OF_DATE)["bad"].transform("any").eq(True)
    others = raw.index[spoilt & ~bad & ~_is_copy(raw, table)]
    why = "another row of this number and date does not fit, and their legs are counted together"
    table.reject_lines("flight", others, why)


def _of_known_airports(raw: pd.DataFrame, report: CleaningReport) -> pd.DataFrame:
    unknown = {end: ~raw[end].isin(AIRPORTS) for end in ("origin", "dest")}
    either = unknown["origin"] | unknown["dest"]
    for end, rows in unknown.items():
        for code, count in raw.loc[rows, end].value_counts().items():
            report.unknown_airports[str(code)] = report.unknown_airports.get(str(code), 0) + int(count)
    why = "without a time zone their scheduled times are no instants"
    report.add("flights", "dropped", "flights of airports missing from the table", either.sum(), why)
    return raw[~either]


def _once(raw: pd.DataFrame, table: TextTable, report: CleaningReport) -> pd.DataFrame:
    """Return each flight once, with its leg; two outcomes of one flight are a contradiction, not a repeat."""
    same = raw.duplicated(keep="first")
    report.add("flights", "dropped", "repeated rows", same.sum(), "they say the same")
    raw = _scheduled_legs(raw[~same], [*NUMBER_OF_DATE, "sched_dep_time"], report)
    torn = raw.duplicated([*NUMBER_OF_DATE, "sched_dep_time"], keep=False)
    table.reject_lines(
        "flight", raw.index[torn], "the same departure stands in the file again, with another outcome"
    )
    _reject_other_legs(raw, table)
    raw = table.good(raw).sort_values("sched_dep_time", kind="stable")
    raw = raw.assign(leg=raw.groupby(NUMBER_OF_DATE).cumcount() + 1)
    more = raw.index[raw["leg"] > MOST_LEGS]
    table.reject_lines("flight", more, f"expected at most {MOST_LEGS} flights of one number")
    why = "a number that leaves an airport again on a date: each has its leg"
    report.add("flights", "kept", "second flights of a number", (raw["leg"] > 1).sum(), why)
    return table.good(raw)


def _scheduled_legs(raw: pd.DataFrame, departure: list[str], report: CleaningReport) -> pd.DataFrame:
    """Return of a diverted flight that stands there as two legs, the scheduled one, whichever comes first."""
    legs = raw.groupby(departure)
    elsewhere = raw["diverted"] & (legs["dest"].transform("nunique") > 1) & ~legs["diverted"].transform("all")
    why = "the leg to the scheduled destination is there too"
    report.add("flights", "dropped", "legs to another airport", elsewhere.sum(), why)
    return raw[~elsewhere]


def _flights(raw: pd.DataFrame, report: CleaningReport) -> pd.DataFrame:
    dep_local = clock_minutes(raw["sched_dep_time"])
    departure = _departure(raw, dep_local, report)
    block = _confirmed(raw, departure, scheduled_block(raw, dep_local, departure, report), report)
    _report(raw, block, report)
    number = raw["flight"].astype("int64")
    return pd.DataFrame(
        {
            "flight_id": raw["carrier"] + number.astype(str) + "-" + raw["origin"] + "-"
            + (raw["leg"].astype(str) + "-").where(raw["leg"] > 1, "") + raw["date"].dt.strftime("%Y%m%d"),
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
    """Return the minutes since the epoch.

    Of an hour that autumn repeats, the one that the scheduled duration confirms.
    """
    wall = to_minutes(raw["date"]) + dep_local.astype("int64")
    found = instants(raw["origin"], wall)
    elapsed = raw["elapsed"].to_numpy()
    lands = found.second + np.nan_to_num(elapsed).astype("int64")
    local = (lands + airport_offsets(raw["dest"], lands)) % MINUTES_A_DAY
    second = found.repeated & ~np.isnan(elapsed) & (
        local == clock_minutes(raw["sched_arr_time"]) % MINUTES_A_DAY
    )  # fmt: skip
    why = "the scheduled duration decides which of the two; without it the first"
    report.add("flights", "mended", "departures in the hour that autumn repeats", found.repeated.sum(), why)
    why = "spring skips the hour: read on the clock before the change"
    report.add("flights", "mended", "departures in an hour that is not there", found.skipped.sum(), why)
    return np.where(second, found.second, found.first)


def _confirmed(
    raw: pd.DataFrame, departure: np.ndarray, block: np.ndarray, report: CleaningReport
) -> np.ndarray:
    """Return the blocks, an hour longer where that is the scheduled duration and shows the same time at arrival."""
    longer = block + 60
    shown, later = (
        airport_offsets(raw["dest"], departure + minutes) + minutes for minutes in (block, longer)
    )
    second = (raw["elapsed"].to_numpy() == longer) & (shown == later)
    why = "the scheduled duration decides which of the two; without it the first"
    report.add("flights", "mended", "arrivals in the second hour that autumn repeats", second.sum(), why)
    return np.where(second, longer, block)


def _report(raw: pd.DataFrame, block: np.ndarray, report: CleaningReport) -> None:
    report.add("flights", "kept", "cancelled flights", raw["cancelled"].sum(), "no label")
    report.add("flights", "kept", "diverted flights", raw["diverted"].sum(), "no label")
    wrong = raw["elapsed"].notna() & (raw["elapsed"].to_numpy() % MINUTES_A_DAY != block)
    why = "the clock times and the zones win"
    report.add("flights", "checked", "scheduled durations that contradict the clock times", wrong.sum(), why)
