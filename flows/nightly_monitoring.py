"""Monitor a day: measure it, raise alerts, check champion and challenger, decide whether to retrain."""

from datetime import date

from prefect import flow
from prefect.artifacts import create_link_artifact

from flows import tasks
from flows.retrain import retrain_for_day
from flows.tasks import Champion, RunContext
from monitoring import performance
from monitoring.policy import (
    AWAITS,
    Decision,
    GuardrailPolicy,
    RetrainPolicy,
    ShadowPolicy,
    decide_guardrail,
    decide_retrain,
    decide_shadow,
)
from monitoring.rules import Alert
from monitoring.trailing import prediction_drift

RETRAIN = RetrainPolicy()
SHADOW = ShadowPolicy()
GUARDRAIL = GuardrailPolicy()
WINDOW_DAYS = 7


@flow(name="nightly-monitoring")
def nightly_monitoring(day: date | None = None) -> list[str]:
    """Measure one day of predictions, and days before it that were missed; safe to run again for the same day.

    Args:
        day: Local day at home to monitor, like 2013-04-03; empty = yesterday by the stack's clock.
    """
    run = tasks.begin(day)
    champion = tasks.load_champion()
    if run.is_newest:
        for missed in tasks.missed_runs(run):
            measure(missed, champion)
    alerts = measure(run, champion)
    if run.is_newest:
        decide(run)
    return [alert.message for alert in alerts]


def measure(run: RunContext, champion: Champion | None) -> list[Alert]:
    """Measure feeds, drift, performance, estimate and service; store the run; raise its alerts."""
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
        *tasks.measure_registry(),
        *tasks.measure_approval(run),
    ]
    measures += tasks.measure_estimates(run, measures)
    tasks.save_run(run, champion, totals, sample, measures, report)
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
    """Check guardrail and challenger, then ask the retrain policy."""
    for step in (check_guardrail, check_challenger, maybe_retrain):
        # A rollback or a promotion of the step before has changed who serves.
        champion = tasks.load_champion()
        if champion is None:
            return
        step(run, champion)


def check_guardrail(run: RunContext, champion: Champion) -> None:
    """Roll a new champion back when it is clearly worse than the one before."""
    change = tasks.last_change()
    if change is None or change.action != "promote" or change.to_version != champion.version:
        return
    if (run.as_of - change.at).days > GUARDRAIL.watch_days or tasks.recorded(run, "guardrail"):
        return
    difference, rows = tasks.compare_with_previous(run, change)
    decision = decide_guardrail(difference, rows, GUARDRAIL)
    if decision.verdict:
        tasks.roll_back(
            "nightly-monitoring", f"guardrail: {decision.reason}", champion.version, decision.evidence
        )
    tasks.record(run.day, run.as_of, "guardrail", decision)


def check_challenger(run: RunContext, champion: Champion) -> None:
    """Promote a challenger that held beside the champion on live requests; drop one that did not in time."""
    version, difference, rows = tasks.compare_challenger(run, SHADOW.give_up_days)
    if version is None or tasks.recorded(run, "shadow"):
        return
    decision = decide_shadow(difference, rows, tasks.with_approval(SHADOW))
    decision = Decision(decision.verdict, decision.reason, decision.evidence | {"challenger": version})
    if decision.verdict:
        tasks.promote_version(
            version, champion.version, "nightly-monitoring", decision.reason, decision.evidence
        )
    elif AWAITS not in decision.evidence and difference and difference.days >= SHADOW.give_up_days:
        tasks.drop_challenger()
    tasks.record(run.day, run.as_of, "shadow", decision)


def maybe_retrain(run: RunContext, champion: Champion) -> None:
    """Ask the policy, put its answer on record, and retrain where it says so."""
    decision = tasks.recorded(run, "retrain")
    if decision is None:
        decision = decide_retrain(tasks.retrain_state(run, champion), RETRAIN)
        tasks.record(run.day, run.as_of, "retrain", decision)
    # A run that was interrupted between the decision and the gate goes on here.
    if decision.verdict and not tasks.recorded(run, "gate"):
        retrain_for_day(run.day, decision.reason)


if __name__ == "__main__":
    nightly_monitoring()
