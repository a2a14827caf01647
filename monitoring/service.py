"""How the service did: latency, how old the features were, what is in the log."""

from collections.abc import Sequence

import numpy as np

from adapters.prediction_sample import WindowTotals
from monitoring.measures import Measure

MINIMUM_NIGHTS = 4
QUANTILES = {"p50": 0.5, "p95": 0.95, "p99": 0.99}


def measure_service(
    totals: WindowTotals, flights: int, scheduled: int, spool_bytes: int, before: Sequence[float] = ()
) -> list[Measure]:
    """Measure a night's service.

    Parameters
    ----------
    flights : int
        Flights that were asked about.
    scheduled : int
        Flights that were on the schedule of that day.
    spool_bytes : int
        Predictions that wait to be stored.
    before : sequence of float
        Numbers of predictions of the nights before.
    """
    n = totals.predictions
    measures = [
        Measure("predictions", float(n), n=n),
        Measure("schedule_coverage", flights / scheduled if scheduled else float("nan"), n=scheduled),
        Measure("spool_bytes", float(spool_bytes)),
        Measure("request_ratio", _over_usual(n, before), n=n),
    ]
    if n:
        measures += [
            Measure(f"latency_us_{name}", totals.latency_quantile(share), n=n)
            for name, share in QUANTILES.items()
        ]
        measures.append(Measure("feature_age_minutes_max", totals.oldest_state_minutes, n=n))
    return measures


def _over_usual(n: int, before: Sequence[float]) -> float:
    """Give the night's requests over the median of the nights before that had any."""
    usual = [count for count in before if count > 0]
    return n / float(np.median(usual)) if len(usual) >= MINIMUM_NIGHTS else float("nan")
