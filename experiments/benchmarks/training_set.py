"""What a training set costs: the year once, three and ten times over, month by month, each in its own process.

`python -m experiments.benchmarks.training_set TIMES DATA_DIR FOLDER` builds one size and prints what it took, as JSON.
"""

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np

from adapters.settings import PROJECT_ROOT
from data.dataset import load_dataset
from data.facts import facts_of
from domain.clock import NEVER, minute_floor
from domain.features.grid import DAY_MINUTES
from domain.flights import FlightFacts, Ints, WeatherFacts
from experiments.evaluation.sets import months
from training.training_set import EXTRA_LEADS, LEADS, TrainingSet, build

TIMES = (1, 3, 10)
YEAR_DAYS = 364
"""Whole weeks, so that a copy's weekdays are the year's."""
JITTER_MINUTES = 3
MATURED = timedelta(days=4)
"""After a month's last day all its labels are known."""
AHEAD_MINUTES = 3 * DAY_MINUTES
"""Facts of a month reach this far beyond the moment they are read at: no question looks further ahead."""
FIRST = date(2013, 1, 1)
MEGABYTE = 1024.0


def repeat(flights: FlightFacts, weather: WeatherFacts, times: int) -> tuple[FlightFacts, WeatherFacts]:
    """Lay copies of a year one after the other, each flight's times moved by some minutes: no two are the same."""
    copies = [_moved_flights(flights, k) for k in range(times)]
    order = np.argsort(np.concatenate([copy["sched_dep"] for copy in copies]), kind="stable")
    merged = {name: np.concatenate([copy[name] for copy in copies])[order] for name in copies[0]}
    observed = [_moved_weather(weather, k) for k in range(times)]
    seen = {name: np.concatenate([copy[name] for copy in observed]) for name in observed[0]}
    return FlightFacts(network=flights.network, **merged), WeatherFacts(network=weather.network, **seen)


def _moved_flights(flights: FlightFacts, k: int) -> dict[str, Any]:
    columns = {name: column for name, column in vars(flights).items() if isinstance(column, np.ndarray)}
    if k == 0:
        return columns
    jitter = np.random.default_rng(k).integers(-JITTER_MINUTES, JITTER_MINUTES + 1, len(flights.sched_dep))
    shift = k * YEAR_DAYS * DAY_MINUTES + jitter
    moved = {name: _shifted(columns[name], shift) for name in columns if _is_time(name)}
    # A flight keeps its local date under the jitter: the identity says which copy it is of.
    return columns | moved | {"flight_id": _renamed(flights.flight_id, k)}


def _moved_weather(weather: WeatherFacts, k: int) -> dict[str, Any]:
    columns = {name: column for name, column in vars(weather).items() if isinstance(column, np.ndarray)}
    shift = np.int64(k * YEAR_DAYS * DAY_MINUTES)
    return columns | {name: _shifted(columns[name], shift) for name in columns if _is_time(name)}


def _is_time(name: str) -> bool:
    return name.startswith("sched_") or name.endswith("known") or name == "observed"


def _shifted(minutes: Ints, shift: Any) -> Ints:
    return np.where(minutes == NEVER, NEVER, minutes + shift)


def _renamed(flight_ids: Any, k: int) -> Any:
    days = np.array([name[-8:] for name in flight_ids.tolist()])
    unique, which = np.unique(days, return_inverse=True)
    moved = np.array([_moved_day(day, k) for day in unique.tolist()])
    return np.char.add([name[:-8] for name in flight_ids.tolist()], moved[which.reshape(-1)])


def _moved_day(day: str, k: int) -> str:
    was = datetime.strptime(day, "%Y%m%d").replace(tzinfo=UTC)
    return f"{was + timedelta(days=k * YEAR_DAYS):%Y%m%d}"


class SortedFacts:
    """Facts in memory, of which a reader gets the stretch it asks for, however long the log is."""

    def __init__(self, flights: FlightFacts, weather: WeatherFacts):
        self._flights, self._weather = flights, weather

    def facts(self, known_by: datetime, scheduled_from: datetime) -> tuple[FlightFacts, WeatherFacts]:
        """Give what was known by a moment of flights scheduled from another on, to some days ahead of the first."""
        known, start = minute_floor(known_by), minute_floor(scheduled_from)
        low, high = np.searchsorted(self._flights.sched_dep, [start, known + AHEAD_MINUTES])
        first, last = np.searchsorted(self._weather.known, [start, known + 1])
        return self._flights.take(slice(low, high)).known_by(known), self._weather.take(slice(first, last))


def by_month(store: SortedFacts, first: date, last: date) -> Iterator[TrainingSet]:
    """Build the rows of some days a month at a time: memory holds one month, whatever the stretch.

    The rows are those of one build over the whole stretch, bit for bit.
    """
    for begins, ends in months(first, last):
        matured = datetime(ends.year, ends.month, ends.day, tzinfo=UTC) + MATURED
        yield build(store, begins, ends, matured, LEADS, EXTRA_LEADS)


def measure(times: int, data_dir: Path, folder: Path) -> dict[str, float]:
    """Build one size, each month to disk and out of memory; give what it took."""
    flights, weather = repeat(*facts_of(load_dataset(data_dir).events), times)
    last = FIRST + timedelta(days=times * YEAR_DAYS)
    store, rows, written = SortedFacts(flights, weather), 0, 0
    began, cpu = time.perf_counter(), time.process_time()
    for month in by_month(store, FIRST, last):
        rows += len(month)
        path = folder / "month.npy"
        np.save(path, month.X)
        written += path.stat().st_size
        path.unlink()
    seconds = time.perf_counter() - began
    return {
        "times": times,
        "rows": rows,
        "seconds": round(seconds, 2),
        "cpu_seconds": round(time.process_time() - cpu, 2),
        "rows_per_cpu_second": round(rows / (time.process_time() - cpu)),
        "peak_megabytes": peak_megabytes(),
        "written_megabytes": round(written / 1e6),
    }


def peak_megabytes() -> int:
    """Most memory this process has held."""
    status = Path("/proc/self/status").read_text()
    return round(int(status.split("VmHWM:")[1].split()[0]) / MEGABYTE)


def bench(data_dir: Path, folder: Path, tell: Any) -> dict[str, Any]:
    """Measure each size in a process of its own, and how the cost a row grows."""
    load_dataset(data_dir)
    folder.mkdir(parents=True, exist_ok=True)
    found = []
    for times in TIMES:
        command = [
            sys.executable,
            "-m",
            "experiments.benchmarks.training_set",
            str(times),
            str(data_dir),
            str(folder),
        ]
        done = subprocess.run(command, cwd=PROJECT_ROOT, capture_output=True, text=True, check=False)
        if done.returncode:
            raise RuntimeError(f"building {times} times the year failed: {done.stderr[-1000:]}")
        found.append(json.loads(done.stdout))
        tell(found[-1])
    cost = [row["cpu_seconds"] / row["rows"] for row in found]
    return {
        "features_and_leads": f"{len(LEADS)} leads, {1 + EXTRA_LEADS} questions a flight",
        "cost_a_row_at_ten_times_over_once": round(cost[-1] / cost[0], 3),
        "sizes": found,
    }


if __name__ == "__main__":
    size, dataset, scratch = sys.argv[1:]
    print(json.dumps(measure(int(size), Path(dataset), Path(scratch))))
