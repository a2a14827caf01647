"""What the replay tells the API and when, and which flights it asks about: from the dataset's events."""

from datetime import datetime, timedelta
from typing import Any

import numpy as np
import pandas as pd

from data.dataset import Dataset
from data.events import DatasetEvents
from domain.flights import WEATHER_COLUMNS

MAX_EVENTS = 5_000
MAX_FLIGHTS = 1_000


class Feed:
    """The dataset as a live source."""

    def __init__(self, dataset: Dataset):
        self._events: DatasetEvents = dataset.events
        flights = dataset.events.flight_events
        scheduled = flights[flights["kind"] == "scheduled"].sort_values("scheduled_departure")
        self._scheduled = scheduled.reset_index(drop=True)
        self._departures = self._scheduled["scheduled_departure"]

    def known_between(self, after: datetime, until: datetime) -> list[list[dict[str, Any]]]:
        """Events that became known in (after, until], as bodies of the API, in batches it takes."""
        events = self._events.between(after, until)
        bodies = [_flight_event(row) for row in events.flight_events.itertuples(index=False)]
        bodies += [_weather(row) for row in events.weather_events.itertuples(index=False)]
        return [bodies[i : i + MAX_EVENTS] for i in range(0, len(bodies), MAX_EVENTS)]

    def flights_between(
        self, after: datetime, until: datetime, lead: timedelta
    ) -> list[list[dict[str, Any]]]:
        """Flights to ask about in (after, until], `lead` before their departure, in batches."""
        moments = [pd.Timestamp(after + lead), pd.Timestamp(until + lead)]
        low, high = self._departures.searchsorted(moments, side="right")
        bodies = [_question(row, lead) for row in self._scheduled.iloc[low:high].itertuples(index=False)]
        return [bodies[i : i + MAX_FLIGHTS] for i in range(0, len(bodies), MAX_FLIGHTS)]


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
    return _schedule(row) | {"as_of": _text(row.scheduled_departure - lead)}


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
