"""What a Dask cluster is worth for a training set, on one year and on several, and for a fit: one worker and two.

More years are the year's facts as often, each a year later. A day costs the same whatever is asked about it, so that
the first days of every month stand for a year. All engines compute in turns on one machine: only ratios count.
"""

import hashlib
import os
import subprocess
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from adapters.dask_cluster import connected
from adapters.dask_trees import DaskTrees
from adapters.engine import LOCAL, Engine
from adapters.settings import PROJECT_ROOT, Settings
from adapters.terminal import Say
from adapters.waiting import wait_until
from data.dataset import load_dataset
from data.facts import facts_of
from deploy.native import layout
from deploy.native.dask import running_workers, scheduler_command, worker_command
from domain.clock import NEVER
from domain.errors import OntimeError
from domain.features.partitions import partitions
from domain.flights import FlightFacts, Floats, Ints, Queries, WeatherFacts
from experiments import measured
from experiments.benchmarks import dask_fit
from experiments.benchmarks.world import free_port
from experiments.markdown import table
from training.training_set import HEADLINE_LEAD, queries_of
from training.vectors import vectors_on

PAGE = PROJECT_ROOT / "docs" / "reports" / "dask.md"
YEAR_MINUTES = 365 * 1440
START_SECONDS = 240.0
INSTANTS = (
    "sched_dep",
    "sched_arr",
    "scheduled_known",
    "dep_known",
    "arr_known",
    "cancelled_known",
    "superseded",
)
ENGINES = ("this process", "one worker", "two workers")
HEAD = ("years", "flights", "questions", "partitions", *ENGINES)

Facts = tuple[FlightFacts, WeatherFacts]


@dataclass
class Cluster:
    """A scheduler and its workers, as processes."""

    address: str
    workers: list[subprocess.Popen[bytes]]


class KillingEngine:
    """An engine that kills a process after so many results."""

    trees = kept = None

    def __init__(self, engine: Engine, process: subprocess.Popen[bytes], after: int):
        self._engine, self._process, self._after = engine, process, after

    def keep(self, value: Any) -> Any:
        """Keep a value as the engine does."""
        return self._engine.keep(value)

    def map(self, work: Callable[..., Any], pieces: Iterable[tuple[Any, ...]]) -> Iterator[Any]:
        """Yield the engine's results; the process is killed meanwhile."""
        for done, result in enumerate(self._engine.map(work, pieces), 1):
            if done == self._after:
                self._process.kill()
            yield result


def bench(settings: Settings, days: int, most: int, say: Say) -> Path:
    """Measure, keep the figures and write the page; return its path.

    Parameters
    ----------
    days : int
        Of each month that are asked about, from its first on.
    most : int
        Years of facts that are measured beside one.
    """
    before = os.getloadavg()[0]
    year = facts_of(load_dataset(settings.state_dir / "data").events)
    with cluster(settings, 1) as one, cluster(settings, 2) as two:
        sizes = [_measure(years, repeated(year, years), days, one, two, say) for years in (1, most)]
        trees = [None, *(DaskTrees(own.address, settings.state_dir / "data") for own in (one, two))]
        fits = dask_fit.measure(year, dict(zip(ENGINES, trees, strict=True)), say)
        killed = _killed(year, days, two, sizes[0]["seconds"]["two workers"], say)
    found = {
        "cores": os.cpu_count(),
        "load_before": round(before, 1),
        "load_after": round(os.getloadavg()[0], 1),
        "days_of_a_month": days,
        "sizes": sizes,
        "killed": killed,
        "fits": fits,
    }
    measured.write(settings, "dask", found, f"make bench-dask DAYS={days} YEARS={most}")
    return write_page(settings)


def repeated(year: Facts, times: int) -> Facts:
    """Return a year's facts several times over, each a year after the one before."""
    flights, weather = year
    return (
        _repeated(flights, INSTANTS, times),
        _repeated(weather, ("observed", "known"), times),
    )


def _repeated(facts: Any, instants: tuple[str, ...], times: int) -> Any:
    if times == 1:
        return facts
    columns = {
        name: np.concatenate([_later(column, i if name in instants else 0) for i in range(times)])
        for name, column in vars(facts).items()
        if isinstance(column, np.ndarray)
    }
    whole = replace(facts, **columns)
    # The last flights of a year leave on the first day of the next.
    order = np.argsort(getattr(whole, instants[0 if "sched_dep" in instants else 1]), kind="stable")
    return whole.take(order)


def _later(column: Any, years: int) -> Any:
    return np.where(column == NEVER, NEVER, column + years * YEAR_MINUTES) if years else column


def questions(flights: FlightFacts, days: int) -> Queries:
    """Return a question at the headline lead about each flight of the first days of each month."""
    day: Ints = (
        flights.sched_dep.astype("datetime64[m]").astype("datetime64[D]")
        - flights.sched_dep.astype("datetime64[m]").astype("datetime64[M]").astype("datetime64[D]")
    ).astype(np.int64)
    asked = np.flatnonzero(day < days)
    return queries_of(flights, asked, np.full(len(asked), HEADLINE_LEAD))


def _measure(years: int, facts: Facts, days: int, one: Cluster, two: Cluster, say: Say) -> dict[str, Any]:
    asked = questions(facts[0], days)
    with connected(one.address) as single, connected(two.address) as double:
        engines: dict[str, Engine] = dict(zip(ENGINES, (LOCAL, single, double), strict=True))
        runs = {name: _timed(partial(vectors_on, engine, asked, *facts)) for name, engine in engines.items()}
    if len({digest for _, digest in runs.values()}) != 1:
        raise OntimeError("the engines computed different vectors")
    seconds = {name: round(taken, 2) for name, (taken, _) in runs.items()}
    say(
        f"{years} year{'s' * (years > 1)}: "
        + ", ".join(f"{name} {taken:.1f} s" for name, taken in seconds.items())
    )
    found = {
        "years": years,
        "flights": len(facts[0]),
        "questions": len(asked),
        "partitions": len(partitions(asked)),
        "sha256": next(iter(runs.values()))[1],
        "seconds": seconds,
        "of_this_process": {name: round(seconds[ENGINES[0]] / taken, 2) for name, taken in seconds.items()},
    }
    if years == 1:
        by_airport, _ = _timed(lambda: vectors_on(LOCAL, asked, *facts, by_airport=True))
        found["by_airport"] = {
            "partitions": len(partitions(asked, by_airport=True)),
            "seconds": round(by_airport, 2),
        }
    return found


def _killed(year: Facts, days: int, two: Cluster, undisturbed: float, say: Say) -> dict[str, Any]:
    """Kill one of two workers when a third of the partitions is done."""
    asked = questions(year[0], days)
    whole, expected = _timed(lambda: vectors_on(LOCAL, asked, *year))
    with connected(two.address) as engine:
        killing = KillingEngine(engine, two.workers[0], len(partitions(asked)) // 3)
        taken, digest = _timed(lambda: vectors_on(killing, asked, *year))
    if not wait_until(lambda: running_workers(two.address) == 1, START_SECONDS, pause=0.5):
        raise OntimeError("expected one worker after the other was killed")
    say(f"one of two workers killed: {taken:.1f} s, the same hash: {digest == expected}")
    return {
        "seconds": round(taken, 2),
        "seconds_undisturbed": undisturbed,
        "seconds_lost": round(taken - undisturbed, 2),
        "this_process_meanwhile": round(whole, 2),
        "same_hash": digest == expected,
    }


def _timed(work: Callable[[], Floats]) -> tuple[float, str]:
    began = time.perf_counter()
    vectors = work()
    return time.perf_counter() - began, hashlib.sha256(vectors.data).hexdigest()


@contextmanager
def cluster(settings: Settings, workers: int) -> Iterator[Cluster]:
    """Run a scheduler and workers for the length of a block."""
    address = f"tcp://127.0.0.1:{free_port()}"
    with ExitStack() as started:

        def start(command: list[str]) -> subprocess.Popen[bytes]:
            process = subprocess.Popen(
                command,
                cwd=PROJECT_ROOT,
                env=layout.environment(settings),
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
            )
            started.callback(process.wait)
            started.callback(process.kill)
            return process

        start(scheduler_command(address))
        made = Cluster(address, [start(worker_command(address)) for _ in range(workers)])
        if not wait_until(lambda: running_workers(address) == workers, START_SECONDS, pause=0.5):
            raise OntimeError(f"{workers} Dask workers did not start in {START_SECONDS:.0f} s")
        yield made


def write_page(settings: Settings, page: Path = PAGE) -> Path:
    """Write docs/reports/dask.md from what was measured; return its path."""
    found = measured.read(settings, "dask", page.parent)
    if found is not None:
        page.write_text(text(found), encoding="utf-8")
    return page


def text(found: dict[str, Any]) -> str:
    """Write the page."""
    year, killed, days, cores = found["sizes"][0], found["killed"], found["days_of_a_month"], found["cores"]
    by_airport, here = year["by_airport"], year["seconds"][ENGINES[0]]
    same = "the same" if killed["same_hash"] else "**another one**"
    return f"""# Training sets on Dask

Written from [measured/dask.json](measured/dask.json).
{measured.origin(found)}

The vectors of one question a flight, an hour before departure, about the first {days} days of every month: a day
costs the same whatever is asked about it. More years are the year's facts as often, each a year later. All engines
ran in turns on one machine of {cores} cores, once each; its load was {found["load_before"]} before
and {found["load_after"]} after. **A load above {cores} means that other work took the processors meanwhile: the
figures are then of a shared machine, and only orders count.** A worker is one process of one thread; sending the
facts is in its time.

{table(HEAD, map(_row, found["sizes"]))}

In brackets: how many times as fast as this process. Two workers can be at most {cores} times as fast here, as the
machine has no more cores. Every engine computed the same vectors, by their SHA-256.

## A partition is a month of all airports

Cut by airport as well, the year is {by_airport["partitions"]} partitions in place of {year["partitions"]}, and took
this process {by_airport["seconds"]:.1f} s in place of {here:.1f} s: each partition computes the state of its month,
which is that of every airport.

## A worker that is killed

One of two workers was killed with `kill -9` when a third of the partitions was done. The hash was {same}, after
{killed["seconds"]:.1f} s; undisturbed it took {killed["seconds"] - killed["seconds_lost"]:.1f} s.
{dask_fit.text(found["fits"]) if "fits" in found else ""}"""


def _row(size: dict[str, Any]) -> tuple[object, ...]:
    seconds, ratios = size["seconds"], size["of_this_process"]
    cells = [f"{seconds[name]:.1f} s ({ratios[name]:.2f})" for name in ENGINES]
    return (size["years"], f"{size['flights']:,}", f"{size['questions']:,}", size["partitions"], *cells)
