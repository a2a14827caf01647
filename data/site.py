"""Sites: a place and a stretch of time whose flights are predicted, made of the files of any airports and year.

The dataset's own is the three New York airports in 2013. Another one is a folder of files that the inbox would take,
read once and kept in the data folder of a state folder, which is then that site's.
"""

import json
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pandas as pd

from data.events import DatasetEvents

SITE = "site"
DESCRIPTION = "site.json"
SETTLED = timedelta(days=5)
"""So long after the last day every flight has arrived, and is known to have."""


@dataclass(frozen=True)
class Site:
    """What is predicted where and when."""

    name: str
    first_day: date
    last_day: date
    """Local days of the first and the last flight."""
    replay_from: date
    """First day that is replayed; a first champion is fitted on the days before it."""
    files: dict[str, dict[str, Any]] = field(default_factory=dict)
    """What was read of each file."""

    @property
    def complete(self) -> datetime:
        """Return a moment by which every flight has arrived."""
        last = datetime(self.last_day.year, self.last_day.month, self.last_day.day, tzinfo=UTC)
        return last + SETTLED


NEW_YORK = Site("New York 2013", date(2013, 1, 1), date(2013, 12, 31), date(2013, 4, 1))


def site_of(data_dir: Path) -> Site:
    """Return the site of a data folder: New York in 2013 where none was made of files."""
    path = data_dir / SITE / DESCRIPTION
    if not path.exists():
        return NEW_YORK
    kept = json.loads(path.read_text())
    days: dict[str, Any] = {
        name: date.fromisoformat(kept.pop(name)) for name in ("first_day", "last_day", "replay_from")
    }
    return Site(**kept, **days)


def kept_events(data_dir: Path) -> DatasetEvents | None:
    """Return the events of the site that was made of files, None where none was."""
    folder = data_dir / SITE
    if not (folder / DESCRIPTION).exists():
        return None
    return DatasetEvents(
        pd.read_parquet(folder / "flights.parquet"), pd.read_parquet(folder / "weather.parquet")
    )
