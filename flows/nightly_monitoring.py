"""The night: measure a day, raise alerts, judge challenger and champion, decide whether to retrain."""

from datetime import date

from prefect import flow
from prefect.artifacts import create_link_artifact

from flows import tasks
from flows.retrain import retrain_night
from flows.tasks import Night, Served
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
        day: Local day in New York to monitor, like 2013-04-03; empty = yesterday by the stack's clock.
    """
    night = tasks.begin(day)
    champion = tasks.load_champion()
    if night.is_newest:
        for missed in tasks.missed_nights(night):
            measure(missed, champion)
    alerts = measure(night, champion)
    if champion is not None and night.is_newest:
        judge_champion(night, champion)
        judge_challenger(night, champion)
        maybe_retrain(night, champion)
    return [alert.message for alert in alerts]


def measure(night: Night, champion: Served | None) -> list[Alert]:
    """Measure feeds, drift, performance, estimate and service; store the night; raise its alerts."""
    reference = tasks.fetch_reference(champion) if champion else None
    acknowledged = tasks.count_acknowledged(night)
    totals, week = tasks.count_predictions(night), tasks.count_predictions(night, WINDOW_DAYS)
    sample = tasks.sample_predictions(night, totals)
    flights = sample.predictions
    window = tasks.sample_predictions(night, week, WINDOW_DAYS).predictions
    quality = tasks.measure_quality(night)
    report = tasks.measure_drift(night, champion, flights, reference)
    trailed = tasks.measure_trailing(night, flights)
    measures = [
        *report.measures,
        *prediction_drift(report.measures, "drift", "prediction_drift"),
        *trailed,
        *prediction_drift(trailed, "drift_trailing", "prediction_drift_trailing"),
        *performance.measure_realised(flights),
        *performance.measure_estimated(flights),
        *performance.measure_window(window),
        *quality.measures,
        *tasks.measure_service(night, totals, sample.scaled(len(flights)), quality.scheduled),
        *tasks.measure_answers(night, acknowledged, totals),
        *tasks.measure_parity(flights),
        *tasks.measure_registry(),
        *tasks.measure_approval(night),
    ]
    measures += tasks.measure_estimates(night, measures)
    tasks.save_night(night, champion, totals, sample, measures, report)
    if report.html is not None:
        create_link_artifact(
            key=f"drift-{night.day}",
            link=report.html.as_uri(),
            description=f"Evidently's report of {night.day}, the file",
        )
    for name, (link, description) in tasks.report_links(night, report.html is not None).items():
        create_link_artifact(key=f"{name}-{night.day}", link=link, description=description)
    tasks.prune_reports(night)
    alerts: list[Alert] = tasks.raise_alerts(night)
    return alerts


def judge_champion(night: Night, champion: Served) -> None:
    """Take a new champion back when it is clearly worse than the one before."""
    change = tasks.last_change()
    if change is None or change.action != "promote" or change.to_version != champion.version:
        return
    if (night.as_of - change.at).days > GUARDRAIL.watch_days or tasks.recorded(night, "guardrail"):
        return
    difference, rows = tasks.compare_with_previous(night, change)
    decision = decide_guardrail(difference, rows, GUARDRAIL)
    if decision.verdict:
        tasks.roll_back(
            "nightly-monitoring", f"guardrail: {decision.reason}", champion.version, decision.evidence
        )
    tasks.record(night.day, night.as_of, "guardrail", decision)


def judge_challenger(night: Night, champion: Served) -> None:
    """Promote a challenger that held beside the champion on live requests; let one go that did not in time."""
    version, difference, rows = tasks.compare_challenger(night, SHADOW.give_up_days)
    if version is None or tasks.recorded(night, "shadow"):
        return
    decision = decide_shadow(difference, rows, tasks.with_approval(SHADOW))
    decision = Decision(decision.verdict, decision.reason, decision.evidence | {"challenger": version})
    if decision.verdict:
        tasks.promote_version(
            version, champion.version, "nightly-monitoring", decision.reason, decision.evidence
        )
    elif AWAITS not in decision.evidence and difference and difference.days >= SHADOW.give_up_days:
        tasks.drop_challenger()
    tasks.record(night.day, night.as_of, "shadow", decision)


def maybe_retrain(night: Night, champion: Served) -> None:
    """Ask the policy, put its answer on record, and retrain where it says so."""
    decision = tasks.recorded(night, "retrain")
    if decision is None:
        decision = decide_retrain(tasks.retrain_state(night, champion), RETRAIN)
        tasks.record(night.day, night.as_of, "retrain", decision)
    # A night that was interrupted between the decision and the gate goes on here.
    if decision.verdict and not tasks.recorded(night, "gate"):
        retrain_night(night.day, decision.reason)


if __name__ == "__main__":
    nightly_monitoring()
