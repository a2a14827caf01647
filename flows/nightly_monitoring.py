"""Monitor a day: measure it, raise alerts, check champion and challenger, decide whether to retrain."""

from contextlib import suppress
from datetime import date

from prefect import flow
from prefect.artifacts import create_link_artifact

from domain.account_record import CHALLENGER, CHAMPION
from domain.errors import OntimeError
from domain.monitored import GATE, GUARDRAIL, RETRAIN, SHADOW
from flows import tasks
from flows.retrain import retrain_for_day
from flows.tasks import Champion, RunContext
from monitoring import performance
from monitoring.policy import BACK_TO, DROPPED, decide_guardrail, decide_retrain, decide_shadow
from monitoring.rules import Alert, measure_unable
from monitoring.trailing import prediction_drift

WHO = "nightly-monitoring"
WINDOW_DAYS = 7


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
    tasks.resolve_failure(run)
    return [alert.message for alert in alerts]


def monitor(run: RunContext) -> list[Alert]:
    """Measure the days that were missed and the run's, each with who served then; decide by the newest."""
    if run.is_newest:
        for missed in tasks.missed_runs(run):
            measure(missed)
    alerts = measure(run)
    if run.is_newest:
        decide(run)
    return alerts


def measure(run: RunContext) -> list[Alert]:
    """Measure feeds, drift, performance, estimate and service; store the run; raise its alerts."""
    champion = tasks.load_champion_of(run)
    reference = tasks.fetch_reference(champion) if champion else None
    acknowledged = tasks.count_acknowledged(run)
    totals, week = tasks.count_predictions(run), tasks.count_predictions(run, WINDOW_DAYS)
    sample = tasks.sample_predictions(run, totals)
    flights = sample.predictions
    window = tasks.sample_predictions(run, week, WINDOW_DAYS).predictions
    quality = tasks.measure_quality(run)
    report = tasks.measure_drift(run, champion, flights, reference)
    trailed = tasks.measure_trailing(run, flights)
    measures = [
        *report.measures,
        *prediction_drift(report.measures, "drift", "prediction_drift"),
        *trailed,
        *prediction_drift(trailed, "drift_trailing", "prediction_drift_trailing"),
        *performance.measure_realised(flights),
        *performance.measure_estimated(flights),
        *performance.measure_window(window),
        *quality.measures,
        *tasks.measure_service(run, totals, sample.scaled(len(flights)), quality.scheduled),
        *tasks.measure_answers(run, acknowledged, totals),
        *tasks.measure_parity(flights),
        *tasks.measure_versions(run, flights),
        *tasks.measure_registry(),
        *tasks.measure_approval(run),
    ]
    measures += tasks.measure_estimates(run, measures)
    measures += tasks.measure_accounts(run, measures)
    measures += measure_unable(measures)
    tasks.save_run(run, champion, totals, sample, measures, report)
    tasks.trace_scored(run, flights)
    if report.html is not None:
        create_link_artifact(
            key=f"drift-{run.day}",
            link=report.html.as_uri(),
            description=f"Evidently's report of {run.day}, the file",
        )
    for name, (link, description) in tasks.report_links(run, report.html is not None).items():
        create_link_artifact(key=f"{name}-{run.day}", link=link, description=description)
    tasks.prune_reports(run)
    alerts: list[Alert] = tasks.raise_alerts(run)
    return alerts


def decide(run: RunContext) -> None:
    """Check the champion, retrain where it is due, and try the challenger the same evening."""
    for step in (check_guardrail, maybe_retrain, check_challenger):
        # A rollback or a promotion of the step before has changed who serves.
        champion = tasks.load_champion()
        if champion is None:
            return
        step(run, champion)


def check_guardrail(run: RunContext, champion: Champion) -> None:
    """Roll the champion back when its account of evidence convicts it."""
    decision = tasks.recorded(run, GUARDRAIL)
    if decision is None:
        decision = decide_guardrail(*tasks.champion_standings(run, champion))
        decision = decision.naming({CHAMPION: champion.version})
        tasks.record(run.day, run.as_of, GUARDRAIL, decision)
    # A run that was interrupted between the decision and the rollback goes on here.
    if decision.verdict and decision.evidence.get(CHAMPION) == champion.version:
        reason = f"guardrail: {decision.reason}"
        _, target = tasks.rollback_target(WHO, reason, decision.evidence[BACK_TO])
        tasks.roll_back(WHO, reason, champion.version, target, decision.evidence)


def maybe_retrain(run: RunContext, champion: Champion) -> None:
    """Ask the policy, put its answer on record, and retrain where it says so."""
    decision = tasks.recorded(run, RETRAIN)
    if decision is None:
        decision = decide_retrain(tasks.retrain_state(run, champion), tasks.retrain_policy())
        tasks.record(run.day, run.as_of, RETRAIN, decision)
    # A run that was interrupted between the decision and the gate goes on here.
    if decision.verdict and not tasks.recorded(run, GATE):
        retrain_for_day(run.day, decision.reason)


def check_challenger(run: RunContext, champion: Champion) -> None:
    """Promote a challenger that is sound and that no evidence is against; drop one that is not, or waits too long."""
    version = tasks.find_challenger()
    if version is None or version == champion.version:
        return
    decision = tasks.recorded(run, SHADOW, str(version))
    if decision is None:
        trial = tasks.try_challenger(run, version)
        account, age_days = tasks.challenger_standing(run, version, champion)
        decision = decide_shadow(trial, account, age_days, tasks.shadow_policy())
        decision = decision.naming({CHALLENGER: version, CHAMPION: champion.version})
        tasks.record(run.day, run.as_of, SHADOW, decision, str(version))
    if decision.verdict:
        tasks.promote_version(version, champion.version, WHO, decision.reason, decision.evidence)
    elif DROPPED in decision.evidence:
        tasks.drop_challenger(version)


if __name__ == "__main__":
    nightly_monitoring()
