"""When a day at home is over and its monitoring run is due."""

from datetime import UTC, date, datetime, timedelta

from domain import airports

RUN_AT = timedelta(hours=5)
"""After midnight of standard time at home, 10:00 UTC in New York all year: a day's last flights have landed."""
GRACE = timedelta(hours=2)
"""After which a run is overdue, by the stack's clock: it takes a while, and may wait for another."""


def run_lag(home: str, year: int) -> timedelta:
    """Return how long after midnight UTC a home airport's day before is monitored; negative far in the east.

    Examples
    --------
    >>> str(run_lag("HNL", 2013)), run_lag("AKL", 2013) == -timedelta(hours=7)
    ('15:00:00', True)
    """
    return RUN_AT - timedelta(minutes=airports.standard_minutes(home, year))


def newest_due(home: str, now: datetime) -> date:
    """Return the newest day of a home airport whose run is due.

    Examples
    --------
    >>> newest_due("JFK", datetime(2013, 4, 2, 10, 0, tzinfo=UTC)).isoformat()
    '2013-04-01'
    >>> newest_due("JFK", datetime(2013, 4, 2, 9, 59, tzinfo=UTC)).isoformat()
    '2013-03-31'
    """
    moment = now.astimezone(UTC)
    return (moment - run_lag(home, moment.year)).date() - timedelta(days=1)
