"""What decisions look at, and what they do: comparisons, the retrain policy's state, changes of the champion."""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import numpy as np

from adapters.deployments import ANY, Deployment
from adapters.model_registry import CHALLENGER
from adapters.prediction_columns import PredictionColumns
from domain.bootstrap import PairedDifference, paired_difference
from domain.flights import Floats
from domain.metrics import log_losses
from flows.parts import parts
from flows.tasks.defaults import task
from flows.tasks.inputs import Champion, RunContext, fetch_predictions, headline, trained_days
from monitoring import windows
from monitoring.policy import RetrainState, ShadowPolicy

GAP_DAYS = 14
"""Days whose gaps the retrain policy may ask for."""


@task
def last_change() -> Deployment | None:
    """Return the newest finished row of the ledger."""
    return next((row for row in parts().deployments.history() if row.status == "done"), None)


@task
def compare_challenger(run: RunContext, days: int) -> tuple[int | None, PairedDifference | None, int]:
    """Compare the challenger with the champion on the live requests both scored: version, difference, rows."""
    version = parts().registry.alias(CHALLENGER)
    if version is None:
        return None, None, 0
    predictions = headline(fetch_predictions.fn(run, days))
    rows = (predictions.challenger_version == version) & ~np.isnan(predictions.is_late)
    return version, *_paired(predictions, rows, predictions.challenger_probability, predictions.probability)


@task
def compare_with_previous(run: RunContext, promotion: Deployment) -> tuple[PairedDifference | None, int]:
    """Compare a new champion with the one before it, on the new one's answers: difference, rows."""
    if promotion.from_version is None:
        return None, 0
    days = (run.as_of - promotion.at).days + 2
    predictions = headline(fetch_predictions.fn(run, days))
    rows = (predictions.model_version == promotion.to_version) & ~np.isnan(predictions.is_late)
    if not rows.any():
        return None, 0
    before = np.full(len(predictions), np.nan)
    before[rows] = parts().registry.load(promotion.from_version).probability(predictions.features[rows])
    return _paired(predictions, rows, predictions.probability, before)


def _paired(
    predictions: PredictionColumns, rows: np.ndarray, one: Floats, other: Floats
) -> tuple[PairedDifference | None, int]:
    n = int(rows.sum())
    if not n:
        return None, 0
    late = predictions.is_late[rows] == 1
    losses = log_losses(late, one[rows]), log_losses(late, other[rows])
    return paired_difference(*losses, windows.day_numbers(predictions)[rows]), n


def with_approval(policy: ShadowPolicy) -> ShadowPolicy:
    """Return the policy as this stack is set: with a person's approval, or without."""
    return replace(policy, needs_approval=parts().settings.promotion_needs_approval)


@task
def retrain_state(run: RunContext, champion: Champion) -> RetrainState:
    """Gather what the retrain policy looks at."""
    own = parts()
    known_until = datetime.fromisoformat(champion.model.manifest.as_of)
    first_unknown = known_until.date()
    history = own.monitoring.history(run.day, GAP_DAYS)
    change = last_change.fn()
    serves_since = change.at.date().isoformat() if change else ""
    return RetrainState(
        day=run.day,
        champion_known_until=first_unknown - timedelta(days=1),
        champion_labels=own.labels.count_known_by(known_until, *trained_days(champion)),
        new_labels=own.labels.count_known_by(run.as_of, first_unknown, run.day),
        last_retrain=own.monitoring.last_retrain(),
        in_vain=sum(
            decision.kind == "retrain" and decision.verdict
            for decision in own.monitoring.decisions(first_unknown, run.day)
        ),
        challenger=own.registry.alias(CHALLENGER),
        gaps=tuple(v for day, v, _ in history.get("log_loss_gap", []) if day >= serves_since),
    )


@task
def trigger_pipeline(version: int) -> dict[str, Any]:
    """Start GitLab's pipeline for a version; return evidence of what became of it, none where the trigger is off."""
    answer = parts().trigger.fire(version)
    return {"pipeline": answer.evidence()} if answer else {}


@task
def promote_version(
    version: int, expected_version: int | None, who: str, reason: str, evidence: dict[str, Any]
) -> Deployment:
    """Promote a version; once it serves, the same again is no error."""
    own = parts()
    current = own.championship.champion()
    if current == version:
        return own.deployments.history(1)[0]
    expected = ANY if expected_version is None else expected_version
    return own.championship.promote(version, expected, who, reason, evidence)


@task
def roll_back(who: str, reason: str, expected_version: int | None, evidence: dict[str, Any]) -> Deployment:
    """Promote the rollback target, the champion before."""
    expected = ANY if expected_version is None else expected_version
    return parts().championship.rollback(who, reason, expected_version=expected, evidence=evidence)


@task
def drop_challenger() -> None:
    """Remove the challenger's alias."""
    parts().registry.delete_alias(CHALLENGER)
