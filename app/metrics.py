"""Counters for Prometheus, summed over the workers through files; the thread that collects counts adds to them."""

import os
from bisect import bisect_left
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    generate_latest,
    multiprocess,
    values,
)

from app.dead_workers import undisturbed

BUCKETS = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0)
PREDICTIONS = "/v1/predictions"
AGE_BUCKETS = (60.0, 300.0, 600.0, 900.0, 3600.0)


class Spread:
    """How many values fell into each bucket, and their sum: a histogram's share of a moment."""

    __slots__ = ("_bounds", "buckets", "total")

    def __init__(self, bounds: tuple[float, ...]):
        self._bounds = bounds
        self.buckets = [0] * (len(bounds) + 1)
        self.total = 0.0

    def add(self, value: float, times: int = 1) -> None:
        """Count a value."""
        self.buckets[bisect_left(self._bounds, value)] += times
        self.total += value * times


class BulkHistogram(Histogram):
    """A histogram that takes many values at once, already sorted into its buckets."""

    def add(self, spread: Spread) -> None:
        """Add what a spread counted; its bounds are this histogram's."""
        self._sum.inc(spread.total)
        for bucket, times in zip(self._buckets, spread.buckets, strict=True):
            if times:
                bucket.inc(times)


class Metrics:
    """What the API counts."""

    def __init__(self) -> None:
        self._requests = Counter("ontime_requests_total", "Requests", ["route", "method", "status"])
        self._seconds = BulkHistogram("ontime_request_seconds", "Time to answer", ["route"], buckets=BUCKETS)
        self._predictions = Counter("ontime_predictions_total", "Predictions acknowledged", ["model_version"])
        self._age = BulkHistogram(
            "ontime_feature_age_seconds", "Age of the state a prediction saw", buckets=AGE_BUCKETS
        )
        self._version = Gauge(
            "ontime_model_version", "Version that each live worker serves", multiprocess_mode="liveall"
        )
        self._tick = Gauge(
            "ontime_state_tick_minutes", "Newest state, minutes since 1970", multiprocess_mode="max"
        )
        self._state_age = Gauge(
            "ontime_state_age_seconds",
            "Age of the newest state, by the stack's clock",
            multiprocess_mode="mostrecent",
        )
        self._latency = Gauge(
            "ontime_latency_us",
            "Mean microseconds to answer a prediction, by live worker, when it was last asked",
            multiprocess_mode="liveall",
        )
        self._unshipped = Gauge(
            "ontime_unshipped_bytes",
            "Bytes of the spool that are not stored yet",
            multiprocess_mode="mostrecent",
        )
        self._oldest_line = Gauge(
            "ontime_oldest_line_seconds",
            "How long the oldest line that is not stored has been seen to wait",
            multiprocess_mode="mostrecent",
        )
        self._refused = Gauge(
            "ontime_refused_lines",
            "Lines that PostgreSQL refused, set aside",
            multiprocess_mode="mostrecent",
        )
        self._spool = Gauge("ontime_spool_bytes", "Bytes in the spool", multiprocess_mode="mostrecent")

    def add_requests(self, route: str, method: str, status: int, seconds: Spread) -> None:
        """Add requests of one kind."""
        self._requests.labels(route, method, str(status)).inc(sum(seconds.buckets))
        self._seconds.labels(route).add(seconds)
        if route == PREDICTIONS and method == "POST" and seconds.total:
            self._latency.set(1e6 * seconds.total / sum(seconds.buckets))

    def add_predictions(self, by_version: Mapping[int, int], ages: Spread) -> None:
        """Add acknowledged predictions and the ages of the states they saw, in seconds."""
        for version, count in by_version.items():
            self._predictions.labels(str(version)).inc(count)
        self._age.add(ages)

    def serves(self, version: int) -> None:
        """Note the version that this worker serves; for its own thread, whichever worker is scraped."""
        self._version.set(version)

    def observe_state(self, tick: int | None, age_seconds: float | None, spool_bytes: int) -> None:
        """Note the newest state, its age, and the spool's size."""
        if tick is not None:
            self._tick.set(tick)
        if age_seconds is not None:
            self._state_age.set(age_seconds)
        self._spool.set(spool_bytes)

    def observe_unshipped(self, size: int, oldest_seconds: float, refused: int) -> None:
        """Note what of the spool is not stored, in bytes, since when, and how many lines never will be."""
        self._unshipped.set(size)
        self._oldest_line.set(oldest_seconds)
        self._refused.set(refused)

    def render(self) -> bytes:
        """Return all counters as text; over all workers where they share a folder."""
        if values.ValueClass is values.MutexValue:
            return generate_latest()
        registry: Any = CollectorRegistry()
        multiprocess.MultiProcessCollector(registry)
        with undisturbed(Path(os.environ["PROMETHEUS_MULTIPROC_DIR"])):
            return generate_latest(registry)


METRICS = Metrics()
