"""The dataset as a stream of events, each with the moment it became known."""

from dataclasses import dataclass
from datetime import datetime
from typing import Self

import pandas as pd

from data.nycflights13 import CleanedData
from domain.features.scene import CANCELLED_FROM_MINUTES
from domain.flights import WEATHER_COLUMNS

SOURCE = "nycflights13"
SCHEDULE_KNOWN_BEFORE = pd.Timedelta(days=30)
CANCELLATION_KNOWN_AFTER = pd.Timedelta(minutes=CANCELLED_FROM_MINUTES)
"""The file does not say when a flight was cancelled or diverted; an hour after what was to be is never too early."""
WEATHER_KNOWN_AFTER = pd.Timedelta(minutes=52)
"""A row labelled with the hour h is observed at about h:51."""
KINDS = ("scheduled", "departed", "arrived", "cancelled", "diverted")
FLIGHT_EVENT_COLUMNS = (
    "flight_id",
    "kind",
    "event_time",
    "known_at",
    "carrier",
    "flight_number",
    "origin",
    "dest",
    "scheduled_departure",
    "scheduled_arrival",
    "delay_minutes",
    "air_time_minutes",
    "source",
)
WEATHER_EVENT_COLUMNS = ("airport", "observed_at", "known_at", *WEATHER_COLUMNS, "source")
SCHEDULE_COLUMNS = ("carrier", "flight_number", "origin", "dest", "scheduled_departure", "scheduled_arrival")


@dataclass(frozen=True)
class DatasetEvents:
    """All events, sorted by `known_at`; the frames' columns are those of the database's tables."""

    flight_events: pd.DataFrame
    weather_events: pd.DataFrame

    def __len__(self) -> int:
        return len(self.flight_events) + len(self.weather_events)

    def between(self, after: datetime, until: datetime) -> Self:
        """Return the events with after < known_at <= until."""
        return type(self)(
            _between(self.flight_events, after, until), _between(self.weather_events, after, until)
        )


def _between(events: pd.DataFrame, after: datetime, until: datetime) -> pd.DataFrame:
    low, high = events["known_at"].searchsorted([pd.Timestamp(after), pd.Timestamp(until)], side="right")
    return events.iloc[low:high]


def events_of(cleaned: CleanedData) -> DatasetEvents:
    """Turn cleaned rows into events."""
    return DatasetEvents(flight_events_of(cleaned.flights), weather_events_of(cleaned.weather))


def flight_events_of(flights: pd.DataFrame, source: str = SOURCE) -> pd.DataFrame:
    """Return up to three events a flight, sorted by `known_at`; a flight's own in the order of `KINDS`.

    A column `cancelled` says which flights were, some of them after leaving the gate; without it they are those
    that never left. A column `under_way` says which may still arrive: they are not diverted.
    """
    if "cancelled" not in flights:
        flights = flights.assign(cancelled=flights["dep_delay"].isna() & flights["arr_delay"].isna())
    if "under_way" not in flights:
        flights = flights.assign(under_way=False)
    parts = [
        _scheduled(flights),
        _departed(flights),
        _arrived(flights),
        _cancelled(flights),
        _diverted(flights),
    ]
    events = pd.concat([part.astype(_DTYPES) for part in parts], ignore_index=True)
    events["source"] = source
    # Stable: of events known at one moment, those of an earlier kind come first.
    return events.sort_values("known_at", kind="stable", ignore_index=True)[list(FLIGHT_EVENT_COLUMNS)]


UTC_TIME = "datetime64[us, UTC]"
_DTYPES = {
    "event_time": UTC_TIME,
    "known_at": UTC_TIME,
    "flight_number": "Int64",
    "scheduled_departure": UTC_TIME,
    "scheduled_arrival": UTC_TIME,
    "delay_minutes": "Int64",
    "air_time_minutes": "Int64",
}


def no_flight_events() -> pd.DataFrame:
    """Return no event of a flight, with every column: a folder of files may have weather alone."""
    empty = pd.DataFrame(columns=list(FLIGHT_EVENT_COLUMNS), dtype=object)
    return empty.astype(_DTYPES)


def no_weather_events() -> pd.DataFrame:
    """Return no observation, with every column: a place may have flights alone."""
    empty = pd.DataFrame(columns=list(WEATHER_EVENT_COLUMNS), dtype=object)
    times = dict.fromkeys(("observed_at", "known_at"), UTC_TIME)
    return empty.astype(times | dict.fromkeys(WEATHER_COLUMNS, "float64"))


def _part(flights: pd.DataFrame, kind: str, event_time: pd.Series, known_at: pd.Series) -> pd.DataFrame:
    part = pd.DataFrame({"flight_id": flights["flight_id"], "kind": kind, "event_time": event_time})
    return part.assign(
        known_at=known_at, **dict.fromkeys((*SCHEDULE_COLUMNS, "delay_minutes", "air_time_minutes"))
    )


def _minutes(delay: pd.Series) -> pd.Series:
    return pd.to_timedelta(delay.astype("int64"), unit="min")


def _scheduled(flights: pd.DataFrame) -> pd.DataFrame:
    departure = flights["scheduled_departure"]
    part = _part(flights, "scheduled", departure, departure - SCHEDULE_KNOWN_BEFORE)
    return part.assign(**{column: flights[column] for column in SCHEDULE_COLUMNS})


def _departed(flights: pd.DataFrame) -> pd.DataFrame:
    gone = flights[flights["dep_delay"].notna()]
    moment = gone["scheduled_departure"] + _minutes(gone["dep_delay"])
    return _part(gone, "departed", moment, moment).assign(delay_minutes=gone["dep_delay"])


def _arrived(flights: pd.DataFrame) -> pd.DataFrame:
    there = flights[flights["arr_delay"].notna()]
    moment = there["scheduled_arrival"] + _minutes(there["arr_delay"])
    part = _part(there, "arrived", moment, moment)
    return part.assign(delay_minutes=there["arr_delay"], air_time_minutes=there["air_time"])


def _cancelled(flights: pd.DataFrame) -> pd.DataFrame:
    never = flights[flights["cancelled"]]
    # One that left the gate and came back was not cancelled before it left.
    left = _minutes(never["dep_delay"].fillna(0).clip(lower=0))
    moment = never["scheduled_departure"] + left + CANCELLATION_KNOWN_AFTER
    return _part(never, "cancelled", moment, moment)


def _diverted(flights: pd.DataFrame) -> pd.DataFrame:
    gone = ~flights["cancelled"] & ~flights["under_way"]
    elsewhere = flights[flights["dep_delay"].notna() & flights["arr_delay"].isna() & gone]
    # As late as it left, so that nobody knows of it while the flight is still at the gate.
    left = _minutes(elsewhere["dep_delay"].clip(lower=0))
    moment = elsewhere["scheduled_arrival"] + left + CANCELLATION_KNOWN_AFTER
    return _part(elsewhere, "diverted", moment, moment)


def weather_events_of(weather: pd.DataFrame, source: str = SOURCE) -> pd.DataFrame:
    """Return one event an observation, sorted by `known_at`."""
    events = weather.copy()
    events.insert(2, "known_at", events["observed_at"] + WEATHER_KNOWN_AFTER)
    events["source"] = source
    return events.sort_values(["known_at", "airport"], ignore_index=True)
