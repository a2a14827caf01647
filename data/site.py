"""Sites: a place and a stretch of time whose flights are predicted, made of the files of any airports and year.

The dataset's own is the three New York airports in 2013. Another one is a folder of files that the inbox would take,
read once and kept in the data folder of a state folder, which is then that site's.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pandas as pd

from data.events import DatasetEvents
from domain.airports import HOME_AIRPORT
from domain.errors import InvalidInput

SITE = "site"
DESCRIPTION = "site.json"
SETTLED = timedelta(days=5)
"""So long after the last day every flight has arrived, and is known to have."""
FIRST_CHAMPION_DAYS = 43
"""Days with flights before the first that is replayed that a first champion needs.

To fit on, to hold out, and one still open.
"""


@dataclass(frozen=True)
class Period:
    """Local days, both ends included."""

    first: date
    last: date

    def __iter__(self) -> Iterator[date]:
        """Yield the days in order."""
        return iter(self.first + timedelta(days=i) for i in range(len(self)))

    def __len__(self) -> int:
        return (self.last - self.first).days + 1


@dataclass(frozen=True)
class Site:
    """What is predicted where and when."""

    name: str
    first_day: date
    last_day: date
    """Local days of the first and the last flight."""
    replay_from: date
    """First day that is replayed; a first champion is fitted on the days before it."""
    home: str = HOME_AIRPORT
    """The busiest airport; by its local days the site is monitored."""
    optional_events: tuple[str, ...] = ()
    """What its feed announces of flights; the feature contract has a family of each."""
    files: dict[str, dict[str, Any]] = field(default_factory=dict)
    """What was read of each file."""
    code: str = ""
    """Hash of the code that read them."""
    earliest: date | None = None
    """First day of a replay before which a first champion can be fitted; without it every day has flights."""

    @property
    def complete(self) -> datetime:
        """Return a moment by which every flight has arrived."""
        last = datetime(self.last_day.year, self.last_day.month, self.last_day.day, tzinfo=UTC)
        return last + SETTLED

    def require_first_days(self, replay_from: date) -> None:
        """Refuse a first day of a replay that leaves too few to fit a first champion on: before a stack is started.

        Raises
        ------
        InvalidInput
            With the first day that can be replayed.
        """
        earliest = self.earliest or self.first_day + timedelta(days=FIRST_CHAMPION_DAYS)
        if replay_from < earliest:
            needs = f"a first champion needs {FIRST_CHAMPION_DAYS} days with flights before it"
            expected = f"a day from {earliest} on: {needs}"
            raise InvalidInput("from", expected, str(replay_from))

    def replayed(self, first: date | None = None, last: date | None = None) -> Period:
        """Return days that are replayed, by default all of them.

        Raises
        ------
        InvalidInput
            If they are not among those, or end before they begin.
        """
        return self._period(first or self.replay_from, last, self.replay_from)

    def tested(self, first: date | None = None, last: date | None = None) -> Period:
        """Return days that a model fitted on those before is tested on, by default the last third.

        Raises
        ------
        InvalidInput
            As `replayed`.
        """
        third = timedelta(days=(self.last_day - self.first_day).days // 3)
        return self._period(first or self.last_day - third, last, self.first_day + timedelta(days=1))

    def _period(self, first: date, last: date | None, earliest: date) -> Period:
        last = last or self.last_day
        if not earliest <= first <= self.last_day:
            raise InvalidInput("from", f"a day from {earliest} to {self.last_day}", str(first))
        if not first <= last <= self.last_day:
            raise InvalidInput("to", f"a day from {first} to {self.last_day}", str(last))
        return Period(first, last)


NEW_YORK = Site("New York 2013", date(2013, 1, 1), date(2013, 12, 31), date(2013, 4, 1), HOME_AIRPORT)


def site_of(data_dir: Path) -> Site:
    """Return the site of a data folder: New York in 2013 where none was made of files."""
    path = data_dir / SITE / DESCRIPTION
    if not path.exists():
        return NEW_YORK
    kept = json.loads(path.read_text())
    dates = ("first_day", "last_day", "replay_from", "earliest")
    days: dict[str, Any] = {name: date.fromisoformat(kept.pop(name)) for name in dates if kept.get(name)}
    announced = tuple(kept.pop("optional_events", ()))
    return Site(**kept, **days, optional_events=announced)


def kept_events(data_dir: Path) -> DatasetEvents | None:
    """Return the events of the site that was made of files, None where none was."""
    folder = data_dir / SITE
    if not (folder / DESCRIPTION).exists():
        return None
    return DatasetEvents(
        pd.read_parquet(folder / "flights.parquet"), pd.read_parquet(folder / "weather.parquet")
    )
