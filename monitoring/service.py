"""How the service did: latency, how old the features were, what is in the log."""

from collections.abc import Sequence

import numpy as np

from adapters.prediction_sample import WindowTotals
from adapters.service_store import ServiceDay
from monitoring.measures import Measure

MINIMUM_DAYS = 4
QUANTILES = {"p50": 0.5, "p95": 0.95, "p99": 0.99}


def measure_service(
    totals: WindowTotals, flights: int, scheduled: int, spool_bytes: int, before: Sequence[float] = ()
) -> list[Measure]:
    """Measure a day's service.

    Parameters
    ----------
    flights : int
        Flights that were asked about.
    scheduled : int
        Flights that were on the schedule of that day.
    spool_bytes : int
        Predictions that wait to be stored.
    before : sequence of float
        Numbers of predictions of the days before.
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


def measure_requests(day: ServiceDay) -> list[Measure]:
    """Measure how many requests failed (5xx), were shed (503) or refused (4xx), and the throughput.

    Of what reached a worker: what the proxy in front answered by itself is not counted.
    """
    n = day.requests
    measures = [Measure("requests", float(n), n=n)]
    if n:
        measures += [
            Measure("error_rate", day.failed / n, n=n),
            Measure("shed_rate", day.shed / n, n=n),
            Measure("refused_rate", day.refused / n, n=n),
            Measure("requests_a_minute_mean", n / day.minutes, n=day.minutes),
            Measure("requests_a_minute_max", float(day.most_a_minute), n=day.minutes),
        ]
    return measures


def measure_log(acknowledged: int | None, unshipped: int | None, logged: int) -> list[Measure]:
    """Hold the predictions that were acknowledged against those in the log.

    Parameters
    ----------
    acknowledged : int or None
        Counted by the workers; None where nobody counted.
    unshipped : int or None
        Bytes of the spool that are not in the log, looked at after the count and before the log; None where the
        spool cannot be seen. While there are any, a prediction may be on its way: nothing is said about the log.
    logged : int
        Rows of the log. The same prediction cannot be there twice, by the log's key. More rows than were
        acknowledged are those of workers killed before they stored their counts.
    """
    measures = []
    if acknowledged is not None:
        measures.append(Measure("acknowledged", float(acknowledged), n=acknowledged))
    if unshipped is not None:
        measures.append(Measure("unshipped_bytes", float(unshipped)))
    if acknowledged is not None and unshipped == 0:
        measures += [
            Measure("log_missing", float(max(acknowledged - logged, 0)), n=acknowledged),
            Measure("log_surplus", float(max(logged - acknowledged, 0)), n=acknowledged),
        ]
    return measures


def _over_usual(n: int, before: Sequence[float]) -> float:
    """Return the day's requests over the median of the days before that had any."""
    usual = [count for count in before if count > 0]
    return n / float(np.median(usual)) if len(usual) >= MINIMUM_DAYS else float("nan")
