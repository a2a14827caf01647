"""Retrain: training set, fit, evaluate, register, gate; passed, the candidate becomes challenger."""

from datetime import date
from typing import Any

from prefect import flow
from prefect.runtime import flow_run

from adapters.engine import engine_of
from adapters.model_keys import ModelKeys
from adapters.model_registry import CHALLENGER
from adapters.snapshots import Snapshot
from domain import account_record
from domain.account_record import AccountRecord
from domain.errors import Conflict
from domain.monitored import GATE, RETRAIN
from flows import tasks
from flows.logged import vectors_of
from flows.parts import parts
from flows.plan import PLAN, gate_policy
from flows.references import keep_reference
from monitoring.policy import Decision
from training.gate import CANDIDATE, CHAMPION, GateVerdict
from training.run import TrainingRequest, gate_candidate, train_candidate

POLICY = "policy"
"""Who asks when the retrain policy does; anybody else's retrain is put on record as a decision of its own."""


@flow(name="retrain")
def retrain(reason: str = "asked for by hand", until: date | None = None, asked_by: str = "a person") -> bool:
    """Train a candidate on the newest matured days and compare it with the champion; never two at once.

    Args:
        reason: Why; goes on record with the run, the version and the decision.
        until: Monitored day; the day before it is the last to train and evaluate on; empty = the last whole day.
        asked_by: Who asks; the monitoring run's own retrain says "policy".
    """
    run = tasks.begin(until)
    with parts().retrain_lock() as got:
        if not got:
            raise Conflict("another retrain is under way")
        # Nobody else trains: a run that is open was left so by a process that was killed.
        parts().registry.runs.close_abandoned()
        return _retrain(run, reason, asked_by)


def retrain_for_day(day: date, reason: str) -> bool:
    """Retrain from another flow, as a run of its own beneath it."""
    return bool(retrain(reason=reason, until=day, asked_by=POLICY))


def _retrain(run: tasks.RunContext, reason: str, asked_by: str) -> bool:
    champion = tasks.load_champion()
    own = parts()
    flown_from, flown_until = PLAN.window(run.day)
    request = TrainingRequest(
        flown_from=flown_from,
        flown_until=flown_until,
        as_of=run.as_of,
        reason=reason,
        split=PLAN.split,
    )
    data = Snapshot.now(own.database, own.analysis.database)
    keys = ModelKeys.of_trainer(own.settings)
    with engine_of(own.settings) as engine:
        candidate = train_candidate(data, own.registry, keys, request, label_store=data, engine=engine)
    of = "" if asked_by == POLICY else str(flow_run.id)
    if of:
        # The policy's wait starts again, whoever asked.
        asked = Decision(True, reason, {"asked_by": asked_by, "candidate": candidate.version})
        tasks.record(run.day, run.as_of, RETRAIN, asked, of)
    gate, serving = gate_policy(PLAN, own.settings), champion.model if champion else None
    verdict = gate_candidate(candidate, serving, gate, vectors_of(own.log))
    evidence = verdict.evidence() | {
        account_record.CANDIDATE: candidate.version,
        account_record.CHAMPION: champion and champion.version,
        account_record.ACCOUNT: AccountRecord.of(verdict.account).as_dict() if verdict.account else None,
        "held_out": held_out(verdict),
    }
    if verdict.passed:
        keep_reference(own.settings, candidate)
        own.registry.set_alias(CHALLENGER, candidate.version)
        evidence |= tasks.trigger_pipeline(candidate.version)
    # By the clock, where a person asked: what the policy decided meanwhile and left to this one ends with it.
    gated = own.clock.read().now if of else run.as_of
    tasks.record(run.day, gated, GATE, Decision(verdict.passed, verdict.reason, evidence), of)
    return verdict.passed


def held_out(verdict: GateVerdict) -> dict[str, dict[str, Any]]:
    """Return what both lost on each held-out day: the beginning of the candidate's account."""
    return {
        day.isoformat(): {
            "rows": losses[CANDIDATE].rows,
            "candidate": losses[CANDIDATE].log_loss,
            "champion": losses[CHAMPION].log_loss,
        }
        for day, losses in verdict.held_out.items()
    }


if __name__ == "__main__":
    retrain()
