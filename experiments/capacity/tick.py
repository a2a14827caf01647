"""What a tick costs in a generated country: `python -m experiments.capacity.tick DATA AIRPORTS FLIGHTS`."""

import json
import sys
import time
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np

from data.dataset import load_dataset
from data.facts import facts_of
from domain.clock import minute_floor
from domain.features.state import compute_block
from domain.flights import columns_of
from experiments.benchmarks.world import NOW
from experiments.capacity.country import Country, events_of_country

DAYS = 33
"""As far back as a state looks, and a day ahead."""
TICKS = 3


def country(airports: int, flights_per_day: int) -> Country:
    """Return a country whose flights a state of now looks at."""
    return Country(airports, flights_per_day, (NOW - timedelta(days=DAYS - 2)).date(), DAYS)


def measure(data_dir: Path, airports: int, flights_per_day: int) -> dict[str, Any]:
    """Compute a state and return what it took: CPU seconds, bytes of the state, bytes of the facts."""
    events = events_of_country(country(airports, flights_per_day), load_dataset(data_dir), NOW)
    flights, weather = facts_of(events)
    minute = minute_floor(NOW)
    seconds = []
    for _ in range(TICKS):
        began = time.process_time()
        block = compute_block(flights, weather, minute, 1)
        seconds.append(time.process_time() - began)
    return {
        "airports": airports,
        "flights_per_day": flights_per_day,
        "tick_seconds": round(float(np.median(seconds)), 4),
        "state_bytes": sum(table.values.nbytes for table in block.tables.values()),
        "facts_bytes": sum(getattr(flights, name).nbytes for name in columns_of(type(flights))),
    }


if __name__ == "__main__":
    print(json.dumps(measure(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]))))
