"""A day of three flights and an hour of weather, as the dataset would hold them."""

from datetime import UTC, date, datetime
from typing import Any

from data.dataset import Dataset
from data.events import events_of
from data.nycflights13 import clean
from tests.data.raw import frame, raw_flight, raw_weather

DAY = date(2013, 4, 11)


def utc(day: int, hour: int, minute: int = 0) -> datetime:
    return datetime(2013, 4, day, hour, minute, tzinfo=UTC)


def dataset() -> Dataset:
    """Three flights of 11 April: at 11:00 and 13:00 (five minutes late each), and at 18:00, cancelled."""
    never = dict.fromkeys(("dep_time", "dep_delay", "arr_time", "arr_delay", "air_time"))
    flights = [
        raw_flight(),
        raw_flight(
            flight=2, sched_dep_time=1300, dep_time=1310.0, hour=13, sched_arr_time=1550, arr_time=1555.0,
            time_hour="2013-04-11T17:00:00Z",
        ),
        raw_flight(
            flight=3, sched_dep_time=1800, hour=18, sched_arr_time=2050, time_hour="2013-04-11T22:00:00Z", **never
        ),
    ]  # fmt: skip
    return world_of(flights)


def world_of(flights: list[dict[str, Any]]) -> Dataset:
    """Flights, and an hour of weather."""
    cleaned = clean(frame(flights), frame([raw_weather()]))
    return Dataset(events_of(cleaned), cleaned.report.as_dict())
