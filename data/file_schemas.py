"""What a flight of a file must look like besides `data.schemas.FLIGHTS`.

Apart from there because the dataset keeps this anyway, and its kept events are old when that file changes.
"""

import pandas as pd
import pandera.pandas as pa

from data import schemas


def _minutes_on_the_way(flights: pd.DataFrame) -> pd.Series:
    """Return the minutes from departure to arrival, missing where one of them is."""
    block = (flights["scheduled_arrival"] - flights["scheduled_departure"]).dt.total_seconds() / 60
    return block + flights["arr_delay"] - flights["dep_delay"]


FLIGHTS = pa.DataFrameSchema(
    schemas.FLIGHTS.columns,
    checks=[
        *schemas.FLIGHTS.checks,
        # The label would be known before the flight leaves.
        pa.Check(
            lambda flights: _minutes_on_the_way(flights).gt(0).fillna(True),
            error="a flight arrives after it departs",
        ),
    ],
    strict=True,
)
