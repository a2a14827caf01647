"""What a monitoring run costs by how much is logged: `ontime bench-monitoring`.

An embedded PostgreSQL of its own is filled with 10,000 to 10 million predictions of one day, real vectors of the
dataset repeated; each size is measured by a fresh process, so that its peak of memory is its own.
"""

import json
import secrets
import shutil
import subprocess
import sys
import tempfile
import time
from datetime import UTC, date, datetime
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from adapters.migrations import migrate
from adapters.postgres import ConnectionParameters, Database
from adapters.postgres_admin import create_databases
from adapters.prediction_log import PredictionLog
from adapters.prediction_sample import HeadlineLead, PredictionSampler
from adapters.settings import PROJECT_ROOT, Settings
from adapters.terminal import Say
from data.dataset import load_dataset
from data.facts import facts_of
from deploy.native.embedded_postgres import EmbeddedPostgres
from domain.clock import from_minute, minute_floor
from domain.features.catalogue import CONTRACT_HASH
from domain.features.vectors import vectors_for
from domain.flights import Floats, Ints, Queries, flight_numbers
from experiments import measured
from monitoring import drift, performance, reference, service
from monitoring.windows import HEADLINE_LEAD, LEAD_TOLERANCE, run_moment

DAY = date(2013, 4, 3)
SIZES = (10_000, 100_000, 1_000_000, 10_000_000)
DAY_SAMPLE, WINDOW_SAMPLE = 20_000, 100_000
BLOCK = 200_000
REFERENCE_DAYS = (20130301, 20130328)
DATABASE = "bench"
STATEMENTS = Path(__file__).with_name("sql")
"""They fill the benchmark's database; the product runs none of them."""


def bench(settings: Settings, sizes: tuple[int, ...], port: int, say: Say) -> Path:
    """Fill, measure, and write var/reports/bench-monitoring.json; return its path."""
    home = settings.state_dir / "bench-monitoring"
    shutil.rmtree(home, ignore_errors=True)
    home.mkdir(parents=True)
    (home / "password").write_text(secrets.token_urlsafe(24))
    _prepare_reference(settings, home)
    results = []
    with EmbeddedPostgres(home / "data", port, home / "password", durable=False) as server:
        create_databases(server.parameters, [DATABASE])
        database = Database(server.parameters.to_database(DATABASE))
        migrate(database)
        pool = _fill_pool(database, home)
        filled = 0
        for size in sizes:
            seconds = _fill(database, filled, size, pool, say)
            filled = size
            results.append(_measured(home, port) | {"filled_in_seconds": round(seconds, 1)})
            say(_line(results[-1]))
        database.close()
    path = measured.write(
        settings, "bench-monitoring", {"day": DAY.isoformat(), "sizes": results}, "make bench-monitoring"
    )
    shutil.rmtree(home)
    return path


def _line(result: dict[str, Any]) -> str:
    return (
        f"{result['predictions']:>12,} predictions: {result['seconds']:6.1f} s "
        f"({result['sql_seconds']:.1f} s in SQL), peak {result['peak_megabytes']:.0f} MB, "
        f"{result['flights']:,} flights looked at"
    )


def _prepare_reference(settings: Settings, home: Path) -> None:
    """Keep the drift reference of March and a pool of vectors of April, an hour before departure."""
    flights, weather = facts_of(load_dataset(settings.state_dir / "data").events)
    day = np.array([int(name[-8:]) for name in flights.flight_id.tolist()], dtype=np.int64)
    near = flights.take((day >= REFERENCE_DAYS[0] - 100) & (day <= 20130404))
    observed = weather.known_by(minute_floor(datetime(2013, 4, 5, tzinfo=UTC)))
    day = np.array([int(name[-8:]) for name in near.flight_id.tolist()], dtype=np.int64)
    rows = np.flatnonzero(((day >= REFERENCE_DAYS[0]) & (day <= REFERENCE_DAYS[1])) | (day == 20130403))
    carriers, airports = np.array(near.network.carriers.names), np.array(near.network.airports.names)
    queries = Queries(
        carrier=carriers[near.carrier[rows]],
        number=flight_numbers(near.flight_id[rows]),
        origin=airports[near.origin[rows]],
        dest=airports[near.dest[rows]],
        sched_dep=near.sched_dep[rows],
        sched_arr=near.sched_arr[rows],
        as_of=near.sched_dep[rows] - HEADLINE_LEAD,
    )
    vectors = vectors_for(queries, near, observed)
    _keep(home, vectors, day[rows])


def _keep(home: Path, vectors: Floats, day: Ints) -> None:
    probability = np.random.default_rng(1).beta(1.2, 4.0, len(vectors))
    before = day <= REFERENCE_DAYS[1]
    columns, values = reference.watched_columns(vectors[before], probability[before])
    reference.make_reference(columns, values, day[before]).save(home / "reference.npz")
    np.savez(home / "pool.npz", vectors=vectors[~before], probability=probability[~before])


def _fill_pool(database: Database, home: Path) -> int:
    with np.load(home / "pool.npz") as pool:
        vectors, probability = pool["vectors"], pool["probability"]
    with database.transaction() as cursor:
        cursor.execute(_statement("pool"))
        for i, row in enumerate(vectors):
            cursor.execute(
                _statement("pool_row"),
                {"i": i, "features": row.tolist(), "probability": float(probability[i])},
            )
    return len(vectors)


@cache
def _statement(name: str) -> str:
    return (STATEMENTS / f"{name}.sql").read_text(encoding="utf-8")


def _execute(database: Database, name: str, parameters: dict[str, Any] | None = None) -> None:
    with database.transaction() as cursor:
        cursor.execute(_statement(name), parameters)


def _fill(database: Database, filled: int, size: int, pool: int, say: Say) -> float:
    started = time.monotonic()
    for month in ((DAY.year, DAY.month), (2013, 3)):
        database.rows("ensure_partition", {"moment": datetime(*month, 15, tzinfo=UTC)})
    for first in range(filled, size, BLOCK):
        last = min(first + BLOCK, size) - 1
        block = {"first": first, "last": last, "day": DAY, "contract": CONTRACT_HASH, "pool": pool}
        _execute(database, "predictions", block)
        _execute(database, "labels", block)
        if size > BLOCK and first % (10 * BLOCK) == 0:
            left = (time.monotonic() - started) * (size - last) / max(last - filled, 1)
            say(f"  {last + 1:,} of {size:,} filled, {left:.0f} s left")
    _execute(database, "analyze")
    return time.monotonic() - started


def _measured(home: Path, port: int) -> dict[str, Any]:
    """Measure in a process of its own."""
    command = [sys.executable, "-m", "experiments.benchmarks.monitoring", str(home), str(port)]
    done = subprocess.run(command, cwd=PROJECT_ROOT, capture_output=True, text=True, check=True)
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def monitored_day(home: Path, port: int) -> dict[str, Any]:
    """Do what a monitoring run does with the log: count, sample, drift, performance."""
    password = (home / "password").read_text()
    database = Database(ConnectionParameters("127.0.0.1", port, "ontime", password, DATABASE))
    sampler = PredictionSampler(database, HeadlineLead(HEADLINE_LEAD, LEAD_TOLERANCE))
    as_of, started = run_moment(DAY), time.monotonic()
    totals = sampler.totals(DAY, DAY)
    sample = sampler.sample(DAY, DAY, as_of, CONTRACT_HASH, DAY_SAMPLE, totals.near_headline)
    week = sampler.sample(
        DAY, DAY, as_of, CONTRACT_HASH, WINDOW_SAMPLE, totals.near_headline, with_features=False
    )
    _, asked = PredictionLog(database).by_day(DAY, DAY)[DAY]
    in_sql = time.monotonic() - started
    flights = sample.predictions
    _, current = reference.watched_columns(flights.features, flights.probability)
    with tempfile.TemporaryDirectory() as scratch:
        drift.measure_drift(current, reference.Reference.load(home / "reference.npz"), Path(scratch))
    performance.measure_realised(flights)
    performance.measure_estimated(flights)
    performance.measure_window(week.predictions)
    service.measure_service(totals, asked, 1, 0)
    return {
        "predictions": totals.predictions,
        "flights": len(flights),
        "flights_in_all": sample.scaled(len(flights)),
        "seconds": round(time.monotonic() - started, 2),
        "sql_seconds": round(in_sql, 2),
        "peak_megabytes": _peak_megabytes(),
        "newest": from_minute(int(flights.as_of.max())).isoformat() if len(flights) else None,
    }


def _peak_megabytes() -> float:
    """Return the most memory this process has held; getrusage would count what its parent held before it."""
    [line] = [x for x in Path("/proc/self/status").read_text().splitlines() if x.startswith("VmHWM")]
    return round(int(line.split()[1]) / 1024, 1)


if __name__ == "__main__":
    print(json.dumps(monitored_day(Path(sys.argv[1]), int(sys.argv[2]))))
