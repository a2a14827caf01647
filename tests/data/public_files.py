"""Writers of the public formats: the dataset as the files it was once made from."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from data.asos import MPH_A_KNOT

PREZIP = {
    "date": "FlightDate", "carrier": "Reporting_Airline", "flight": "Flight_Number_Reporting_Airline",
    "tailnum": "Tail_Number", "origin": "Origin", "dest": "Dest", "sched_dep_time": "CRSDepTime", "dep_time": "DepTime",
    "dep_delay": "DepDelay", "sched_arr_time": "CRSArrTime", "arr_time": "ArrTime", "arr_delay": "ArrDelay",
    "cancelled": "Cancelled", "diverted": "Diverted", "elapsed": "CRSElapsedTime", "air_time": "AirTime",
}  # fmt: skip
SELECTED = {
    "date": "FL_DATE", "carrier": "OP_UNIQUE_CARRIER", "flight": "OP_CARRIER_FL_NUM", "tailnum": "TAIL_NUM",
    "origin": "ORIGIN", "dest": "DEST", "sched_dep_time": "CRS_DEP_TIME", "dep_time": "DEP_TIME",
    "dep_delay": "DEP_DELAY", "sched_arr_time": "CRS_ARR_TIME", "arr_time": "ARR_TIME", "arr_delay": "ARR_DELAY",
    "cancelled": "CANCELLED", "diverted": "DIVERTED", "air_time": "AIR_TIME",
}  # fmt: skip
ASOS = {
    "temp": "tmpf", "dewp": "dwpf", "humid": "relh", "wind_dir": "drct", "wind_speed": "sknt", "precip": "p01i",
    "alti": "alti", "pressure": "mslp", "visib": "vsby", "wind_gust": "gust",
}  # fmt: skip


def bts_row(**changes: Any) -> dict[str, str]:
    """UA 1545 on 11 April 2013, EWR 11:00 to IAH 13:50, as the prezipped files write it."""
    return {
        "FlightDate": "2013-04-11", "Reporting_Airline": "UA", "Flight_Number_Reporting_Airline": "1545",
        "Tail_Number": "N14228", "Origin": "EWR", "Dest": "IAH", "CRSDepTime": "1100", "DepTime": "1110",
        "DepDelay": "10.00", "CRSArrTime": "1350", "ArrTime": "1355", "ArrDelay": "5.00", "Cancelled": "0.00",
        "Diverted": "0.00", "CRSElapsedTime": "230.00", "AirTime": "200.00",
    } | changes  # fmt: skip


def asos_row(**changes: Any) -> dict[str, str]:
    """EWR on 11 April 2013 at 15:51 UTC, as the download writes it."""
    return {
        "station": "EWR", "valid": "2013-04-11 15:51", "tmpf": "50.00", "dwpf": "40.00", "relh": "68.31",
        "drct": "270.00", "sknt": "9.00", "p01i": "0.00", "alti": "29.92", "mslp": "1013.20", "vsby": "10.00",
        "gust": "M", "skyc1": "BKN",
    } | changes  # fmt: skip


def write_rows(path: Path, rows: list[dict[str, str]]) -> Path:
    """Rows as CSV; the prezipped files end every line with a comma."""
    tail = "," if "FlightDate" in rows[0] else ""
    lines = [",".join(rows[0]) + tail, *(",".join(row.values()) + tail for row in rows)]
    path.write_text("\n".join(lines) + "\n")
    return path


def write_bts(path: Path, raw: pd.DataFrame, names: dict[str, str]) -> Path:
    """The dataset's flights as a BTS file; `raw` may carry the scheduled duration as `elapsed`."""
    table = raw.assign(
        date=pd.to_datetime(raw[["year", "month", "day"]]).dt.strftime("%Y-%m-%d"),
        cancelled=(raw["dep_time"].isna() & raw["arr_delay"].isna()).map({True: "1.00", False: "0.00"}),
        diverted=(raw["dep_time"].notna() & raw["arr_delay"].isna()).map({True: "1.00", False: "0.00"}),
        **{name: raw[name].map("{:04.0f}".format) for name in ("sched_dep_time", "sched_arr_time")},
    )
    columns = [name for name in names if name in table]
    table = table[columns].rename(columns=names)
    if "FL_DATE" in table:
        table["FL_DATE"] = pd.to_datetime(table["FL_DATE"]).dt.strftime("%-m/%-d/%Y 12:00:00 AM")
    table.to_csv(path, index=False)
    return path


def write_asos(path: Path, raw: pd.DataFrame) -> Path:
    """The dataset's weather as an ASOS download: knots, M for missing, T for a trace."""
    moment = pd.to_datetime(raw["time_hour"], utc=True) + pd.Timedelta(minutes=51)
    table = raw.assign(
        alti=np.nan,
        **{name: (raw[name] / MPH_A_KNOT).round() for name in ("wind_speed", "wind_gust")},
    )[list(ASOS)].rename(columns=ASOS)
    table = table.map(lambda value: "M" if pd.isna(value) else repr(float(value)))
    # Every other dry hour had a trace.
    dry = np.flatnonzero(raw["precip"].to_numpy() == 0)[::2]
    table.iloc[dry, table.columns.get_loc("p01i")] = "T"
    table.insert(0, "station", raw["origin"].to_numpy())
    table.insert(1, "valid", moment.dt.strftime("%Y-%m-%d %H:%M").to_numpy())
    path.write_text("#DEBUG: Format Typ    -> comma\n" + table.to_csv(index=False))
    return path
