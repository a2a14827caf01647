"""The quality of a day's feeds, flights, weather and labels: faults that one day is enough to find."""

from dataclasses import dataclass
from datetime import date, datetime

import numpy as np

from domain.clock import minute_floor
from domain.flights import FlightFacts, Strings, WeatherFacts
from monitoring.measures import Measure
from monitoring.traffic_quality import OVERDUE_MINUTES, TRAILING_DAYS, TrafficDays, measure_traffic, positions
from monitoring.weather_quality import measure_weather

__all__ = ["TRAILING_DAYS", "DayQuality", "measure_quality"]


@dataclass(frozen=True)
class DayQuality:
    """Measures of a day's feeds, and how many flights its schedule had."""

    measures: list[Measure]
    scheduled: int


def measure_quality(
    flights: FlightFacts,
    weather: WeatherFacts,
    labelled: Strings,
    day: date,
    as_of: datetime,
    heard: datetime | None = None,
) -> DayQuality:
    """Measure a day by what was known at `as_of`.

    Parameters
    ----------
    flights, weather : FlightFacts, WeatherFacts
        Of the day and of the `TRAILING_DAYS` before it.
    labelled : array of str, shape (n_labels,)
        Flights of the day that have a label.
    heard : datetime, optional
        When the newest fact of a flight became known, however long ago.
    """
    days = TrafficDays(flights, positions(flights, day))
    measures = [
        *measure_weather(weather, as_of),
        *measure_traffic(days, as_of, heard),
        _labels(days, labelled, minute_floor(as_of)),
    ]
    return DayQuality(measures, int(days.today.sum()))


def _labels(days: TrafficDays, labelled: Strings, now: int) -> Measure:
    """Return the share of the day's flights that should have a label by now and have none."""
    flights = days.flights
    due = days.today & (flights.cancelled_known > now) & (flights.sched_arr + OVERDUE_MINUTES <= now)
    missing = ~np.isin(flights.flight_id[due], labelled)
    return Measure(
        "labels_missing_share", float(missing.mean()) if due.any() else float("nan"), n=int(due.sum())
    )
