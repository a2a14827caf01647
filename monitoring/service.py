"""How the service did: latency, how old the features were, what is in the log."""

from collections.abc import Sequence

import numpy as np

from adapters.prediction_log import PredictionColumns
from monitoring.measures import Measure

MINIMUM_NIGHTS = 4
QUANTILES = {"p50": 0.5, "p95": 0.95, "p99": 0.99}


def measure_service(
    predictions: PredictionColumns, scheduled: int, spool_bytes: int, before: Sequence[float] = ()
) -> list[Measure]:
    """Measure a night's service.

    Parameters
    ----------
    scheduled : int
        Flights that were on the schedule of that day.
    spool_bytes : int
        Predictions that wait to be stored.
    before : sequence of float
        Numbers of predictions of the nights before.
    """
    n = len(predictions)
    measures = [
        Measure("predictions", float(n), n=n),
        Measure("schedule_coverage", n / scheduled if scheduled else float("nan"), n=scheduled),
        Measure("spool_bytes", float(spool_bytes)),
        Measure("request_ratio", _over_usual(n, before), n=n),
    ]
    if n:
        age = predictions.as_of - predictions.state_tick
        quantiles = np.quantile(predictions.latency_us, list(QUANTILES.values()))
        measures += [
            Measure(f"latency_us_{name}", float(value), n=n)
            for name, value in zip(QUANTILES, quantiles, strict=True)
        ]
        measures.append(Measure("feature_age_minutes_max", float(age.max()), n=n))
    return measures


def _over_usual(n: int, before: Sequence[float]) -> float:
    """Give the night's requests over the median of the nights before that had any."""
    usual = [count for count in before if count > 0]
    return n / float(np.median(usual)) if len(usual) >= MINIMUM_NIGHTS else float("nan")
