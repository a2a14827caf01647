"""Counts what a worker answers, once, in memory; a thread of its own adds it to Prometheus' counters and stores it.

A request adds to plain integers under a lock: it waits for no file and no database.
"""

import logging
import secrets
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable
from datetime import UTC, date, datetime

from adapters.service_store import Kind, ServiceCount, ServiceStore
from adapters.settings import settings
from app.metrics import AGE_BUCKETS, BUCKETS, METRICS, Metrics, Spread
from domain.airports import local_day
from domain.clock import ClockReading, minute_floor

logger = logging.getLogger(__name__)
COUNTED = "/v1/"
"""Health checks and scrapes would dilute the rates."""
METHODS = frozenset(("GET", "HEAD", "OPTIONS", "POST", "PUT", "PATCH", "DELETE"))
LONGEST_WAIT_SECONDS = 15.0
"""Of counts under steady load, before they are stored."""


class Counts:
    """What was counted since the thread looked last."""

    def __init__(self) -> None:
        self.requests: dict[tuple[int, date | None, str, str, int], Spread] = {}
        """Seconds to answer, by minute, local day, route, method and status."""
        self.predictions: Counter[tuple[int, str, int]] = Counter()
        """By minute, the flight's local day as YYYYMMDD, and model version."""
        self.ages = Spread(AGE_BUCKETS)
        """Of the states that predictions saw, in seconds."""


class ServiceCounter:
    """One worker's counts."""

    def __init__(
        self,
        store: ServiceStore,
        last_known: Callable[[], ClockReading | None],
        now: Callable[[], ClockReading],
        metrics: Metrics = METRICS,
    ):
        self._store = store
        self._last_known = last_known
        self._now = now
        self._metrics = metrics
        self._lock = threading.Lock()
        self._counts = Counts()
        self._sending = threading.Lock()
        self._by_kind: Counter[tuple[int, date | None, Kind]] = Counter()
        self._worker = secrets.token_hex(8)
        self._batch = 0
        self._unsent: list[ServiceCount] = []
        self._seen = 0
        self._stored_at = time.monotonic()
        self._today: tuple[int, date] | None = None

    def request(self, route: str, method: str, status: int, seconds: float, times: int = 1) -> None:
        """Count a request, or some that went alike."""
        # Clients may invent methods; each label's value is a counter kept for good.
        method = method if method in METHODS else "other"
        # Before the clock was ever read the day stays open until the counts are stored: nothing is asked here.
        reading = self._last_known()
        key = int(time.time()) // 60, self._day(reading) if reading else None, route, method, status
        with self._lock:
            spread = self._counts.requests.get(key)
            if spread is None:
                spread = self._counts.requests[key] = Spread(BUCKETS)
            spread.add(seconds, times)

    def predicted(self, version: int, flights: Iterable[tuple[str, int]]) -> None:
        """Count predictions of one version that are in the spool.

        Parameters
        ----------
        flights : iterable of tuple of str and int
            Each flight's identity, which ends with its local day, and the age of the state it saw, in seconds.
        """
        minute = int(time.time()) // 60
        # Those of a batch are of a day or two, and saw a state or two.
        alike = Counter([(flight_id[-8:], age) for flight_id, age in flights])
        with self._lock:
            counts = self._counts
            for (day, age), times in alike.items():
                counts.predictions[minute, day, version] += times
                counts.ages.add(age, times)

    def collect(self) -> None:
        """Add what was counted since the last time to Prometheus' counters, and to what will be stored."""
        with self._lock:
            counts, self._counts = self._counts, Counts()
            for (minute, day, route, _, status), seconds in counts.requests.items():
                if route.startswith(COUNTED):
                    self._by_kind[minute, day, _kind(status)] += sum(seconds.buckets)
            versions: Counter[int] = Counter()
            for (minute, name, version), count in counts.predictions.items():
                self._by_kind[minute, _date(name), "predicted"] += count
                versions[version] += count
        for (_, _, route, method, status), seconds in counts.requests.items():
            self._metrics.add_requests(route, method, status, seconds)
        self._metrics.add_predictions(versions, counts.ages)

    def settle(self) -> None:
        """Store the counts once nothing was counted since the last call, or when they have waited; raises as `flush`.

        Seldom under load, so that rows are few, and soon after it, so that the monitoring run finds them.
        """
        self.collect()
        with self._lock:
            total = self._by_kind.total()
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
        self.collect()
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

    def _take(self) -> list[ServiceCount]:
        with self._lock:
            if not self._by_kind:
                return []
        today = self._day(self._now())
        with self._lock:
            counts, self._by_kind = self._by_kind, Counter()
        dated: Counter[tuple[int, date, Kind]] = Counter()
        for (minute, day, kind), count in counts.items():
            dated[minute, day or today, kind] += count
        return [
            ServiceCount(datetime.fromtimestamp(minute * 60, UTC), day, kind, count)
            for (minute, day, kind), count in sorted(dated.items())
        ]

    def _day(self, reading: ClockReading) -> date:
        """Return the local day of a moment; worked out once a quarter of an hour, at which any zone's days begin."""
        quarter, known = minute_floor(reading.now) // 15, self._today
        if known is None or known[0] != quarter:
            known = self._today = quarter, local_day(settings().home_airport, quarter * 15)
        return known[1]


def _date(text: str) -> date:
    return date(int(text[:4]), int(text[4:6]), int(text[6:]))


def _kind(status: int) -> Kind:
    if status < 400:
        return "answered"
    if status < 500:
        return "refused"
    return "shed" if status == 503 else "failed"
