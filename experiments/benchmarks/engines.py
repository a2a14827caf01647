"""One piece of the features' arithmetic in three engines: what numpy, DuckDB and Polars take for the same table.

The piece is the commonest one: at every tick, over the arrivals that became known in the last six hours, how many
there were and how late they were in the mean, by carrier.
`python -m experiments.benchmarks.engines ENGINE DATA_DIR` does it for a year, month by month, and
prints what it took, as JSON.
"""

import json
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import polars as pl

from adapters.settings import PROJECT_ROOT
from data.dataset import load_dataset
from data.facts import facts_of
from domain.clock import NEVER, minute_floor
from domain.features.entities import Groups
from domain.features.grid import GRID_MINUTES, Ticks, tick_of
from domain.features.history import RECENT_WINDOW_MINUTES
from domain.features.windows import Tally, expand, winsorised
from domain.flights import FlightFacts, Floats, Ints
from experiments.benchmarks.training_set import peak_megabytes

FIRST, MONTHS, TICKS_A_MONTH = datetime(2013, 1, 1, tzinfo=UTC), 12, 30 * 1440 // GRID_MINUTES
SQL = f"""
SELECT tick, carrier, count(*) AS n, sum(delay) AS total
FROM (SELECT carrier, delay, unnest(range(low, high)) AS tick FROM arrivals)
WHERE tick BETWEEN 0 AND {TICKS_A_MONTH} - 1
GROUP BY tick, carrier
"""  # noqa: S608  no value of a stranger's

Arrivals = dict[str, Ints]
"""Carrier, delay, and the first tick at which an arrival counts and the first at which it no longer does."""


def by_numpy(arrivals: Arrivals, carriers: int) -> Floats:
    """Count and sum by the functions the features are made of."""
    low, high = arrivals["low"] * GRID_MINUTES, arrivals["high"] * GRID_MINUTES
    pairs = expand(low, high, Ticks(0, TICKS_A_MONTH))
    groups = Groups(tuple(map(str, range(carriers))), arrivals["carrier"])
    tally = Tally(groups, pairs, TICKS_A_MONTH)
    return np.stack([tally.count(), tally.sum(arrivals["delay"][pairs.flight])])


def by_duckdb(arrivals: Arrivals, carriers: int) -> Floats:
    """Count and sum in SQL, on one thread as the others."""
    with duckdb.connect(config={"threads": 1}) as connection:
        connection.register("arrivals", pl.DataFrame(arrivals).to_arrow())
        found = connection.execute(SQL).fetchnumpy()
    return _table([np.asarray(found[name]) for name in ("tick", "carrier", "n", "total")], carriers)


def by_polars(arrivals: Arrivals, carriers: int) -> Floats:
    """Count and sum in lazy expressions."""
    ticks = pl.int_ranges("low", "high").alias("tick")
    paired = pl.LazyFrame(arrivals).select("carrier", "delay", ticks).explode("tick")
    inside = paired.filter(pl.col("tick").is_between(0, TICKS_A_MONTH - 1))
    found = inside.group_by("tick", "carrier").agg(pl.len().alias("n"), pl.col("delay").sum()).collect()
    return _table([found[name].to_numpy() for name in ("tick", "carrier", "n", "delay")], carriers)


ENGINES: dict[str, Callable[[Arrivals, int], Floats]] = {
    "numpy": by_numpy,
    "duckdb": by_duckdb,
    "polars": by_polars,
}


def arrivals_of(flights: FlightFacts, month: int) -> Arrivals:
    """Give what may count in a month of ticks; ticks are numbered from its first."""
    first = int(tick_of(minute_floor(FIRST))) + month * TICKS_A_MONTH * GRID_MINUTES
    known = flights.arr_known
    near = (known != NEVER) & (known > first - RECENT_WINDOW_MINUTES - GRID_MINUTES)
    rows = np.flatnonzero(near & (known < first + TICKS_A_MONTH * GRID_MINUTES))
    return {
        "carrier": flights.carrier[rows],
        "delay": winsorised(flights.arr_delay[rows]),
        "low": -((first - known[rows]) // GRID_MINUTES),
        "high": -((first - known[rows] - RECENT_WINDOW_MINUTES) // GRID_MINUTES),
    }


def _table(columns: Sequence[Any], carriers: int) -> Floats:
    tick, carrier, n, total = columns
    table = np.zeros((2, TICKS_A_MONTH, carriers))
    table[:, tick.astype(np.int64), carrier.astype(np.int64)] = np.stack([n, total]).astype(np.float64)
    return table


def measure(engine: str, data_dir: Path) -> dict[str, Any]:
    """Do a year in one engine; its processor seconds, its peak memory, and a sum by which results are compared."""
    flights, _ = facts_of(load_dataset(data_dir).events)
    months = [arrivals_of(flights, month) for month in range(MONTHS)]
    carriers = len(flights.network.carriers.names)
    began, cpu, total = time.perf_counter(), time.process_time(), np.zeros(2)
    for arrivals in months:
        total += ENGINES[engine](arrivals, carriers).sum(axis=(1, 2))
    return {
        "engine": engine,
        "seconds": round(time.perf_counter() - began, 2),
        "cpu_seconds": round(time.process_time() - cpu, 2),
        "peak_megabytes": peak_megabytes(),
        "counted": int(total[0]),
        "delay_minutes": int(total[1]),
    }


def compare(data_dir: Path, tell: Callable[[dict[str, Any]], None]) -> dict[str, Any]:
    """Measure every engine in a process of its own.

    Raises
    ------
    RuntimeError
        If one fails, or they do not agree.
    """
    load_dataset(data_dir)
    found = []
    for engine in ENGINES:
        command = [sys.executable, "-m", "experiments.benchmarks.engines", engine, str(data_dir)]
        done = subprocess.run(command, cwd=PROJECT_ROOT, capture_output=True, text=True, check=False)
        if done.returncode:
            raise RuntimeError(f"{engine} failed: {done.stderr[-1000:]}")
        found.append(json.loads(done.stdout))
        tell(found[-1])
    if len({(row["counted"], row["delay_minutes"]) for row in found}) != 1:
        raise RuntimeError(f"the engines do not agree: {found}")
    return {"ticks": MONTHS * TICKS_A_MONTH, "engines": found}


if __name__ == "__main__":
    print(json.dumps(measure(sys.argv[1], Path(sys.argv[2]))))
