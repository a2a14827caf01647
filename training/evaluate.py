"""How good a model is on days after its training: by lead, airport, carrier, hour and month."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from domain.bootstrap import bootstrap, percentile_interval
from domain.flights import Floats
from domain.metrics import by_slice, reliability, summary
from training.baselines import departure_hours
from training.training_set import HEADLINE_LEAD, TrainingSet


@dataclass(frozen=True)
class Evaluation:
    """Quality on one stretch of days."""

    headline: dict[str, float]
    """At the headline lead; `auc_low`, `auc_high`, `log_loss_low` and `log_loss_high` by day bootstrap."""
    by_lead: dict[str, dict[str, float]]
    slices: dict[str, dict[str, dict[str, float]]]
    """Of the headline lead: slice kind, then name."""
    baselines: dict[str, dict[str, float]]
    reliability: dict[str, list[float]]

    def as_dict(self) -> dict[str, Any]:
        """Return everything as plain values."""
        return dict(vars(self))


def evaluate(rows: TrainingSet, probability: Floats, baselines: dict[str, Floats]) -> Evaluation:
    """Evaluate probabilities of shape (n,) on a training set's rows, and baselines beside them."""
    headline = rows.lead == HEADLINE_LEAD
    late, p, subset = rows.y[headline], probability[headline], rows.take(headline)
    table = reliability(late, p)
    return Evaluation(
        headline=summary(late, p) | _intervals(subset, p),
        by_lead=by_slice(rows.y, probability, rows.lead),
        slices={
            "origin": by_slice(late, p, subset.origin),
            "carrier": by_slice(late, p, subset.carrier),
            "hour": by_slice(late, p, departure_hours(subset)),
            "month": by_slice(late, p, subset.day // 100),
        },
        baselines={name: summary(late, b[headline]) for name, b in baselines.items()},
        reliability={
            "predicted": table.predicted.tolist(),
            "observed": table.observed.tolist(),
            "count": table.count.astype(np.float64).tolist(),
        },
    )


def _intervals(rows: TrainingSet, probability: Floats) -> dict[str, float]:
    bounds: dict[str, float] = {}
    for name, drawn in bootstrap(rows.y, probability, rows.day, ("auc", "log_loss")).items():
        bounds[f"{name}_low"], bounds[f"{name}_high"] = percentile_interval(drawn)
    return bounds
