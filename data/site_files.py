"""Make a site of the files of any airports and year: read as the inbox reads them, and kept."""

import hashlib
import json
import shutil
from dataclasses import asdict, replace
from datetime import date, timedelta
from pathlib import Path

import pandas as pd

from adapters.atomic_write import atomic_write
from data.events import DatasetEvents
from data.inbox import read_file, waiting
from data.site import DESCRIPTION, FIRST_CHAMPION_DAYS, SITE, Site, site_of
from domain.errors import InvalidInput
from domain.features import optional
from domain.revisions import CALLED_OFF

NEEDED = timedelta(days=FIRST_CHAMPION_DAYS)


def make_site(name: str, files: Path, data_dir: Path, most_bad: float) -> Site:
    """Read the files of a folder as the inbox does, and keep their events; a site that is kept is not made again.

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
        If the folder has no file, none of them has a flight, or the data folder is another site's.
    BadFile
        If a file is of no known format, or more of its rows do not fit than may be.
    """
    if (data_dir / SITE / DESCRIPTION).exists():
        return _kept(name, data_dir)
    paths = waiting(files) if files.is_dir() else []
    if not paths:
        raise InvalidInput("site", "a folder of files of flights and weather", str(files))
    read = {path.name: (read_file(path, most_bad), path) for path in paths}
    flights = _joined([content.events.flight_events for content, _ in read.values()], ["flight_id", "kind"])
    events = DatasetEvents(
        _without_reversed(flights),
        _joined([content.events.weather_events for content, _ in read.values()], ["airport", "observed_at"]),
    )
    if not len(events.flight_events):
        raise InvalidInput("site", "a folder in which some file has flights", str(files))
    days = events.flight_events["flight_id"].str[-8:]
    described = {
        file: {
            "format": content.format,
            "sha256": hashlib.sha256(path.read_bytes()).hexdigest(),
            "events": len(content.events),
            "rows_set_aside": len(content.set_aside),
        }
        for file, (content, path) in read.items()
    }
    first, last = _day(days.min()), _day(days.max())
    if first == last:
        raise InvalidInput("site", "files of more than one day", str(first))
    kinds = set(events.flight_events["kind"])
    announced = tuple(kind for kind in optional.FAMILIES if kind in kinds)
    site = Site(
        name, first, last, _replayed_from(first, last), _busiest(events.flight_events), announced, described
    )
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


def _replayed_from(first: date, last: date) -> date:
    """Return the day after a quarter of the days, later where a first champion needs more and there are more."""
    quarter = max((last - first) // 4, timedelta(days=1))
    return first + (max(quarter, NEEDED) if first + NEEDED <= last else quarter)


def _busiest(flight_events: pd.DataFrame) -> str:
    return str(flight_events.loc[flight_events["kind"] == "scheduled", "origin"].mode().iloc[0])


def _kept(name: str, data_dir: Path) -> Site:
    site = site_of(data_dir)
    if site.name != name:
        raise InvalidInput("site", f"{site.name}, whose events are in {data_dir}", name)
    return site


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
    events.flight_events.to_parquet(folder / "flights.parquet")
    events.weather_events.to_parquet(folder / "weather.parquet")
    # Written last: where it is, the others are whole.
    _describe(site, folder)


def _describe(site: Site, folder: Path) -> None:
    with atomic_write(folder / DESCRIPTION) as unfinished:
        unfinished.write_text(json.dumps(asdict(site), indent=1, default=str) + "\n")
