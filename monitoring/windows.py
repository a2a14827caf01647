"""Which day a run monitors, what was known then, and which predictions stand for the day."""

from datetime import UTC, date, datetime, time, timedelta

import numpy as np
import numpy.typing as npt

from adapters.prediction_columns import PredictionColumns
from adapters.settings import settings
from domain import airports
from domain.flights import Ints
from domain.run_days import newest_due, run_lag

HEADLINE_LEAD = 60
LEAD_TOLERANCE = 30
HOURS = np.array([f"{hour:02d}" for hour in range(24)])


def run_moment(day: date) -> datetime:
    """Return the moment by whose knowledge a day is monitored.

    Examples
    --------
    >>> run_moment(date(2013, 4, 1)).isoformat()
    '2013-04-02T10:00:00+00:00'
    """
    return datetime.combine(day + timedelta(days=1), time(), UTC) + run_lag(settings().home_airport, day.year)


def last_complete_day(now: datetime) -> date:
    """Return the newest day whose run is due.

    Examples
    --------
    >>> last_complete_day(datetime(2013, 4, 2, 10, 0, tzinfo=UTC)).isoformat()
    '2013-04-01'
    """
    return newest_due(settings().home_airport, now)


def last_matured_day(now: datetime) -> date:
    """Return the newest day none of whose labels is still to come: an arrival a day overdue never comes."""
    return last_complete_day(now) - timedelta(days=1)


def trailing(day: date, days: int) -> tuple[date, date]:
    """Return the first and last of the `days` days that end with `day`."""
    return day - timedelta(days=days - 1), day


def headline(columns: PredictionColumns) -> Ints:
    """Return the rows that stand for their flights: of each flight the one prediction nearest to the headline lead.

    A flight asked about a thousand times counts once, and answers given minutes or a day before departure do not
    mix with those of an hour before. Equally near: the newest.

    Returns
    -------
    int64, shape (n_flights,)
        Rows in ascending order.
    """
    distance = np.abs(columns.lead_minutes - HEADLINE_LEAD)
    near = np.flatnonzero(distance <= LEAD_TOLERANCE)
    order = near[np.lexsort((-columns.as_of[near], distance[near], columns.flight_id[near]))]
    _, first = np.unique(columns.flight_id[order], return_index=True)
    return np.sort(order[first])


def day_numbers(columns: PredictionColumns) -> Ints:
    """Return the business day of each prediction, YYYYMMDD, shape (n,): the end of its flight's identity."""
    return np.array([int(name[-8:]) for name in columns.flight_id.tolist()], dtype=np.int64)


def local_hours(columns: PredictionColumns) -> npt.NDArray[np.str_]:
    """Return the hour of the scheduled departure by the clock at home, "00" to "23", shape (n,)."""
    names: npt.NDArray[np.str_] = HOURS[airports.local_hours(settings().home_airport, columns.sched_dep)]
    return names
