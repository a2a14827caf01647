"""Schedule: what the timetable alone says of a flight, and how far ahead the question is asked."""

import math
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from typing import NamedTuple

import numpy as np

from domain.airports import FIRST_YEAR, LAST_YEAR, distance_miles, local_minutes
from domain.flights import Floats, Ints, Queries

FAMILY = "schedule"
KNOWN_AT = "schedule"
DAY_MINUTES = 1440
HOLIDAY_REACH_DAYS = 7
EPOCH_WEEKDAY = 3
"""1 January 1970 was a Thursday; Monday is 0."""


class ScheduleFeature(NamedTuple):
    """One column of the family."""

    name: str
    dtype: str
    unit: str


FEATURES = (
    ScheduleFeature("carrier_code", "category", "base-36 number of the code"),
    ScheduleFeature("origin_code", "category", "base-36 number of the code"),
    ScheduleFeature("dest_code", "category", "base-36 number of the code"),
    ScheduleFeature("lead_minutes", "int64", "minutes from the question to the scheduled departure"),
    ScheduleFeature("departure_minute_local", "int64", "minutes after local midnight"),
    ScheduleFeature("departure_hour_sine", "float64", "1"),
    ScheduleFeature("departure_hour_cosine", "float64", "1"),
    ScheduleFeature("arrival_minute_local", "int64", "minutes after local midnight at the destination"),
    ScheduleFeature("weekday", "int64", "0 = Monday"),
    ScheduleFeature("days_since_holiday", "int64", "days, at most 7"),
    ScheduleFeature("days_until_holiday", "int64", "days, at most 7"),
    ScheduleFeature("block_minutes", "int64", "minutes"),
    ScheduleFeature("distance_miles", "int64", "statute miles"),
    ScheduleFeature("scheduled_speed", "float64", "miles a minute of block"),
)

# One table of sines, so that one row and a million get the same bits.
_ANGLES = [2 * math.pi * minute / DAY_MINUTES for minute in range(DAY_MINUTES)]
SINE = np.array([*(math.sin(a) for a in _ANGLES), np.nan])
COSINE = np.array([*(math.cos(a) for a in _ANGLES), np.nan])


@lru_cache(maxsize=65536)
def code_number(code: str) -> float:
    """Return the number of an airport's or carrier's code, read in base 36; NaN where it holds another character.

    Examples
    --------
    >>> code_number("UA"), code_number("u?")
    (1090.0, nan)
    """
    if not (code.isascii() and code.isalnum()):
        return math.nan
    return float(int(code, 36))


def holidays(year: int) -> list[date]:
    """Return the US holidays that move air traffic, in order.

    Examples
    --------
    >>> holidays(2013)[-2:]
    [datetime.date(2013, 11, 28), datetime.date(2013, 12, 25)]
    """
    return [
        date(year, 1, 1),
        _nth_weekday(year, 1, 0, 3),
        _nth_weekday(year, 2, 0, 3),
        _nth_weekday(year, 6, 0, 1) - timedelta(days=7),
        date(year, 7, 4),
        _nth_weekday(year, 9, 0, 1),
        _nth_weekday(year, 10, 0, 2),
        _nth_weekday(year, 11, 3, 4),
        date(year, 12, 25),
    ]


def _nth_weekday(year: int, month: int, weekday: int, n: int) -> date:
    first = date(year, month, 1)
    return first + timedelta(days=(weekday - first.weekday()) % 7 + 7 * (n - 1))


def _holiday_distances() -> tuple[int, Ints, Ints]:
    """Return the first day of the tables, and for each day the days since and until a holiday, at most a week."""
    epoch = datetime(1970, 1, 1, tzinfo=UTC).date()
    days = np.array([(d - epoch).days for year in range(FIRST_YEAR, LAST_YEAR + 1) for d in holidays(year)])
    calendar = np.arange(days[0], days[-1] + 1)
    before = calendar - days[np.searchsorted(days, calendar, side="right") - 1]
    after = days[np.searchsorted(days, calendar, side="left")] - calendar
    return int(days[0]), np.minimum(before, HOLIDAY_REACH_DAYS), np.minimum(after, HOLIDAY_REACH_DAYS)


FIRST_DAY, SINCE_HOLIDAY, UNTIL_HOLIDAY = _holiday_distances()


class Names(NamedTuple):
    """A query's names as plain lists: looked up one by one."""

    carrier: list[str]
    origin: list[str]
    dest: list[str]


def schedule_features(queries: Queries, names: Names, departure_local: Floats) -> list[Floats]:
    """Return the family's columns in the order of `FEATURES`, each of shape (n,).

    Parameters
    ----------
    queries : Queries, n rows
    names : Names
        The same queries' names.
    departure_local : Floats, shape (n,)
        Scheduled departure as the origin's clocks show it, minutes since the epoch; NaN where unknown.
    """
    known = departure_local == departure_local
    minute = np.where(known, departure_local % DAY_MINUTES, DAY_MINUTES).astype(np.int64)
    day = np.where(known, departure_local // DAY_MINUTES, 0).astype(np.int64)
    in_table = np.clip(day - FIRST_DAY, 0, len(SINCE_HOLIDAY) - 1)
    block = (queries.sched_arr - queries.sched_dep).astype(np.float64)
    distance = np.array(
        [distance_miles(*ends) for ends in zip(names.origin, names.dest, strict=True)], dtype=float
    )
    return [
        np.array([code_number(c) for c in names.carrier]),
        np.array([code_number(c) for c in names.origin]),
        np.array([code_number(c) for c in names.dest]),
        (queries.sched_dep - queries.as_of).astype(np.float64),
        departure_local % DAY_MINUTES,
        SINE[minute],
        COSINE[minute],
        local_minutes(names.dest, queries.sched_arr) % DAY_MINUTES,
        np.where(known, (day + EPOCH_WEEKDAY) % 7, np.nan),
        np.where(known, SINCE_HOLIDAY[in_table], np.nan),
        np.where(known, UNTIL_HOLIDAY[in_table], np.nan),
        block,
        distance,
        distance / np.where(block > 0, block, np.nan),
    ]
