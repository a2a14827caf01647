"""What decisions look at, and what they do: accounts, the retrain policy's state, changes of the champion."""

import time
from collections.abc import Sequence
from dataclasses import replace
from datetime import date, datetime, timedelta
from typing import Any

import numpy as np

from adapters.deployments import ANY, Deployment
from adapters.model_registry import CHALLENGER
from adapters.monitoring_store import StoredDecision
from domain import account_record
from domain.errors import ContractMismatch, NotFound, SignatureInvalid
from domain.evidence import Account, DayLoss, Losses, compare_versions
from domain.features.catalogue import CONTRACT_HASH
from domain.flights import Floats
from domain.model import FlightModel
from domain.monitored import GATE, SHADOW
from flows.parts import parts
from flows.plan import PLAN
from flows.tasks.defaults import task
from flows.tasks.inputs import LEDGER_ROWS, Champion, RunContext
from flows.tasks.measure import sample_with_features
from monitoring.performance import PERFORMANCE_DAYS
from monitoring.policy import RetrainPolicy, RetrainState, ShadowPolicy, Standing, Trial
from monitoring.rules import LOSES_MORE, since_when
from monitoring.standing import (
    ANCHOR_EPOCH_DAYS,
    Promotion,
    served_by_day,
    standing_anchor,
    standing_before,
    with_held_out,
)
from monitoring.windows import last_complete_day

GATE_DAYS = 60
"""How far back a version's gate decision is looked for."""
TIMED_ROWS = 100
FLOW_RUN = "flow_run"
"""Of a change's evidence: the id of the flow run that made it."""
DECISION = "decision"
"""Of a change's evidence: the key of the decision that it carries out."""


@task
def champion_standings(run: RunContext, champion: Champion) -> tuple[Standing | None, Standing | None]:
    """Return the champion's accounts: against the one before it, and of what serves against the anchor."""
    own, policy = parts(), parts().evidence_policy
    history = own.deployments.history(LEDGER_ROWS)
    losses = measured_losses(run, max(policy.watch_days, ANCHOR_EPOCH_DAYS))
    before = None
    promotion, held_out = _promotion(run, history, champion.version)
    if promotion is not None:
        before = standing_before(promotion, with_held_out(losses, held_out), run.day, policy)
    served = served_by_day(history, run.day - timedelta(days=ANCHOR_EPOCH_DAYS + policy.anchor_days), run.day)
    rollbacks = (row for row in history if row.status == "done" and row.action == "rollback")
    last = next(rollbacks, None)
    rolled_back = last_complete_day(last.at) if last else None
    anchor = standing_anchor(champion.version, served, losses, run.day, rolled_back, policy)
    return before, anchor


def _promotion(run: RunContext, history: list[Deployment], champion: int) -> tuple[Promotion | None, Losses]:
    """Return how the champion came to serve, with its held-out days; None after a rollback or by hand."""
    done = [row for row in history if row.status == "done"]
    if not done or done[0].action != "promote" or done[0].to_version != champion:
        return None, {}
    before, day = done[0].from_version, last_complete_day(done[0].at)
    if any(row.action == "rollback" and row.from_version == champion for row in done):
        # A person promoted it again, knowing all that: it is not convicted of that once more.
        return Promotion(champion, before, day, day + timedelta(days=1)), {}
    gate = _gate_of(_decisions(run), champion)
    held_out = held_out_losses(gate.evidence) if gate else {}
    return Promotion(champion, before, day, min(held_out, default=None)), held_out


def measured_losses(run: RunContext, days: int) -> Losses:
    """Return what versions lost by day, as the monitoring runs measured."""
    found = parts().monitoring.version_losses(run.day - timedelta(days=days), run.day)
    return {
        day: {version: DayLoss(n, loss) for version, (n, loss) in versions.items()}
        for day, versions in found.items()
    }


def held_out_losses(evidence: dict[str, Any]) -> dict[date, dict[int, DayLoss]]:
    """Return what candidate and champion lost on the held-out days, out of the evidence of a gate decision."""
    candidate, champion = evidence.get(account_record.CANDIDATE), evidence.get(account_record.CHAMPION)
    if candidate is None or champion is None:
        return {}
    return {
        date.fromisoformat(day): {
            candidate: DayLoss(losses["rows"], losses["candidate"]),
            champion: DayLoss(losses["rows"], losses["champion"]),
        }
        for day, losses in evidence.get("held_out", {}).items()
    }


def _decisions(run: RunContext) -> list[StoredDecision]:
    return parts().monitoring.decisions(run.day - timedelta(days=GATE_DAYS), run.day)


def _gate_of(decisions: Sequence[StoredDecision], version: int) -> StoredDecision | None:
    """Return the gate decision that a version passed, None where none is on record."""
    passed = [
        d
        for d in decisions
        if d.kind == GATE and d.verdict and d.evidence.get(account_record.CANDIDATE) == version
    ]
    return passed[-1] if passed else None


@task
def find_challenger() -> int | None:
    """Return the version that has the challenger's alias."""
    return parts().registry.alias(CHALLENGER)


@task
def try_challenger(run: RunContext, version: int) -> Trial:
    """Let a challenger answer the day's live requests, from the vectors that were logged; of many flights a sample."""
    own = parts()
    try:
        own.championship.require_sound(version)  # as its promotion will: what is in the cache may be sound
        model = own.registry.load(version)
        model.require_contract(CONTRACT_HASH)
    except (SignatureInvalid, ContractMismatch, NotFound) as error:
        return Trial(0, 0, float("nan"), str(error))
    vectors = sample_with_features(run.day, run.day, run.as_of).features
    if not len(vectors):
        return Trial(0, 0, float("nan"))
    p = model.probability(vectors)
    unsound = int((~np.isfinite(p) | (p < 0) | (p > 1)).sum())
    return Trial(len(p), unsound, median_microseconds(model, vectors))


def median_microseconds(model: FlightModel, vectors: Floats) -> float:
    """Return the median time to score one row."""
    times = []
    for i in range(min(TIMED_ROWS, len(vectors))):
        start = time.perf_counter()
        model.probability(vectors[i : i + 1])
        times.append(time.perf_counter() - start)
    return float(np.median(times) * 1e6)


@task
def challenger_standing(run: RunContext, version: int, champion: Champion) -> tuple[Account, int]:
    """Return a challenger's account against the champion, and for how many days it has been challenger."""
    decisions = _decisions(run)
    gate = _gate_of(decisions, version)
    tried = [
        d.day for d in decisions if d.kind == SHADOW and d.evidence.get(account_record.CHALLENGER) == version
    ]
    # Not since its gate, which a retrain by hand for an earlier day has in the past.
    since = min([*tried, run.day])
    held_out = held_out_losses(gate.evidence) if gate else {}
    losses = with_held_out(measured_losses(run, GATE_DAYS), held_out)
    first = min(held_out, default=since)
    account = compare_versions(losses, version, champion.version, first, run.day, parts().evidence_policy)
    return account, (run.day - since).days


def retrain_policy() -> RetrainPolicy:
    """Return the retrain policy as this stack is set."""
    return RetrainPolicy(cadence_days=parts().settings.retrain_cadence_days)


def shadow_policy() -> ShadowPolicy:
    """Return the shadow policy as this stack is set: with a person's approval, or without."""
    return replace(ShadowPolicy(), needs_approval=parts().settings.promotion_needs_approval)


@task
def retrain_state(run: RunContext, champion: Champion) -> RetrainState:
    """Gather what the retrain policy looks at."""
    own = parts()
    seen_until = datetime.fromisoformat(champion.model.manifest.as_of)
    return RetrainState(
        day=run.day,
        first_unknown=seen_until.date(),
        new_labels=own.labels.count_new(seen_until, run.as_of, PLAN.window(run.day)[0], run.day),
        last_retrain=own.monitoring.last_retrain(run.day),
        losing_since=since_when(LOSES_MORE, own.monitoring.history(run.day, PERFORMANCE_DAYS)),
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
    current = own.deployments.reconcile(own.championship.champion)
    if current == version:
        return own.deployments.history(1)[0]
    expected = ANY if expected_version is None else expected_version
    return own.championship.promote(version, expected, who, reason, evidence)


@task
def rollback_target(who: str, reason: str, preferred: int | None = None) -> tuple[int | None, int]:
    """Return who serves and the rollback target: settled once, so that one that is tried again goes no further."""
    own = parts()
    serving = own.deployments.reconcile(own.championship.champion)
    repeated = own.championship.repeated_rollback(who, reason)
    if repeated is not None and repeated.to_version == serving:
        return serving, repeated.to_version
    return serving, own.championship.rollback_target(preferred)


@task
def roll_back(
    who: str, reason: str, expected_version: int | None, to_version: int, evidence: dict[str, Any]
) -> Deployment:
    """Roll the champion back to a version; once that serves, the same again is no error."""
    own = parts()
    # A try whose answer was lost may have left its row planned, or the alias moved.
    if own.deployments.reconcile(own.championship.champion) == to_version:
        return next(row for row in own.deployments.history() if row.status == "done")
    return own.championship.rollback(
        who, reason, to_version=to_version, expected_version=expected_version, evidence=evidence
    )


@task
def is_carried_out(decision: str) -> bool:
    """Return whether the ledger has the change that a decision asked for, whatever was changed since."""
    return _change_that(DECISION, decision) is not None


@task
def change_by(flow_run: str) -> int | None:
    """Return the version that a flow run made champion, None where it made none.

    One that an outage ended after its change is run again, maybe hours later: somebody else's change since then stays.
    """
    made = _change_that(FLOW_RUN, flow_run)
    return made.to_version if made else None


def _change_that(names: str, value: str) -> Deployment | None:
    """Return the newest change whose evidence has a value under a name; a try whose answer was lost counts."""
    own = parts()
    own.deployments.reconcile(own.championship.champion)
    history = own.deployments.history(LEDGER_ROWS)
    return next((row for row in history if row.status == "done" and row.evidence.get(names) == value), None)


@task
def drop_challenger(version: int) -> None:
    """Remove the challenger's alias from a version that still has it."""
    own = parts()
    if own.registry.alias(CHALLENGER) == version:
        own.registry.delete_alias(CHALLENGER)
