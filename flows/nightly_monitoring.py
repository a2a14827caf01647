"""Monitor a day: measure it, raise alerts, check champion and challenger, decide whether to retrain."""

import logging
from contextlib import suppress
from datetime import date

from prefect import flow

from adapters.monitoring_store import decision_key
from domain.account_record import CHALLENGER, CHAMPION
from domain.errors import Conflict, ContractMismatch, NotFound, OntimeError, SignatureInvalid, StaleVersion
from domain.monitored import GATE, GUARDRAIL, RETRAIN, SHADOW
from flows import tasks
from flows.measuring import measure, measure_days
from flows.retrain import retrain_for_day
from flows.tasks import Champion, RunContext
from monitoring.policy import BACK_TO, DROPPED, decide_guardrail, decide_retrain, decide_shadow
from monitoring.rules import Alert

WHO = "nightly-monitoring"
logger = logging.getLogger(__name__)


@flow(name="nightly-monitoring")
def nightly_monitoring(day: date | None = None) -> list[str]:
    """Measure one day of predictions, and days before it that were missed; safe to run again for the same day.

    Args:
        day: Local day at home to monitor, like 2013-04-03; empty = yesterday by the stack's clock.
    """
    run = tasks.begin(day)
    try:
        alerts = monitor(run)
    except Exception as error:
        # The watchman sees days without a run: one that fails when its day is saved is nobody's but this one's.
        with suppress(OntimeError):
            tasks.report_failure(run, f"{type(error).__name__}: {error}")
        raise
    if run.is_newest:  # one of an older day decides nothing: what the failed one left is still to be done
        tasks.resolve_failure(run)
    return [alert.message for alert in alerts]


def monitor(run: RunContext) -> list[Alert]:
    """Measure the days that were missed and the run's, each with who served then; decide by the newest."""
    if run.is_newest:
        measure_days(tasks.missed_runs(run))
    alerts = measure(run)
    if run.is_newest:
        decide(run)
    return alerts


def decide(run: RunContext) -> None:
    """Check the champion, retrain where it is due, and try the challenger the same evening.

    Raises
    ------
    NotFound, SignatureInvalid, ContractMismatch
        If a version that a step needs is not there or not sound, like a rollback target; after the other steps.
    """
    failed: OntimeError | None = None
    for step in (check_guardrail, maybe_retrain, check_challenger):
        # A rollback or a promotion of the step before has changed who serves.
        champion = tasks.load_champion()
        if champion is None:
            break
        try:
            step(run, champion)
        except (NotFound, SignatureInvalid, ContractMismatch) as error:
            # A convicted champion that nobody can be put in place of needs the next candidate all the more.
            logger.warning(
                "a step of the decisions failed", extra={"step": step.__name__, "reason": str(error)}
            )
            failed = failed or error
    if failed is not None:
        raise failed


def check_guardrail(run: RunContext, champion: Champion) -> None:
    """Roll the champion back when its account of evidence convicts it."""
    decision = tasks.recorded(run, GUARDRAIL)
    if decision is None:
        decision = decide_guardrail(*tasks.champion_standings(run, champion))
        decision = decision.naming({CHAMPION: champion.version})
        tasks.record(run.day, run.as_of, GUARDRAIL, decision)
    if not decision.verdict or decision.evidence.get(CHAMPION) != champion.version:
        return
    # A run that was interrupted between the decision and the rollback goes on here; who was promoted since then stays.
    key = decision_key(GUARDRAIL, run.day)
    if not tasks.is_carried_out(key):
        reason, evidence = f"guardrail: {decision.reason}", decision.evidence | {tasks.DECISION: key}
        _, target = tasks.rollback_target(WHO, reason, decision.evidence[BACK_TO])
        tasks.roll_back(WHO, reason, champion.version, target, evidence)


def maybe_retrain(run: RunContext, champion: Champion) -> None:
    """Ask the policy, put its answer on record, and retrain where it says so."""
    decision = tasks.recorded(run, RETRAIN)
    if decision is None:
        decision = decide_retrain(tasks.retrain_state(run, champion), tasks.retrain_policy())
        tasks.record(run.day, run.as_of, RETRAIN, decision)
    # A run that was interrupted between the decision and the gate goes on here.
    if decision.verdict and not tasks.recorded(run, GATE):
        try:
            retrain_for_day(run.day, decision.reason)
        except Conflict as error:
            # A person's, which is on record by itself; the challenger of the day is looked at all the same.
            logger.warning("the retrain that is due is left to another", extra={"reason": str(error)})


def check_challenger(run: RunContext, champion: Champion) -> None:
    """Promote a challenger that is sound and that no evidence is against; drop one that is not, or waits too long."""
    version = tasks.find_challenger()
    if version is None:
        return
    if version == champion.version:  # made champion by hand: after a rollback it would be promoted again
        tasks.drop_challenger(version)
        return
    decision = tasks.recorded(run, SHADOW, str(version))
    if decision is None:
        trial = tasks.try_challenger(run, version)
        account, age_days = tasks.challenger_standing(run, version, champion)
        decision = decide_shadow(trial, account, age_days, tasks.shadow_policy())
        decision = decision.naming({CHALLENGER: version, CHAMPION: champion.version})
        tasks.record(run.day, run.as_of, SHADOW, decision, str(version))
    # On record since before somebody changed the champion: it was of another one, and tomorrow's is of this one.
    if decision.evidence.get(CHAMPION) != champion.version:
        return
    if decision.verdict:
        try:
            tasks.promote_version(version, champion.version, WHO, decision.reason, decision.evidence)
        except StaleVersion as error:
            logger.warning("the promotion is left to the next run", extra={"reason": str(error)})
    elif DROPPED in decision.evidence:
        tasks.drop_challenger(version)


if __name__ == "__main__":
    nightly_monitoring()
