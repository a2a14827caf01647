"""Make a site of the files of any airports and year: read as the inbox reads them, and kept."""

import hashlib
import json
import shutil
from dataclasses import asdict, replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pandas as pd

from adapters.atomic_write import atomic_write
from adapters.code_hash import code_hash
from data.bad_values import BadFile
from data.events import DatasetEvents
from data.inbox import FileContent, read_guarded, waiting
from data.site import DESCRIPTION, FIRST_CHAMPION_DAYS, SITE, Site, site_of
from data.text_files import Unreadable
from domain.errors import InvalidInput
from domain.features import optional
from domain.revisions import CALLED_OFF

READERS = (
    *("asos", "bts", "movements", "nycflights13", "local_time", "schemas"),
    *("file_schemas", "schema_errors", "text_files", "text_tables", "events", "site_files"),
)
CODE = (*(f"data/{name}.py" for name in READERS), "domain/airports.py", "domain/airports.csv")
"""What makes events of files: a change to any of these makes the kept events old."""


def make_site(name: str, files: Path, data_dir: Path, most_bad: float) -> Site:
    """Read the files of a folder as the inbox does, and keep their events; the same code reads the same files once.

    It is replayed from after a quarter of its days on, or as many as a first champion needs: see `replay_site_from`.

    Parameters
    ----------
    files : Path
        Stays as it is: nothing is moved.
    most_bad : float
        Largest share of a file's rows that may be set aside.

    Raises
    ------
    InvalidInput
        If the folder has no file, none of them has a flight, the data folder is another site's, or a stack has begun
        with the events of other files or of another code.
    BadFile
        If a file is of no known format, or more of its rows do not fit than may be: names the file.
    Unreadable
        If one cannot be opened or unpacked: names it.
    """
    paths = waiting(files) if files.is_dir() else []
    if kept := _kept(name, paths, data_dir):
        return kept
    if not paths:
        raise InvalidInput("site", "a folder of files of flights and weather", str(files))
    # Before they are read: of a file that is replaced meanwhile, the next call finds another one.
    found = {path.name: {"stamp": _stamp(path), "sha256": _sha256(path)} for path in paths}
    read = {path.name: _read(path, most_bad) for path in paths}
    flights = _joined([content.events.flight_events for content in read.values()], ["flight_id", "kind"])
    events = DatasetEvents(
        _without_reversed(flights),
        _joined([content.events.weather_events for content in read.values()], ["airport", "observed_at"]),
    )
    if not len(events.flight_events):
        raise InvalidInput("site", "a folder in which some file has flights", str(files))
    days = events.flight_events["flight_id"].str[-8:]
    described = {
        file: {
            "format": content.format,
            **found[file],
            "events": len(content.events),
            "rows_set_aside": len(content.set_aside),
        }
        for file, content in read.items()
    }
    first, last = _day(days.min()), _day(days.max())
    if first == last:
        raise InvalidInput("site", "files of more than one day", str(first))
    kinds = set(events.flight_events["kind"])
    announced = tuple(kind for kind in optional.FAMILIES if kind in kinds)
    earliest, home = _earliest(events.flight_events), _busiest(events.flight_events)
    replay_from = _replayed_from(first, last, earliest)
    site = Site(name, first, last, replay_from, home, announced, described, code_hash(CODE), earliest)
    _keep(site, events, data_dir / SITE)
    return site


def copy_site(source: Path, data_dir: Path, replay_from: date | None = None) -> Site:
    """Make a data folder, whatever it was, that of another one's site; raises as `replay_site_from`."""
    shutil.rmtree(data_dir / SITE, ignore_errors=True)
    shutil.copytree(source / SITE, data_dir / SITE)
    return replay_site_from(data_dir, replay_from) if replay_from else site_of(data_dir)


def replay_site_from(data_dir: Path, first: date) -> Site:
    """Have the site of a data folder replayed from a day on.

    Raises
    ------
    InvalidInput
        If no day is left to fit a first champion on, or none to replay.
    """
    site = site_of(data_dir)
    moved = replace(site, replay_from=site.tested(first).first)
    _describe(moved, data_dir / SITE)
    return moved


def _earliest(flight_events: pd.DataFrame) -> date:
    """Return the day before which a first champion has its days with flights; where there are fewer, a later one."""
    arrived = flight_events.loc[flight_events["kind"] == "arrived", "flight_id"].str[-8:]
    days = sorted(arrived.unique())[:FIRST_CHAMPION_DAYS]
    lacking = FIRST_CHAMPION_DAYS - len(days)
    last = days[-1] if days else flight_events["flight_id"].str[-8:].max()
    return _day(last) + timedelta(days=1 + lacking)


def _replayed_from(first: date, last: date, earliest: date) -> date:
    """Return the day after a quarter of the days, later where a first champion needs more and there are more."""
    quarter = first + max((last - first) // 4, timedelta(days=1))
    return max(quarter, earliest) if earliest <= last else quarter


def _busiest(flight_events: pd.DataFrame) -> str:
    return str(flight_events.loc[flight_events["kind"] == "scheduled", "origin"].mode().iloc[0])


def _kept(name: str, paths: list[Path], data_dir: Path) -> Site | None:
    """Return the site that a data folder has of the same files and code; None where it is to be made."""
    if not (data_dir / SITE / DESCRIPTION).exists():
        return None
    site = site_of(data_dir)
    if site.name != name:
        raise InvalidInput("site", f"{site.name}, whose events are in {data_dir}", name)
    differs = _difference(site, paths)
    if differs and (data_dir.parent / "postgres").exists():
        expected = (
            f"the files and the readers that the stack in {data_dir.parent} has begun with: for others stop it and "
            "remove that folder, or give the files a folder of another name"
        )
        raise InvalidInput("site", expected, differs)
    return None if differs else site


def _difference(site: Site, paths: list[Path]) -> str | None:
    """Return what of a site's files or readers is not as it was, None where all is."""
    there = {path.name: path for path in paths}
    for file in sorted(site.files.keys() | there):
        if file not in there:
            return f"{file} is gone"
        if file not in site.files:
            return f"{file} is new"
        if not _is_same(there[file], site.files[file]):
            return f"{file} is another file"
    return None if site.code == code_hash(CODE) else "other code of the readers"


def _is_same(path: Path, before: dict[str, Any]) -> bool:
    # Files are large: only those that were touched are hashed again.
    return before.get("stamp") == _stamp(path) or before["sha256"] == _sha256(path)


def _stamp(path: Path) -> list[int]:
    found = path.stat()
    return [found.st_ino, found.st_size, found.st_mtime_ns]


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _read(path: Path, most_bad: float) -> FileContent:
    try:
        return read_guarded(path, most_bad)
    except BadFile as error:
        summary = ": ".join(filter(None, (path.name, error.summary)))
        raise BadFile(error.found, summary) from error
    except Unreadable as error:
        raise Unreadable(f"{path.name}: {error}") from error


def _joined(parts: list[pd.DataFrame], key: list[str]) -> pd.DataFrame:
    """Return all events by when they became known; of one key the last file's, as in the inbox."""
    # An empty part would only blur the types of the others.
    filled = [part for part in parts if len(part)] or parts[:1]
    events = pd.concat(filled, ignore_index=True).drop_duplicates(key, keep="last")
    return events.sort_values("known_at", kind="stable", ignore_index=True)


def _without_reversed(events: pd.DataFrame) -> pd.DataFrame:
    """Drop cancellations and diversions of what another file has as arrived: the inbox would reinstate it."""
    arrived = events.loc[events["kind"] == "arrived", "flight_id"]
    off = events["kind"].isin(CALLED_OFF) & events["flight_id"].isin(arrived)
    return events[~off].reset_index(drop=True)


def _day(text: str) -> date:
    return date(int(text[:4]), int(text[4:6]), int(text[6:]))


def _keep(site: Site, events: DatasetEvents, folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / DESCRIPTION).unlink(missing_ok=True)
    events.flight_events.to_parquet(folder / "flights.parquet")
    events.weather_events.to_parquet(folder / "weather.parquet")
    # Written last: where it is, the others are whole.
    _describe(site, folder)


def _describe(site: Site, folder: Path) -> None:
    with atomic_write(folder / DESCRIPTION) as unfinished:
        unfinished.write_text(json.dumps(asdict(site), indent=1, default=str) + "\n")
