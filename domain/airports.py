"""Where airports are and which local time they keep: the package `airportsdata`, but for a few kept as they were.

It is needed wherever a local date, a distance or a bearing is, the API included, so it is read once, at import (30 ms).
The small file beside this module, made by `python -m data.airports`, has the places of the dataset's airports, so that
no release of the package moves a feature of it, and airports that the package lacks because they are closed.
"""

import csv
import math
import sys
from bisect import bisect_right
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple
from zoneinfo import ZoneInfo

import airportsdata
import numpy as np
import numpy.typing as npt

from domain.clock import from_minute, minute_floor
from domain.errors import InvalidInput

TABLE = Path(__file__).with_name("airports.csv")
EARTH_RADIUS_MILES = 3958.8
FIRST_YEAR, LAST_YEAR = 1987, 2050
"""Years whose zone rules are kept, from the first with on-time data; readers and the API refuse any other."""
LOOK_EVERY = timedelta(days=7)
"""Between two looks at a zone's offset: some zones changed twice in a month, none twice in a week."""

HOME_AIRPORT = "JFK"
"""The dataset's: the three New York airports share its local days. Which one counts is a setting."""

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]


class Airport(NamedTuple):
    """One airport: degrees north and east, and the IANA name of its time zone."""

    latitude: float
    longitude: float
    zone: str


def _read_table() -> dict[str, Airport]:
    """Return every airport with an IATA code and a zone; those of the file beside this module as they stand there."""
    # The package's own `load` keeps eleven fields an airport, 9 MB in each of the API's workers; these are 2 MB.
    package = Path(airportsdata.__file__).with_name("airports.csv")
    return _read(package, "iata", "lat", "lon", "tz") | _read(TABLE, "code", "latitude", "longitude", "zone")


def _read(path: Path, *columns: str) -> dict[str, Airport]:
    with path.open(newline="", encoding="utf-8") as file:
        rows = csv.reader(file)
        header = next(rows)
        code, latitude, longitude, zone = (header.index(name) for name in columns)
        return {
            row[code]: Airport(float(row[latitude]), float(row[longitude]), sys.intern(row[zone]))
            for row in rows
            if row[code] and row[zone]
        }


AIRPORTS: dict[str, Airport] = _read_table()


@lru_cache(maxsize=65536)
def distance_miles(origin: str, dest: str) -> int | None:
    """Return the great-circle distance in whole statute miles; None where an airport is unknown.

    Examples
    --------
    >>> distance_miles("JFK", "LAX")
    2469
    >>> distance_miles("JFK", "???") is None
    True
    """
    if origin not in AIRPORTS or dest not in AIRPORTS:
        return None
    lat1, lon1, lat2, lon2 = (math.radians(d) for c in (origin, dest) for d in AIRPORTS[c][:2])
    half = (
        math.sin((lat2 - lat1) / 2) ** 2 + math.cos(lat1) * math.cos(lat2) * math.sin((lon2 - lon1) / 2) ** 2
    )
    return round(2 * EARTH_RADIUS_MILES * math.asin(min(1.0, math.sqrt(half))))


@lru_cache(maxsize=65536)
def bearing_degrees(origin: str, dest: str) -> int | None:
    """Return the initial great-circle bearing, whole degrees clockwise from north; None where an airport is unknown.

    Examples
    --------
    >>> bearing_degrees("JFK", "LAX")
    274
    """
    if origin not in AIRPORTS or dest not in AIRPORTS:
        return None
    lat1, lon1, lat2, lon2 = (math.radians(d) for c in (origin, dest) for d in AIRPORTS[c][:2])
    east = math.sin(lon2 - lon1) * math.cos(lat2)
    north = math.cos(lat1) * math.sin(lat2) - math.sin(lat1) * math.cos(lat2) * math.cos(lon2 - lon1)
    return round(math.degrees(math.atan2(east, north))) % 360


class ZoneOffsets(NamedTuple):
    """The offsets of one zone: `minutes[i]` east of UTC holds from `since[i - 1]` until `since[i]`."""

    since: Ints
    minutes: Ints


@lru_cache(maxsize=512)
def zone_offsets(zone: str) -> ZoneOffsets:
    """Return every change of a zone's offset between `FIRST_YEAR` and `LAST_YEAR`, found by bisection."""
    info = ZoneInfo(zone)
    looks = _looks()
    offsets = [moment.astimezone(info).utcoffset() for moment in looks]
    since, minutes = [], [_offset_at(info, minute_floor(looks[0]))]
    for (low, before), (high, found) in pairwise(zip(looks, offsets, strict=True)):
        if found != before:
            after = _offset_at(info, minute_floor(high))
            since.append(_first_minute_of(info, after, minute_floor(low), minute_floor(high)))
            minutes.append(after)
    return ZoneOffsets(np.array(since, dtype=np.int64), np.array(minutes, dtype=np.int64))


@lru_cache(maxsize=1)
def _looks() -> tuple[datetime, ...]:
    # The same for every zone: to make them again would take longer than to look.
    first, last = (datetime(year, 1, 1, tzinfo=UTC) for year in (FIRST_YEAR, LAST_YEAR + 1))
    return tuple(first + i * LOOK_EVERY for i in range((last - first) // LOOK_EVERY + 2))


def _offset_at(info: ZoneInfo, minute: int) -> int:
    offset = from_minute(minute).astimezone(info).utcoffset()
    return 0 if offset is None else int(offset.total_seconds()) // 60


def _first_minute_of(info: ZoneInfo, offset: int, low: int, high: int) -> int:
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if _offset_at(info, middle) == offset else (middle, high)
    return high


def offset_minutes(airport: str, minutes: Ints) -> Ints | None:
    """Return the offset of an airport's local time at some instants; None where the airport is unknown.

    Parameters
    ----------
    airport : str
        Three-letter code.
    minutes : Ints, shape (n,)
        Instants, minutes since the epoch.

    Returns
    -------
    Ints, shape (n,), or None
        Minutes east of UTC.

    Examples
    --------
    >>> offset_minutes("JFK", np.array([0 + 43 * 525_960])).tolist()
    [-300]
    """
    known = AIRPORTS.get(airport)
    if known is None:
        return None
    table = zone_offsets(known.zone)
    return table.minutes[np.searchsorted(table.since, minutes, side="right")]


def local_minute(airport: str, minute: int) -> int | None:
    """Return minutes since the epoch as the airport's clocks show them; None where the airport is unknown."""
    known = AIRPORTS.get(airport)
    if known is None:
        return None
    since, offsets = _offset_lists(known.zone)
    return minute + offsets[bisect_right(since, minute)]


@lru_cache(maxsize=512)
def _offset_lists(zone: str) -> tuple[list[int], list[int]]:
    table = zone_offsets(zone)
    return table.since.tolist(), table.minutes.tolist()


def local_minutes(airports: list[str], minutes: Ints) -> Floats:
    """Return local times as minutes since the epoch, shape (n,); NaN where the airport is unknown."""
    return np.array(
        [local_minute(a, m) for a, m in zip(airports, minutes.tolist(), strict=True)], dtype=np.float64
    )


def local_hours(airport: str, minutes: Ints) -> Ints | None:
    """Return the local hour of day, 0 to 23, at some instants, shape (n,); None where the airport is unknown.

    Examples
    --------
    >>> local_hours("JFK", np.array([22_616_820])).tolist()  # 2013-01-01T03:00Z
    [22]
    """
    offsets = offset_minutes(airport, minutes)
    return None if offsets is None else (minutes + offsets) % 1440 // 60


def standard_minutes(airport: str, year: int) -> int:
    """Return how far an airport's standard time of a year is east of UTC, in minutes.

    Raises
    ------
    InvalidInput
        If the airport is not in the table.

    Examples
    --------
    >>> standard_minutes("JFK", 2013), standard_minutes("AKL", 2013)
    (-300, 720)
    """
    middles = [minute_floor(datetime(year, month, 15, tzinfo=UTC)) for month in (1, 7)]
    offsets = offset_minutes(airport, np.array(middles, dtype=np.int64))
    if offsets is None:
        raise InvalidInput("airport", "an airport that is known", airport)
    return int(offsets.min())


def local_day(airport: str, minute: int) -> date:
    """Return the local calendar day at an airport.

    Raises
    ------
    InvalidInput
        If the airport is not in the table.

    Examples
    --------
    >>> local_day("EWR", 22_616_820)  # 2013-01-01T03:00Z
    datetime.date(2012, 12, 31)
    """
    shown = local_minute(airport, minute)
    if shown is None:
        raise InvalidInput("origin", "an airport whose time zone is known, such as EWR", airport)
    return from_minute(shown).date()


def local_date(airport: str, minute: int) -> str:
    """Return the local calendar day as YYYYMMDD: the last part of a flight's identity.

    Raises
    ------
    InvalidInput
        If the airport is not in the table.

    Examples
    --------
    >>> local_date("EWR", 22_616_820)  # 2013-01-01T03:00Z
    '20121231'
    """
    return local_day(airport, minute).strftime("%Y%m%d")


def instant(airport: str, day: date, hour: int = 0) -> datetime:
    """Return the first UTC instant at which a known airport's clocks show a full hour of a day.

    Examples
    --------
    >>> instant("JFK", date(2013, 7, 1), 6).isoformat()
    '2013-07-01T10:00:00+00:00'
    """
    local = datetime(day.year, day.month, day.day, hour, tzinfo=ZoneInfo(AIRPORTS[airport].zone))
    return local.astimezone(UTC)


def zone(airport: str) -> str | None:
    """Return the IANA name of the airport's time zone, e.g. "America/New_York"; None where the airport is unknown."""
    known = AIRPORTS.get(airport)
    return None if known is None else known.zone
