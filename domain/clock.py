"""Time as a value: UTC instants, minutes since the epoch, and the stack's one clock.

Inside the domain an instant is an int64 count of minutes since 1970-01-01T00:00Z: schedules have no seconds,
and integers compare and add exactly. Outside it is an aware `datetime` in UTC.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Literal

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MINUTE = timedelta(minutes=1)
NEVER = 2**62
"""The minute of something that has not happened: later than any `as_of`."""

ClockMode = Literal["system", "simulated"]


@dataclass(frozen=True)
class ClockReading:
    """What the stack's clock says, and whether it is the real time or a replayed moment."""

    now: datetime
    mode: ClockMode


def minute_floor(moment: datetime) -> int:
    """Return the whole minutes since the epoch, rounded down.

    Raises
    ------
    ValueError
        If `moment` has no time zone.

    Examples
    --------
    >>> minute_floor(datetime(1970, 1, 1, 1, 0, 59, tzinfo=UTC))
    60
    """
    if moment.tzinfo is None:
        raise ValueError("expected a datetime with a time zone")
    return (moment - EPOCH) // _MINUTE


def from_minute(minute: int) -> datetime:
    """Return UTC instant of a minute since the epoch.

    Examples
    --------
    >>> from_minute(60).isoformat()
    '1970-01-01T01:00:00+00:00'
    """
    return EPOCH + timedelta(minutes=int(minute))
