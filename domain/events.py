"""Events as they come from a feed: what happened to a flight or in the sky, when, and since when it is known."""

import re
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, get_args

from domain.errors import InvalidInput
from domain.flights import WEATHER_COLUMNS

FlightEventKind = Literal[
    "scheduled", "departed", "arrived", "cancelled", "diverted", "reinstated", "aircraft_assigned",
    "departure_estimated",
]  # fmt: skip
FLIGHT_EVENT_KINDS: tuple[FlightEventKind, ...] = get_args(FlightEventKind)
OutcomeStatus = Literal["accepted", "duplicate", "conflict"]

FLIGHT_ID = re.compile(r"[A-Z0-9]{2}[0-9]{1,4}-[A-Z]{3}(-[2-9])?-[0-9]{8}", re.ASCII)
AIRPORT = re.compile(r"[A-Z]{3}", re.ASCII)
TAIL = re.compile(r"[A-Z0-9][A-Z0-9-]{1,7}", re.ASCII)
LARGEST_DELAY = 10_080
"""A week in minutes; whatever is later than that is a mistake in the feed."""
SCHEDULE_FIELDS = ("carrier", "flight_number", "origin", "dest", "scheduled_departure", "scheduled_arrival")


@dataclass(frozen=True)
class Outcome:
    """What became of one item: stored, as a revision or for the first time; known already; or refused, and why."""

    status: OutcomeStatus
    reason: str | None = None


@dataclass(frozen=True)
class FlightEvent:
    """One event of one flight; `known_at` None = from the moment it is appended, by the stack's clock.

    Raises
    ------
    InvalidInput
        If a field does not fit its kind, or a time has no zone.
    """

    flight_id: str
    kind: FlightEventKind
    event_time: datetime
    known_at: datetime | None = None
    carrier: str | None = None
    flight_number: int | None = None
    origin: str | None = None
    dest: str | None = None
    scheduled_departure: datetime | None = None
    scheduled_arrival: datetime | None = None
    delay_minutes: int | None = None
    air_time_minutes: int | None = None
    tail: str | None = None
    """Registration of the aircraft, of an assignment."""
    source: str = "feed"

    def __post_init__(self) -> None:
        _require_match("flight_id", FLIGHT_ID, self.flight_id, "like UA1545-EWR-20130101")
        if self.kind not in FLIGHT_EVENT_KINDS:
            raise InvalidInput("kind", f"one of {', '.join(FLIGHT_EVENT_KINDS)}", self.kind)
        for name in ("event_time", "known_at", "scheduled_departure", "scheduled_arrival"):
            _require_zone(name, getattr(self, name))
        if self.kind == "scheduled":
            self._require_schedule()
        if self.kind == "aircraft_assigned":
            _require_match("tail", TAIL, self.tail or "", "2 to 8 letters, digits and hyphens, like N12345")
        if self.kind in ("departed", "arrived", "departure_estimated"):
            _require_range("delay_minutes", self.delay_minutes, -1440, LARGEST_DELAY)
        if self.air_time_minutes is not None:
            _require_range("air_time_minutes", self.air_time_minutes, 0, LARGEST_DELAY)
        _require_source(self.source)

    def _require_schedule(self) -> None:
        for name in SCHEDULE_FIELDS:
            if getattr(self, name) is None:
                raise InvalidInput(name, "a value: an event of kind scheduled needs it")
        for name in ("origin", "dest"):
            _require_match(name, AIRPORT, getattr(self, name), "three letters, like EWR")
        prefix = f"{self.carrier}{self.flight_number}-{self.origin}-"
        if not self.flight_id.startswith(prefix):
            raise InvalidInput("flight_id", f"to begin with {prefix}", self.flight_id)
        for name in ("scheduled_departure", "scheduled_arrival"):
            moment = getattr(self, name)
            if moment.second or moment.microsecond:
                raise InvalidInput(name, "a whole minute: schedules have no seconds", moment.isoformat())


@dataclass(frozen=True)
class WeatherEvent:
    """One observation at one airport; `values` in the order of `WEATHER_COLUMNS`, None = not measured.

    Raises
    ------
    InvalidInput
        If the airport, the number of values or a time does not fit.
    """

    airport: str
    observed_at: datetime
    values: tuple[float | None, ...]
    known_at: datetime | None = None
    source: str = "feed"

    def __post_init__(self) -> None:
        _require_match("airport", AIRPORT, self.airport, "three letters, like EWR")
        _require_zone("observed_at", self.observed_at)
        _require_zone("known_at", self.known_at)
        if len(self.values) != len(WEATHER_COLUMNS):
            raise InvalidInput("values", f"{len(WEATHER_COLUMNS)} values", len(self.values))
        _require_source(self.source)


def _require_match(name: str, pattern: re.Pattern[str], value: str, expected: str) -> None:
    if not pattern.fullmatch(value):
        raise InvalidInput(name, expected, value)


def _require_zone(name: str, moment: datetime | None) -> None:
    if moment is not None and moment.tzinfo is None:
        raise InvalidInput(name, "a time with a time zone", moment.isoformat())


def _require_range(name: str, value: int | None, low: int, high: int) -> None:
    if value is None or not low <= value <= high:
        raise InvalidInput(name, f"whole minutes from {low} to {high}", value)


def _require_source(source: str) -> None:
    if not (source.isascii() and source.isprintable() and 0 < len(source.strip()) <= 32):
        raise InvalidInput("source", "1 to 32 printable ASCII characters", source)
