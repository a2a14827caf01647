"""How good a day's predictions were, by labels that are in; and how good they should be, before any is."""

import math
from collections.abc import Sequence

import numpy as np

from adapters.prediction_columns import PredictionColumns
from domain.bootstrap import MINIMUM_BLOCKS, bootstrap, percentile_interval
from domain.evidence import EvidencePolicy, change_evidence, taken_together
from domain.flights import Floats, Ints
from domain.metrics import METRICS, Labels, estimated, log_loss_gap, summary
from domain.monitored import ALL
from monitoring.intervals import headline_intervals
from monitoring.measures import Measure
from monitoring.windows import day_numbers, local_hours

MINIMUM_SLICE_ROWS = 50
PERFORMANCE_DAYS = 28
"""Days over which the evidence of a worse model is gathered."""
PERFORMANCE = EvidencePolicy(
    margin=0.01,
    clip=0.25,
    typical_deviation=0.07,
    typical_days=28,
    horizon_days=7,
    alpha=0.01,
    minimum_rows=200,
)
"""Of the realised less the expected log-loss of a day, in nats: it scatters by 0.07 with the weather; of fewer than
about a hundred flights by more, of chance alone, and the rate would not hold."""
PLAIN = ("average_precision", "late_rate")
"""Measured overall, without an interval."""
WINDOW = ("auc", "log_loss")


def measure_realised(predictions: PredictionColumns) -> list[Measure]:
    """Return the realised performance on predictions whose label is known, overall and by origin, carrier and hour.

    AUC, log-loss, Brier score and calibration error come with intervals from a bootstrap over the day's hours; the
    slice of an hour is a single block and has none.
    """
    labelled = ~np.isnan(predictions.is_late)
    coverage = float(labelled.mean()) if len(labelled) else math.nan
    measures = [Measure("label_coverage", coverage, n=len(labelled))]
    late, p = predictions.is_late[labelled] == 1, predictions.probability[labelled]
    if not len(late):
        return measures
    found, hours = summary(late, p), predictions.sched_dep[labelled] // 60
    measures += _headline(late, p, hours, ALL)
    measures += [Measure(f"realised_{name}", found[name], n=len(late)) for name in PLAIN]
    # A hard day is one on which a good model loses much too: what counts is the loss beyond what it expected.
    measures.append(Measure("log_loss_gap", log_loss_gap(late, p), n=len(late)))
    measures.append(Measure("late_rate_gap", float(late.mean() - p.mean()), n=len(late)))
    for kind, names in (
        ("origin", predictions.origin),
        ("carrier", predictions.carrier),
        ("hour", local_hours(predictions)),
    ):
        of = names[labelled]
        for name in np.unique(of):
            rows = of == name
            if rows.sum() >= MINIMUM_SLICE_ROWS:
                measures += _headline(late[rows], p[rows], hours[rows], f"{kind}={name}")
    return measures


def _headline(late: Labels, p: Floats, hours: Ints, where: str) -> list[Measure]:
    return [
        Measure(f"realised_{name}", found.value, where, found.low, found.high, len(late))
        for name, found in headline_intervals(late, p, hours).items()
    ]


def measure_evidence(gaps: Sequence[tuple[int, float]]) -> list[Measure]:
    """Return the evidence that the model has begun to lose more than it expects.

    Parameters
    ----------
    gaps : sequence of (int, float)
        Labelled flights and `log_loss_gap` of the newest days, oldest first; what is not finite is passed over.
    """
    known = [(n, gap) for n, gap in gaps[-PERFORMANCE_DAYS:] if math.isfinite(gap)]
    steps = taken_together(known, PERFORMANCE.minimum_rows)
    return [Measure("performance_evidence", change_evidence(steps, PERFORMANCE), n=len(steps))]


def measure_estimated(predictions: PredictionColumns) -> list[Measure]:
    """Return the performance to expect of calibrated probabilities: of all flights, and of those whose label came.

    Cancelled and diverted flights get none: only the second can be compared with what is realised.
    """
    labelled = predictions.probability[~np.isnan(predictions.is_late)]
    return [
        *_expected("estimated", predictions.probability),
        *(_expected("estimated_labelled", labelled) if len(labelled) else []),
    ]


def _expected(kind: str, p: Floats) -> list[Measure]:
    return [Measure(f"{kind}_{name}", value, n=len(p)) for name, value in estimated(p).items()]


def measure_window(predictions: PredictionColumns) -> list[Measure]:
    """Return the realised performance over a window of days, with intervals from a bootstrap over days.

    Of too few days there is a value and no interval.
    """
    labelled = ~np.isnan(predictions.is_late)
    late, p = predictions.is_late[labelled] == 1, predictions.probability[labelled]
    days = day_numbers(predictions)[labelled]
    n_days = len(np.unique(days))
    if n_days < 2:
        return []
    measures = []
    drawn = bootstrap(late, p, days, WINDOW) if n_days >= MINIMUM_BLOCKS else {}
    for name in WINDOW:
        low, high = percentile_interval(drawn[name]) if name in drawn else (None, None)
        measures.append(Measure(f"window_{name}", METRICS[name](late, p), low=low, high=high, n=len(late)))
    return measures


def parity_mismatches(logged: Floats, recomputed: Floats) -> int:
    """Return the rows whose logged vector differs from the recomputed one in any bit."""
    if logged.shape != recomputed.shape:
        return len(logged)
    return int((logged.view(np.int64) != recomputed.view(np.int64)).any(axis=1).sum())
