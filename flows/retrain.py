"""Retrain: training set, fit, calibrate, evaluate, register, gate; passed, the candidate becomes challenger."""

from datetime import date

from prefect import flow

from adapters.model_registry import CHALLENGER
from adapters.snapshots import Snapshot
from domain.errors import Conflict
from flows import tasks
from flows.parts import parts
from monitoring.policy import Decision
from training.retraining import RetrainPlan
from training.run import TrainingRequest, gate_candidate, train_candidate

PLAN = RetrainPlan()


@flow(name="retrain")
def retrain(reason: str = "asked for by hand", until: date | None = None) -> bool:
    """Train a candidate on the newest matured days and compare it with the champion; never two at once.

    Args:
        reason: Why; goes on record with the run, the version and the decision.
        until: Monitored day; the day before it is the last to train and evaluate on; empty = the last whole day.
    """
    run = tasks.begin(until)
    with parts().retrain_lock() as got:
        if not got:
            raise Conflict("another retrain is under way")
        # Nobody else trains: a run that is open was left so by a process that was killed.
        parts().registry.close_abandoned_runs()
        return _retrain(run, reason)


def retrain_for_day(day: date, reason: str) -> bool:
    """Retrain from another flow, as a run of its own beneath it."""
    return bool(retrain(reason=reason, until=day))


def _retrain(run: tasks.RunContext, reason: str) -> bool:
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
    data = Snapshot.now(own.database)
    candidate = train_candidate(data, own.registry, own.settings.signing_key, request, label_store=data)
    verdict = gate_candidate(candidate, champion.model if champion else None, PLAN.gate)
    evidence = verdict.evidence() | {
        "candidate": candidate.version,
        "champion": champion and champion.version,
    }
    if verdict.passed:
        own.registry.set_alias(CHALLENGER, candidate.version)
        evidence |= tasks.trigger_pipeline(candidate.version)
    tasks.record(run.day, run.as_of, "gate", Decision(verdict.passed, verdict.reason, evidence))
    return verdict.passed


if __name__ == "__main__":
    retrain()
