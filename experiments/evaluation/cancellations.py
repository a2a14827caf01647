"""What earlier news of cancellations changes: the test's flights scored again, by facts as a live feed reports them.

Files of history do not say when a cancellation became known; the latest moment is assumed (docs/other-data.md), and the
model was fitted on that. A live feed announces most of them hours before departure. Features hold such news back until
then (`domain.features.scene`); what that spares is measured here, by the same rows with the hold switched off.
"""

from dataclasses import replace
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np

from data.site import site_of
from domain.bootstrap import paired_difference
from domain.clock import NEVER
from domain.features import scene
from domain.features.grid import DAY_MINUTES
from domain.flights import FlightFacts, Floats
from domain.metrics import auc, log_loss, log_losses
from domain.model import FlightModel
from experiments.evaluation.intervals import weeks_of
from experiments.evaluation.sets import EvaluationPlan
from experiments.rows import Part, Progress, build_rows, facts_in
from training.training_set import HEADLINE_LEAD, TrainingSet

HOURS = (1, 3, 6, 12)
"""Before the scheduled departure."""
LEVEL = 0.95
NOT_HELD = -2 * DAY_MINUTES
"""Earlier than any of them."""


def announced(flights: FlightFacts, hours: int) -> FlightFacts:
    """Return the facts with each cancellation known some hours before its departure, or when it was, if sooner.

    A flight that left is none: where it ended early, it was diverted.
    """
    called_off = (flights.cancelled_known != NEVER) & (flights.dep_known == NEVER)
    sooner = np.minimum(flights.cancelled_known, flights.sched_dep - hours * 60)
    # Nobody cancels what is not scheduled yet.
    known = np.maximum(sooner, flights.scheduled_known)
    return replace(flights, cancelled_known=np.where(called_off, known, flights.cancelled_known))


def compare(model: FlightModel, plan: EvaluationPlan, data_dir: Path, progress: Progress) -> dict[str, Any]:
    """Score the test's flights at the headline lead by cancellations as files date them, and as known earlier."""
    flights, weather = facts_in(data_dir)
    part = Part(plan.test_from, plan.test_until, (HEADLINE_LEAD,), 0)
    name = "the test's flights, with cancellations known earlier"

    def scored(facts: FlightFacts, done: int) -> tuple[TrainingSet, Floats, dict[str, Any]]:
        with mock.patch.object(scene, "CANCELLED_FROM_MINUTES", NOT_HELD):
            rows = build_rows(facts, weather, part, site_of(data_dir).complete).rows
        p = model.probability(rows.X)
        progress(name, done, len(HOURS) + 1)
        return rows, log_losses(rows.y, p), {"auc": auc(rows.y, p), "log_loss": log_loss(rows.y, p)}

    progress(name, 0, len(HOURS) + 1)
    assumed, losses, measured = scored(flights, 1)
    found = [{"hours": None} | measured]
    for done, hours in enumerate(HOURS, 2):
        rows, lost, measured = scored(announced(flights, hours), done)
        gap = paired_difference(lost, losses, weeks_of(rows.day), level=LEVEL)
        differ = float((~np.isclose(rows.X, assumed.X, rtol=0, atol=0, equal_nan=True)).any(axis=1).mean())
        compared = {"differ": differ, "gap": gap.mean, "low": gap.low, "high": gap.high}
        found.append({"hours": hours} | measured | compared)
    return {"flights": len(losses), "known": found}
