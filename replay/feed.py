"""What the replay posts to the API and when, and which flights it asks about: from the dataset's events."""

from collections.abc import Collection, Iterable
from datetime import UTC, date, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd

from data.dataset import Dataset
from domain.flights import WEATHER_COLUMNS

MAX_EVENTS = 5_000
MAX_FLIGHTS = 1_000
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
NO_LONGER_ASKED = timedelta(minutes=60)
"""A flight that is known to be cancelled this long before its departure is asked about by nobody."""


class Feed:
    """The dataset as a live source."""

    def __init__(self, dataset: Dataset):
        events = dataset.events
        self._flights = _Timeline(events.flight_events, "known_at")
        self._weather = _Timeline(events.weather_events, "known_at")
        self._scheduled = _Timeline(asked_about(events.flight_events), "scheduled_departure")

    @property
    def ends(self) -> datetime:
        """Return when the last event became known."""
        return max(self._flights.ends, self._weather.ends)

    def known_between(self, after: datetime, until: datetime) -> list[list[dict[str, Any]]]:
        """Return the events that became known in (after, until], as bodies of the API, in batches it takes."""
        bodies = [_flight_event(row) for row in self._flights.rows(after, until)]
        bodies += [_weather(row) for row in self._weather.rows(after, until)]
        return [bodies[i : i + MAX_EVENTS] for i in range(0, len(bodies), MAX_EVENTS)]

    def flights_between(
        self, after: datetime, until: datetime, lead: timedelta, without: Collection[str] = ()
    ) -> list[list[dict[str, Any]]]:
        """Return the flights to ask about in (after, until], `lead` before their departure, in batches.

        Parameters
        ----------
        without : collection of str
            Identities of flights that are left out.
        """
        rows = self._scheduled.rows(after + lead, until + lead)
        bodies = [_question(row, lead) for row in rows if row.flight_id not in without]
        return [bodies[i : i + MAX_FLIGHTS] for i in range(0, len(bodies), MAX_FLIGHTS)]

    def asks_between(self, after: datetime, until: datetime, lead: timedelta) -> int:
        """Return how many flights there are to ask about in (after, until]."""
        return self._scheduled.count(after + lead, until + lead)

    def asks_by_day(self) -> dict[date, int]:
        """Return how many flights there are to ask about by their local day, which ends their identity."""
        counts = self._scheduled.column("flight_id").str[-8:].value_counts()
        return {datetime.strptime(str(day), "%Y%m%d").date(): int(n) for day, n in counts.items()}  # noqa: DTZ007  a date


def asked_about(flight_events: pd.DataFrame) -> pd.DataFrame:
    """Return the flights that clients ask about.

    Those on the schedule that are not known to be cancelled an hour before.
    """
    scheduled = flight_events[flight_events["kind"] == "scheduled"]
    cancelled = flight_events.loc[flight_events["kind"] == "cancelled", ["flight_id", "known_at"]]
    moment = scheduled["flight_id"].map(cancelled.set_index("flight_id")["known_at"])
    early = moment <= scheduled["scheduled_departure"] - NO_LONGER_ASKED
    return scheduled[~early.to_numpy(dtype=bool)].sort_values("scheduled_departure", kind="stable")


class _Timeline:
    """Rows of a frame by the moment in one of its columns."""

    def __init__(self, frame: pd.DataFrame, column: str):
        self._frame = frame.sort_values(column, kind="stable")
        # A step takes a few rows, and there are two hundred a day: pandas would make a class of rows for each.
        self._columns = {str(name): self._frame[name].array for name in self._frame}
        # Searching a column of times with a zone costs a millisecond, searching numbers a hundredth of that.
        self._moments = self._frame[column].dt.as_unit("us").astype("int64").to_numpy()

    def rows(self, after: datetime, until: datetime) -> Iterable[Any]:
        """Return the rows with after < moment <= until."""
        span = self._slice(after, until)
        values = zip(*(column[span].tolist() for column in self._columns.values()), strict=True)
        return (SimpleNamespace(**dict(zip(self._columns, row, strict=True))) for row in values)

    @property
    def ends(self) -> datetime:
        """Return the last moment; the beginning of time where there is none."""
        last = int(self._moments[-1]) if len(self._moments) else 0
        return EPOCH + timedelta(microseconds=last)

    def column(self, name: str) -> pd.Series:
        """Return a column."""
        return self._frame[name]

    def count(self, after: datetime, until: datetime) -> int:
        """Return how many rows there are with after < moment <= until."""
        span = self._slice(after, until)
        return int(span.stop - span.start)

    def _slice(self, after: datetime, until: datetime) -> slice:
        ends = [_microseconds(after), _microseconds(until)]
        return slice(*self._moments.searchsorted(ends, side="right").tolist())


def _microseconds(moment: datetime) -> int:
    return (moment - EPOCH) // timedelta(microseconds=1)


def _flight_event(row: Any) -> dict[str, Any]:
    if row.kind == "scheduled":
        return _schedule(row) | {
            "type": "scheduled",
            "flight_id": row.flight_id,
            "known_at": _text(row.known_at),
        }
    event = {"type": row.kind, "flight_id": row.flight_id, "known_at": _text(row.known_at)}
    if row.kind == "departed":
        return event | {"departed_at": _text(row.event_time), "delay_minutes": int(row.delay_minutes)}
    if row.kind == "arrived":
        air_time = None if pd.isna(row.air_time_minutes) else int(row.air_time_minutes)
        arrived = {"arrived_at": _text(row.event_time), "delay_minutes": int(row.delay_minutes)}
        return event | arrived | {"air_time_minutes": air_time}
    return event | {"at": _text(row.event_time)}


def _schedule(row: Any) -> dict[str, Any]:
    return {
        "carrier": row.carrier,
        "flight": int(row.flight_number),
        "origin": row.origin,
        "dest": row.dest,
        "scheduled_departure": _text(row.scheduled_departure),
        "scheduled_arrival": _text(row.scheduled_arrival),
    }


def _question(row: Any, lead: timedelta) -> dict[str, Any]:
    question = _schedule(row) | {"as_of": _text(row.scheduled_departure - lead)}
    # An identity that does not follow from the schedule alone: another leg of its number that day.
    return question | ({"flight_id": row.flight_id} if row.flight_id.count("-") > 2 else {})


def _weather(row: Any) -> dict[str, Any]:
    values = {name: getattr(row, name) for name in WEATHER_COLUMNS}
    return {
        "type": "weather",
        "airport": row.airport,
        "observed_at": _text(row.observed_at),
        "known_at": _text(row.known_at),
        **{name: float(value) for name, value in values.items() if not np.isnan(value)},
    }


def _text(moment: Any) -> str:
    return str(moment.strftime("%Y-%m-%dT%H:%M:%SZ"))
