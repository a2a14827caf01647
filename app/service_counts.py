"""Counts what a worker answers, in memory; a thread of its own stores the counts. No request waits for PostgreSQL."""

import logging
import secrets
import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime
from typing import Any

from adapters.service_store import Kind, ServiceCount, ServiceStore
from adapters.settings import settings
from domain.airports import local_day
from domain.clock import ClockReading, minute_floor

logger = logging.getLogger(__name__)
COUNTED = "/v1/"
"""Health checks and scrapes would dilute the rates."""
LONGEST_WAIT_SECONDS = 15.0
"""Of counts under steady load, before they are stored."""


class ServiceCounter:
    """One worker's counts."""

    def __init__(
        self,
        store: ServiceStore,
        last_known: Callable[[], ClockReading | None],
        now: Callable[[], ClockReading],
    ):
        self._store = store
        self._last_known = last_known
        self._now = now
        self._lock = threading.Lock()
        self._sending = threading.Lock()
        self._counts: Counter[tuple[int, date | None, Kind]] = Counter()
        self._worker = secrets.token_hex(8)
        self._batch = 0
        self._unsent: list[ServiceCount] = []
        self._seen = 0
        self._stored_at = time.monotonic()
        self._today: tuple[int, date] | None = None

    def request(self, route: str, status: int) -> None:
        """Count a request."""
        if route.startswith(COUNTED):
            # Before the clock was ever read the day stays open until the counts are stored: nothing is asked here.
            reading = self._last_known()
            self._add(self._day(reading) if reading else None, _kind(status), 1)

    def predicted(self, answers: Sequence[dict[str, Any]]) -> None:
        """Count predictions that are in the spool, by the local day of their flights."""
        for name, count in Counter(answer["flight_id"][-8:] for answer in answers).items():
            self._add(_date(name), "predicted", count)

    def settle(self) -> None:
        """Store the counts once nothing was counted since the last call, or when they have waited; raises as `flush`.

        Seldom under load, so that rows are few, and soon after it, so that the monitoring run finds them.
        """
        with self._lock:
            total = self._counts.total()
        quiet, self._seen = total == self._seen, total
        if quiet or time.monotonic() - self._stored_at > LONGEST_WAIT_SECONDS:
            self.flush()

    def flush(self) -> None:
        """Store what was counted since the last time.

        Raises
        ------
        NotReady
            If PostgreSQL is away; what was counted is kept, and stored once later.
        """
        with self._sending:
            if not self._unsent:
                self._unsent = self._take()
            if self._unsent:
                # The same batch until it is known to be stored: a commit whose answer was lost counts once.
                self._store.save(self._worker, self._batch, self._unsent)
                self._unsent, self._batch = [], self._batch + 1
            self._stored_at = time.monotonic()

    def close(self) -> None:
        """Store the rest, where that can be done: twice, as an older batch may still have waited."""
        try:
            self.flush()
            self.flush()
        except Exception as error:  # a worker that ends has nobody to tell
            logger.warning("the last counts are lost", extra={"reason": str(error)})

    def _add(self, day: date | None, kind: Kind, count: int) -> None:
        with self._lock:
            self._counts[int(time.time()) // 60, day, kind] += count

    def _take(self) -> list[ServiceCount]:
        with self._lock:
            if not self._counts:
                return []
        today = self._day(self._now())
        with self._lock:
            counts, self._counts = self._counts, Counter()
        dated: Counter[tuple[int, date, Kind]] = Counter()
        for (minute, day, kind), count in counts.items():
            dated[minute, day or today, kind] += count
        return [
            ServiceCount(datetime.fromtimestamp(minute * 60, UTC), day, kind, count)
            for (minute, day, kind), count in sorted(dated.items())
        ]

    def _day(self, reading: ClockReading) -> date:
        """Return the local day of a moment; worked out once an hour."""
        hour, known = minute_floor(reading.now) // 60, self._today
        if known is None or known[0] != hour:
            known = self._today = hour, local_day(settings().home_airport, hour * 60)
        return known[1]


def _date(text: str) -> date:
    return date(int(text[:4]), int(text[4:6]), int(text[6:]))


def _kind(status: int) -> Kind:
    if status < 400:
        return "answered"
    if status < 500:
        return "refused"
    return "shed" if status == 503 else "failed"
