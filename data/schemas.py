"""What a cleaned row must look like, as pandera schemas: the gate between the file and the event store."""

import pandera.pandas as pa

from domain.events import LARGEST_DELAY
from domain.flights import BLOCK_MINUTES, WEATHER_RANGES

UTC_TIME = "datetime64[us, UTC]"
CARRIER = r"[A-Z0-9]{2}"
AIRPORT = r"[A-Z]{3}"


def _delay() -> pa.Column:
    return pa.Column("Int64", pa.Check.in_range(-240, LARGEST_DELAY), nullable=True)


def _measure(low: float, high: float) -> pa.Column:
    return pa.Column(float, pa.Check.in_range(low, high), nullable=True)


FLIGHTS = pa.DataFrameSchema(
    {
        "flight_id": pa.Column(
            str, pa.Check.str_matches(rf"^{CARRIER}\d{{1,4}}-{AIRPORT}(-[2-9])?-\d{{8}}$"), unique=True
        ),
        "carrier": pa.Column(str, pa.Check.str_matches(rf"^{CARRIER}$")),
        "flight_number": pa.Column("int64", pa.Check.in_range(1, 9999)),
        "origin": pa.Column(str, pa.Check.str_matches(rf"^{AIRPORT}$")),
        "dest": pa.Column(str, pa.Check.str_matches(rf"^{AIRPORT}$")),
        "scheduled_departure": pa.Column(UTC_TIME),
        "scheduled_arrival": pa.Column(UTC_TIME),
        "dep_delay": _delay(),
        "arr_delay": _delay(),
        "air_time": pa.Column("Int64", pa.Check.in_range(5, 1200), nullable=True),
    },
    checks=[
        pa.Check(lambda f: f["origin"] != f["dest"], error="a flight ends elsewhere"),
        pa.Check(
            lambda f: (
                (f["scheduled_arrival"] - f["scheduled_departure"])
                .dt.total_seconds()
                .between(*(60 * minutes for minutes in BLOCK_MINUTES))
            ),
            error="a scheduled block lasts from a quarter of an hour to twenty hours",
        ),
        pa.Check(lambda f: f["arr_delay"].isna() | f["dep_delay"].notna(), error="what arrived, departed"),
        pa.Check(
            lambda f: f["air_time"].isna() | f["arr_delay"].notna(), error="air time comes with the arrival"
        ),
    ],
    strict=True,
)

WEATHER = pa.DataFrameSchema(
    {
        "airport": pa.Column(str, pa.Check.str_matches(rf"^{AIRPORT}$")),
        "observed_at": pa.Column(UTC_TIME),
        **{name: _measure(*ends) for name, ends in WEATHER_RANGES.items()},
    },
    unique=["airport", "observed_at"],
    strict=True,
)
