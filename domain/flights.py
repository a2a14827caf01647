"""Flights and weather as facts in columns: every fact has an event time and the minute it became known.

All instants are int64 minutes since the epoch, UTC (`domain.clock`); `NEVER` marks what has not happened.
Strings are interned once into the codes of a `Network`, so that a tick's state costs array operations only.
"""

from dataclasses import dataclass, field, fields, replace
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from domain.clock import NEVER

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
Strings = npt.NDArray[np.str_]


def flight_id(carrier: str, number: int, origin: str, local_date: str, leg: int = 1) -> str:
    """Return the identity of a flight: carrier, number, origin and its scheduled local date at the origin, YYYYMMDD.

    It stays as it is when the flight is retimed, also to another date. Where a number leaves one airport more than once
    on a date, `leg` counts its departures there, from 1; it stands before the date, which always ends an identity.

    Examples
    --------
    >>> flight_id("UA", 1545, "EWR", "20130101"), flight_id("UA", 1545, "EWR", "20130101", leg=2)
    ('UA1545-EWR-20130101', 'UA1545-EWR-2-20130101')
    """
    return f"{carrier}{number}-{origin}-{f'{leg}-' if leg > 1 else ''}{local_date}"


def flight_numbers(flight_ids: Strings) -> Ints:
    """Return the number in each flight's identity, shape (n,).

    Examples
    --------
    >>> flight_numbers(np.array(["UA1545-EWR-20130101", "9E8-JFK-20130101"])).tolist()
    [1545, 8]
    """
    letters = np.ascontiguousarray(flight_ids, dtype=str)
    width = letters.dtype.itemsize // 4
    numbers = np.zeros(len(letters), dtype=np.int64)
    if not numbers.size:
        return numbers
    digits = letters.view(np.uint32).reshape(len(letters), width)[:, 2:6].astype(np.int64) - ord("0")
    going_on = np.ones(len(letters), dtype=bool)
    for digit in digits.T:
        going_on &= (digit >= 0) & (digit <= 9)
        numbers = np.where(going_on, 10 * numbers + digit, numbers)
    return numbers


@dataclass
class Vocabulary:
    """Names in order of first sight; a name's code is its position. Grows, never reorders."""

    names: list[str] = field(default_factory=list)
    codes: dict[str, int] = field(default_factory=dict)

    def code(self, name: str) -> int:
        """Return the code of `name`, adding it when it is new."""
        found = self.codes.get(name)
        if found is None:
            found = self.codes[name] = len(self.names)
            self.names.append(name)
        return found

    def encode(self, names: Strings) -> Ints:
        """Return the codes of many names, shape (n,)."""
        unique, inverse = np.unique(names, return_inverse=True)
        return np.array([self.code(str(n)) for n in unique], dtype=np.int64)[inverse.reshape(-1)]


@dataclass
class Network:
    """The carriers and airports seen so far. Routes are pairs of airports, never stored twice."""

    carriers: Vocabulary = field(default_factory=Vocabulary)
    airports: Vocabulary = field(default_factory=Vocabulary)


def columns_of(kind: type[Any]) -> tuple[str, ...]:
    """Return the names of the columns of a kind of facts: all that has a value a row."""
    return tuple(f.name for f in fields(kind) if f.name not in ("network", "announced"))


@dataclass(frozen=True)
class Announcements:
    """What a feed announced of flights before they left, a row an event, revisions included, in any order.

    Every array has shape (n_events,). Of one flight and kind, the newest event known by a minute counts at it.
    """

    flight_id: Strings
    kind: Strings
    known: Ints
    sequence: Ints
    """Order in which events became known: of two of one minute the greater counts."""
    tail: Strings
    """Of an assigned aircraft; empty in an event of another kind."""
    delay: Ints
    """Minutes that a departure is estimated to be late; 0 in an event of another kind."""

    def __len__(self) -> int:
        return len(self.known)

    def take(self, rows: npt.NDArray[np.bool_] | Ints | slice) -> Self:
        """Keep the rows of a mask, an index or a slice."""
        return replace(self, **{name: getattr(self, name)[rows] for name in columns_of(Announcements)})


def no_announcements() -> Announcements:
    """Return none, as of a feed that has no such events."""
    words, numbers = np.empty(0, dtype="U1"), np.empty(0, dtype=np.int64)
    return Announcements(words, words, numbers, numbers, words, numbers)


@dataclass(frozen=True)
class FlightFacts:
    """One row a scheduled flight with what became known of it and when; every array has shape (n_rows,).

    A flight that was retimed, reinstated or corrected has one row for each state of knowledge: a row counts from
    `scheduled_known` until `superseded`, so that at any minute a flight has one row at most. What is not there yet in
    such a row, because it became known later, is in the flight's next row.

    `delay` columns are minutes (negative = early) and mean nothing where their `*_known` is NEVER.
    Rows are sorted by `sched_dep`.
    """

    network: Network
    flight_id: Strings
    carrier: Ints
    """Code in `network.carriers`."""
    origin: Ints
    """Code in `network.airports`."""
    dest: Ints
    """Code in `network.airports`."""
    sched_dep: Ints
    sched_arr: Ints
    scheduled_known: Ints
    """Minute at which the schedule became known; in a flight's later rows, the revision that made the row."""
    dep_known: Ints
    """Minute at which the departure became known; a correction of it later does not make it news again."""
    dep_delay: Ints
    arr_known: Ints
    arr_delay: Ints
    air_time: Ints
    """Minutes in the air, known with the arrival; -1 where missing."""
    cancelled_known: Ints
    """Minute at which a cancellation or a diversion became known; NEVER where neither did, or it was reversed."""
    superseded: Ints
    """Minute from which on the flight's next row counts in the place of this one; NEVER in its last row."""
    announced: Announcements = field(default_factory=no_announcements)
    """Of these flights at least; empty unless the site's feed has optional events."""

    def __len__(self) -> int:
        return len(self.sched_dep)

    def take(self, rows: npt.NDArray[np.bool_] | Ints | slice) -> Self:
        """Keep the rows of a mask, an index or a slice."""
        return replace(self, **{name: getattr(self, name)[rows] for name in columns_of(FlightFacts)})

    def known_by(self, minute: int) -> Self:
        """Forget everything that became known after `minute`."""
        kept = self.take(self.scheduled_known <= minute)
        return replace(
            kept,
            announced=kept.announced.take(kept.announced.known <= minute),
            dep_known=np.where(kept.dep_known <= minute, kept.dep_known, NEVER),
            dep_delay=np.where(kept.dep_known <= minute, kept.dep_delay, 0),
            arr_known=np.where(kept.arr_known <= minute, kept.arr_known, NEVER),
            arr_delay=np.where(kept.arr_known <= minute, kept.arr_delay, 0),
            air_time=np.where(kept.arr_known <= minute, kept.air_time, -1),
            cancelled_known=np.where(kept.cancelled_known <= minute, kept.cancelled_known, NEVER),
            superseded=np.where(kept.superseded <= minute, kept.superseded, NEVER),
        )

    def last_rows(self) -> Ints:
        """Return for each row the position of its flight's last row, shape (n_rows,)."""
        return self._ends(last=True)

    def first_rows(self) -> Ints:
        """Return for each row the position of its flight's first row, shape (n_rows,)."""
        return self._ends(last=False)

    def _ends(self, *, last: bool) -> Ints:
        if (self.superseded == NEVER).all():
            return np.arange(len(self))
        order = np.lexsort((self.scheduled_known, self.flight_id))
        names = self.flight_id[order]
        ends = np.searchsorted(names, self.flight_id, side="right" if last else "left")
        return order[ends - 1 if last else ends]

    def latest(self) -> Self:
        """Keep the last row of every flight: the newest word on it."""
        return self.take(self.superseded == NEVER)


WEATHER_COLUMNS = (
    "temp_f",
    "dewpoint_f",
    "humidity_pct",
    "wind_dir_deg",
    "wind_speed_mph",
    "wind_gust_mph",
    "precip_in",
    "pressure_mb",
    "visibility_mi",
)
WEATHER_RANGES = {
    "temp_f": (-80, 140),
    "dewpoint_f": (-100, 110),
    "humidity_pct": (0, 100),
    "wind_dir_deg": (0, 360),
    "wind_speed_mph": (0, 200),
    "wind_gust_mph": (0, 200),
    "precip_in": (0, 20),
    "pressure_mb": (870, 1090),
    "visibility_mi": (0, 100),
}
"""What an instrument at an airport can read; beyond it, it failed."""
BLOCK_MINUTES = 15, 1_200
"""From scheduled departure to scheduled arrival, the shortest and the longest that a schedule has."""


def measured(name: str, value: float | None) -> float | None:
    """Return a reading; None, not measured, where no instrument can make it.

    Examples
    --------
    >>> measured("temp_f", 51.1), measured("temp_f", 999)
    (51.1, None)
    """
    low, high = WEATHER_RANGES[name]
    return value if value is not None and low <= value <= high else None


@dataclass(frozen=True)
class WeatherFacts:
    """One row an hourly observation; `values` has shape (n, len(WEATHER_COLUMNS)), NaN where not measured.

    Sorted by `known` within the whole table.
    """

    network: Network
    airport: Ints
    observed: Ints
    known: Ints
    values: Floats

    def __len__(self) -> int:
        return len(self.known)

    def known_by(self, minute: int) -> Self:
        """Forget every observation that became known after `minute`."""
        return self.take(self.known <= minute)

    def take(self, rows: npt.NDArray[np.bool_] | Ints | slice) -> Self:
        """Keep the rows of a mask, an index or a slice."""
        return replace(self, **{name: getattr(self, name)[rows] for name in columns_of(WeatherFacts)})


@dataclass(frozen=True)
class Queries:
    """Questions: one row a flight and a moment to predict it from; every array has shape (n,).

    Carries names, not codes: a question may come from outside and name an airport no fact has named.
    """

    carrier: Strings
    number: Ints
    """Flight number."""
    origin: Strings
    dest: Strings
    sched_dep: Ints
    sched_arr: Ints
    as_of: Ints

    def __len__(self) -> int:
        return len(self.as_of)

    def take(self, rows: npt.NDArray[np.bool_] | Ints | slice) -> Self:
        """Keep the rows of a mask, an index or a slice."""
        return replace(self, **{f.name: getattr(self, f.name)[rows] for f in fields(self)})
