"""Movements: the plainest table of flights, a row a flight with its times in UTC, as airports' own systems export it.

The example of a reader (docs/other-data.md): whatever can be written as this table needs no reader of its own.
"""

import pandas as pd

from data import file_schemas, schemas
from data.nycflights13 import MINUTES_A_DAY, CleaningReport, airport_offsets, to_minutes
from data.schema_errors import validated
from data.text_tables import Lines, TextTable, read_table
from domain.airports import AIRPORTS, FIRST_YEAR, LAST_YEAR

SOURCE = "movements"
TIMES = ("scheduled_departure", "scheduled_arrival", "actual_departure", "actual_arrival")
NAMES = ("carrier", "flight", "leg", "origin", "dest", *TIMES, "air_time", "cancelled")
COLUMNS = {name: (name.replace("_", ""),) for name in NAMES}
OPTIONAL = ("leg", "air_time")
OVERDUE = pd.Timedelta(hours=6)
"""After its expected arrival a flight that did not arrive counts as diverted."""
MOMENT = r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d(:00)?(Z|\+00:00)"


def is_movements(header: set[str]) -> bool:
    """Return whether plain column names are those of such a file."""
    return {"scheduleddeparture", "actualdeparture", "scheduledarrival", "actualarrival"} <= header


def read_flights(lines: Lines, report: CleaningReport, most_bad: float) -> tuple[pd.DataFrame, TextTable]:
    """Read, clean and validate one file: a row a flight, and whether it was cancelled.

    Raises
    ------
    BadFile
        If more rows do not fit than may be; nothing of the file counts then.
    """
    table = read_table(lines, COLUMNS, OPTIONAL, most_bad)
    report.rows_read["flights"] = table.rows_read
    raw = pd.DataFrame(
        {name: table.matching(name, schemas.AIRPORT, "expected three letters") for name in ("origin", "dest")}
    )
    for end in ("origin", "dest"):
        table.reject(
            end, raw[end].str.fullmatch(schemas.AIRPORT) & ~raw[end].isin(AIRPORTS), "no airport of the table"
        )
    raw["carrier"] = table.matching("carrier", schemas.CARRIER, "expected two letters or digits")
    raw["number"] = table.numbers("flight", required=True, whole=True)
    raw["leg"] = table.numbers("leg", whole=True).fillna(1)
    table.reject("leg", ~raw["leg"].between(1, 9), "expected a leg from 1 to 9")
    raw["air_time"] = table.numbers("air_time", whole=True)
    raw["cancelled"] = table.flags("cancelled")
    for name in TIMES:
        raw[name] = _moments(table, name, required=name.startswith("scheduled"))
    gone = raw["cancelled"] & raw["actual_arrival"].notna()
    table.reject("actual_arrival", gone, "a cancelled flight has no arrival")
    raw = table.good(raw)
    report.add("flights", "dropped", "repeated rows", raw.duplicated().sum(), "they say the same")
    checked = validated(file_schemas.FLIGHTS, _flights(raw[~raw.duplicated()]), table)
    report.rows_kept["flights"] = len(checked)
    checked = checked.assign(cancelled=raw["cancelled"], under_way=_under_way(raw.loc[checked.index]))
    return checked.sort_values("scheduled_departure", ignore_index=True), table


def _under_way(raw: pd.DataFrame) -> pd.Series:
    """Return which flights may have been in the air when the table was written."""
    newest = raw[["actual_departure", "actual_arrival"]].max().max()
    late = raw["actual_departure"] - raw["scheduled_departure"]
    due: pd.Series = raw["scheduled_arrival"] + late + OVERDUE > newest
    return raw["actual_arrival"].isna() & due


def _moments(table: TextTable, name: str, required: bool) -> pd.Series:
    there = ~table.absent(name)
    wrong = (there | required) & ~table.text[name].str.fullmatch(MOMENT)
    table.reject(name, wrong, "expected a whole minute in UTC, like 2024-03-01T14:05Z")
    moments = pd.to_datetime(
        table.text[name].where(there & ~wrong), utc=True, format="ISO8601", errors="coerce"
    )
    beyond = moments.notna() & ~moments.dt.year.between(FIRST_YEAR, LAST_YEAR)
    table.reject(name, beyond, f"expected a year from {FIRST_YEAR} to {LAST_YEAR}")
    return moments.dt.as_unit("us")


def _flights(raw: pd.DataFrame) -> pd.DataFrame:
    minutes = to_minutes(raw["scheduled_departure"])
    local = pd.to_datetime((minutes + airport_offsets(raw["origin"], minutes)) // MINUTES_A_DAY, unit="D")
    legs = raw["leg"].astype("int64").astype(str).add("-").where(raw["leg"] > 1, "")
    flown = {
        f"{short}_delay": (raw[f"actual_{end}"] - raw[f"scheduled_{end}"])
        .dt.total_seconds()
        .div(60)
        .astype("Int64")
        for short, end in (("dep", "departure"), ("arr", "arrival"))
    }
    number, days = raw["number"].astype("int64"), pd.Series(local.strftime("%Y%m%d"), index=raw.index)
    return raw[["carrier", "origin", "dest", "scheduled_departure", "scheduled_arrival"]].assign(
        flight_id=raw["carrier"] + number.astype(str) + "-" + raw["origin"] + "-" + legs + days,
        flight_number=number,
        air_time=raw["air_time"].astype("Int64"),
        **flown,
    )
