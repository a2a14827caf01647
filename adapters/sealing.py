"""The discipline between sealing a tick and appending events, which makes every stored state recomputable.

Whoever appends holds the lock shared, until the commit; whoever seals holds it alone. So when a tick is sealed, every
event numbered so far is committed, and every event numbered later sees the seal and becomes known after it.
Hence also: the events numbered above the last ones seen, up to the watermark of a seal, are all there are.
"""

from dataclasses import dataclass
from datetime import timedelta

from adapters.postgres import Cursor, query
from domain.clock import from_minute
from domain.features.state import LOOKBACK_MINUTES

SEAL_LOCK = 715_002
LOADING_LOCK = 715_003
REACH = timedelta(minutes=LOOKBACK_MINUTES) + timedelta(days=31)
"""No state uses an event this much older than its tick; a month more, because a flight may be cancelled early.

So a history may be loaded long after the fact: it becomes known when it says, because no sealed tick looked for it.
"""


@dataclass(frozen=True)
class Watermark:
    """The highest numbers of flight and weather events when a tick was sealed."""

    flight_event: int
    weather_event: int


def share_seal(cursor: Cursor) -> None:
    """Take the lock of those who append, until the end of the transaction; before any other statement."""
    cursor.execute("SELECT pg_advisory_xact_lock_shared(%s)", [SEAL_LOCK])


def seal(cursor: Cursor, tick: int) -> Watermark | None:
    """Seal a tick: from now on events become known after it.

    Parameters
    ----------
    cursor : Cursor
        In a transaction of its own, to be committed at once.
    tick : int
        Minutes since the epoch.

    Returns
    -------
    Watermark or None
        None while a history is being loaded: the tick is not sealed then.
    """
    cursor.execute("SELECT pg_try_advisory_xact_lock_shared(%s)", [LOADING_LOCK])
    if cursor.fetchone() == (False,):
        return None
    cursor.execute("SELECT pg_advisory_xact_lock(%s)", [SEAL_LOCK])
    cursor.execute(query("seal_tick"), {"tick": from_minute(tick)})
    row = cursor.fetchone()
    assert row is not None  # noqa: S101  an aggregate without groups has one row
    return Watermark(*row)
