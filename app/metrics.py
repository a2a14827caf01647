"""Counters for Prometheus, summed over the workers through files."""

from collections.abc import Sequence
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

METHODS = frozenset(("GET", "HEAD", "OPTIONS", "POST", "PUT", "PATCH", "DELETE"))
BUCKETS = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0)


class Metrics:
    """What the API counts."""

    def __init__(self) -> None:
        self._requests = Counter("ontime_requests_total", "Requests", ["route", "method", "status"])
        self._seconds = Histogram("ontime_request_seconds", "Time to answer", ["route"], buckets=BUCKETS)
        self._predictions = Counter("ontime_predictions_total", "Predictions acknowledged", ["model_version"])
        self._age = Histogram(
            "ontime_feature_age_seconds",
            "Age of the state a prediction saw",
            buckets=(60, 300, 600, 900, 3600),
        )
        self._version = Gauge(
            "ontime_model_version", "Version that each live worker serves", multiprocess_mode="liveall"
        )
        self._tick = Gauge(
            "ontime_state_tick_minutes", "Newest state, minutes since 1970", multiprocess_mode="max"
        )
        self._spool = Gauge("ontime_spool_bytes", "Bytes in the spool", multiprocess_mode="mostrecent")

    def request(self, route: str, method: str, status: int, seconds: float) -> None:
        """Count a request."""
        # Clients may invent methods; each label's value is a counter kept for good.
        method = method if method in METHODS else "other"
        self._requests.labels(route, method, str(status)).inc()
        self._seconds.labels(route).observe(seconds)

    def predicted(self, answers: Sequence[dict[str, Any]]) -> None:
        """Count acknowledged predictions; those of one request come from one model."""
        if not answers:
            return
        self._predictions.labels(str(answers[0]["model"]["version"])).inc(len(answers))
        for answer in answers:
            self._age.observe(answer["features"]["age_seconds"])

    def serves(self, version: int) -> None:
        """Note the version that this worker serves; for its own thread, whichever worker is scraped."""
        self._version.set(version)

    def observe_state(self, tick: int | None, spool_bytes: int) -> None:
        """Note the newest state and the spool's size."""
        if tick is not None:
            self._tick.set(tick)
        self._spool.set(spool_bytes)

    def render(self) -> bytes:
        """Return all counters as text; over all workers where they share a folder."""
        if values.ValueClass is values.MutexValue:
            return generate_latest()
        registry = CollectorRegistry()
        multiprocess.MultiProcessCollector(registry)
        return generate_latest(registry)


METRICS = Metrics()
