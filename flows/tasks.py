"""The flows' I/O: every task is safe to run again, and is, three times, before its flow fails."""

import json
import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import prefect
from prefect.cache_policies import NO_CACHE

from adapters.deployments import ANY, Deployment
from adapters.model_registry import CHALLENGER, CHAMPION
from adapters.monitoring_store import Measured, MonitoringRun
from adapters.prediction_log import PredictionColumns
from adapters.prediction_sample import Sample, WindowTotals
from adapters.spool import unshipped_bytes
from domain.clock import from_minute
from domain.errors import InvalidInput, NotFound, SignatureInvalid
from domain.features.catalogue import CONTRACT_HASH
from domain.features.state import AHEAD_MINUTES, LOOKBACK_MINUTES
from domain.features.vectors import vectors_for
from domain.flights import Floats, Queries
from domain.metrics import PairedDifference, log_losses, paired_difference
from domain.model import FlightModel
from flows.parts import parts
from monitoring import drift, estimate, performance, quality, reference, rules, service, trailing, windows
from monitoring.measures import ALL, Measure
from monitoring.policy import AWAITS, Decision, RetrainState, ShadowPolicy
from monitoring.thresholds import ThresholdPolicy
from training.training_set import HEADLINE_LEAD, build

task: Callable[..., Any] = partial(prefect.task, retries=3, retry_delay_seconds=2, cache_policy=NO_CACHE)
PARITY_SAMPLE = 200
DAY_SAMPLE, WINDOW_SAMPLE = 20_000, 100_000
"""Flights of a day, with features, and of a week, without, that a night reads at most."""
HISTORY_NIGHTS = 14
ESTIMATE_NIGHTS = 30
HTML_DAYS = 90
"""How long Evidently's pages are kept, four megabytes each; the figures stay for good."""
COUNTS_PATIENCE_SECONDS = 3.0
MISSED_DAYS = 14
"""How far back a night looks for others that were missed."""
NEWER_VERSIONS = 5
"""Versions beyond those in use that are audited: candidates that wait."""
logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Night:
    """The local day that is monitored."""

    day: date
    as_of: datetime
    """What became known later is not seen: judged again, the day is judged the same."""
    started: float
    is_newest: bool
    """Whether it is the last whole day by the clock: only then is anything decided."""


@dataclass(frozen=True)
class Served:
    """A version of the model and what it was trained on."""

    version: int
    model: FlightModel


@dataclass(frozen=True)
class Acknowledged:
    """What the API's workers say they answered, and how many bytes of it were not stored then."""

    predictions: int | None
    unshipped: int | None


@task
def begin(day: date | None) -> Night:
    """Settle which day is monitored: by default the last complete one.

    Raises
    ------
    InvalidInput
        If the day is not over by the stack's clock.
    """
    now = parts().clock.read().now
    newest = windows.last_complete_day(now)
    chosen = day or newest
    if chosen > newest:
        raise InvalidInput("day", f"a day that is over by the stack's clock, at most {newest}", str(chosen))
    return Night(chosen, windows.night_of(chosen), time.monotonic(), chosen == newest)


@task
def missed_nights(night: Night) -> list[Night]:
    """Nights of the weeks before that have predictions and were not judged."""
    first = night.day - timedelta(days=MISSED_DAYS)
    missed = parts().monitoring.missed_nights(first, night.day - timedelta(days=1))
    return [Night(day, windows.night_of(day), time.monotonic(), False) for day in missed]


@task
def load_champion() -> Served | None:
    """Load the version that serves, None where none does or its artifact is refused: the night goes on."""
    version = parts().registry.alias(CHAMPION)
    try:
        return Served(version, parts().registry.load(version)) if version is not None else None
    except SignatureInvalid as error:
        logger.warning("the champion's artifact is refused", extra={"version": version, "reason": str(error)})
        return None


@task
def fetch_reference(champion: Served) -> reference.Reference:
    """Give the champion's training days and its drift thresholds: made once a version, then kept."""
    own = parts()
    path = own.settings.state_dir / "reference" / f"{champion.version}.npz"
    if not path.exists():
        manifest = champion.model.manifest
        rows = build(
            own.events, *trained_days(champion), datetime.fromisoformat(manifest.as_of), (HEADLINE_LEAD,), 0
        )
        columns, values = reference.watched_columns(rows.X, champion.model.probability(rows.X))
        reference.make_reference(columns, values, rows.day).save(path)
    return reference.Reference.load(path)


def trained_days(champion: Served) -> tuple[date, date]:
    """First and last day of the flights a version was fitted on."""
    manifest = champion.model.manifest
    return date.fromisoformat(manifest.trained_from), date.fromisoformat(manifest.trained_until)


@task
def fetch_predictions(night: Night, days: int = 1) -> PredictionColumns:
    """Give the predictions of the newest days up to the night's, with the labels that were known then."""
    window = windows.trailing(night.day, days)
    return parts().log.fetch(*window, known_by=night.as_of, contract_hash=CONTRACT_HASH)


def headline(predictions: PredictionColumns) -> PredictionColumns:
    """Keep one prediction a flight, the one nearest to the headline lead."""
    return predictions.take(windows.headline(predictions))


@task
def measure_trailing(night: Night, predictions: PredictionColumns) -> list[Measure]:
    """Measure drift against the four weeks served before this one; nothing before they are there."""
    before = trailing_reference(night) if len(predictions) else None
    if before is None:
        return []
    _, current = reference.watched_columns(predictions.features, predictions.probability)
    return trailing.measure_trailing(current, before)


def trailing_reference(night: Night) -> reference.Reference | None:
    """Give the four whole weeks before the night's: read from the log once a week, then kept."""
    own = parts()
    last = night.day - timedelta(days=night.day.weekday() + 1)
    first = last - timedelta(days=trailing.DAYS - 1)
    path = own.settings.state_dir / "reference" / f"trailing-{CONTRACT_HASH[:12]}-{last}.npz"
    if path.exists():
        return reference.Reference.load(path)
    if len(own.log.by_day(first, last)) < ThresholdPolicy().minimum_days:
        return None  # before anything is read: until they are there, every night asks
    near = own.sampler.totals(first, last).near_headline
    served = own.sampler.sample(
        first, last, windows.night_of(last), CONTRACT_HASH, DAY_SAMPLE, near
    ).predictions
    days = windows.day_numbers(served)
    if len(np.unique(days)) < ThresholdPolicy().minimum_days:  # the others' are of another contract
        return None
    columns, values = reference.watched_columns(served.features, served.probability)
    made = reference.make_reference(columns, values, days)
    made.save(path)
    return made


@task
def measure_estimates(night: Night, measures: Sequence[Measure]) -> list[Measure]:
    """Hold the estimates of the newest nights, this one included, against what came; draw both."""
    history = parts().monitoring.history(night.day - timedelta(days=1), ESTIMATE_NIGHTS)
    for m in measures:
        if m.slice == ALL:
            history[m.name] = [(night.day.isoformat(), m.value, m.n), *history.get(m.name, [])]
    folder = report_folder(night.day)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "estimate.html").write_text(estimate.page(history))
    (folder / "estimate.json").write_text(json.dumps(estimate.table(history)) + "\n")
    return estimate.estimate_errors(history)


@task
def report_links(night: Night, drift_measured: bool) -> dict[str, tuple[str, str]]:
    """Give the addresses of the night's reports at the API, with what they are, by name; they ask for a key."""
    base = f"{parts().settings.public_address}/v1/monitoring/nights/{night.day}"
    links = {
        "night": (base, f"Measures, alerts and decisions of {night.day}, at the API"),
        "estimate": (f"{base}/report.estimate.html", f"Estimated and realised until {night.day}, at the API"),
    }
    if drift_measured:
        links["report"] = (f"{base}/report.html", f"Evidently's report of {night.day}, at the API")
    return links


@task
def prune_reports(night: Night) -> int:
    """Remove the HTML and the minutes' counts of nights 90 days back; the figures stay. Gives how many files went."""
    own, removed = parts(), 0
    before = night.day - timedelta(days=HTML_DAYS)
    for folder in sorted((own.settings.reports_dir / "monitoring").glob("????-??-??")):
        if folder.name < before.isoformat():
            for path in folder.glob("*.html"):
                path.unlink(missing_ok=True)
                removed += 1
    own.monitoring.forget_pages(before)
    own.service.forget(before)
    return removed


@task
def measure_drift(
    night: Night, champion: Served | None, predictions: PredictionColumns, against: reference.Reference | None
) -> drift.DriftReport:
    """Measure drift with Evidently and write its report."""
    if champion is None or against is None or not len(predictions):
        return drift.DriftReport([], None, None)
    _, current = reference.watched_columns(predictions.features, predictions.probability)
    return drift.measure_drift(current, against, report_folder(night.day))


def report_folder(day: date) -> Path:
    """Where a night's report is."""
    return parts().settings.reports_dir / "monitoring" / day.isoformat()


@task
def measure_parity(predictions: PredictionColumns) -> list[Measure]:
    """Recompute a sample of logged vectors from the event log, and count those that differ in any bit."""
    n = len(predictions)
    if not n:
        return []
    rows = np.sort(np.random.default_rng(n).permutation(n)[:PARITY_SAMPLE])
    recomputed = recompute_vectors(predictions, rows)
    wrong = performance.parity_mismatches(predictions.features[rows], recomputed)
    return [Measure("parity_mismatches", float(wrong), n=len(rows))]


def recompute_vectors(predictions: PredictionColumns, rows: np.ndarray) -> Floats:
    """Compute logged vectors anew, the way of training: from the events, at the state each answer saw."""
    ticks = predictions.state_tick[rows]
    first = from_minute(int(ticks.min()) - LOOKBACK_MINUTES - 1440)
    until = from_minute(int(ticks.max()) + AHEAD_MINUTES)
    flights, weather = parts().events.facts(from_minute(int(ticks.max())), first, until)
    queries = Queries(
        carrier=predictions.carrier[rows],
        origin=predictions.origin[rows],
        dest=predictions.dest[rows],
        sched_dep=predictions.sched_dep[rows],
        sched_arr=predictions.sched_arr[rows],
        as_of=predictions.as_of[rows],
    )
    return vectors_for(queries, flights, weather, ticks)


@task
def count_acknowledged(night: Night) -> Acknowledged:
    """Count what was acknowledged, then look whether any of it still waits to be stored; before the log is counted."""
    own = parts()
    deadline = time.monotonic() + COUNTS_PATIENCE_SECONDS
    # A worker stores its counts a second or two after its last answer: right after a day they may be on their way.
    while (acknowledged := own.service.acknowledged(night.day)) is not None:
        if (
            acknowledged >= own.sampler.totals(night.day, night.day).predictions
            or time.monotonic() > deadline
        ):
            break
        time.sleep(0.2)
    return Acknowledged(acknowledged, unshipped_bytes(own.spool, own.log.offset))


@task
def count_predictions(night: Night, days: int = 1) -> WindowTotals:
    """Count the predictions of the newest days up to the night's."""
    return parts().sampler.totals(*windows.trailing(night.day, days))


@task
def sample_predictions(night: Night, totals: WindowTotals, days: int = 1) -> Sample:
    """Give one prediction a flight, with the labels that were known then; of many flights a sample.

    Only a single day's come with their features: those of a week would be read for nothing.
    """
    most = DAY_SAMPLE if days == 1 else WINDOW_SAMPLE
    window = windows.trailing(night.day, days)
    return parts().sampler.sample(
        *window, night.as_of, CONTRACT_HASH, most, totals.near_headline, with_features=days == 1
    )


@task
def measure_service(night: Night, totals: WindowTotals, flights: int, scheduled: int) -> list[Measure]:
    """Measure latency, coverage of the schedule, requests against the nights before, what waits in the spool."""
    own = parts()
    history = own.monitoring.history(night.day - timedelta(days=1), HISTORY_NIGHTS)
    before = [value for _, value, _ in history.get("predictions", [])]
    return service.measure_service(totals, flights, scheduled, own.spool.backlog_bytes(), before)


@task
def measure_answers(night: Night, acknowledged: Acknowledged, totals: WindowTotals) -> list[Measure]:
    """Measure errors, what was shed, throughput, and whether every acknowledged prediction is in the log."""
    return [
        *service.measure_requests(parts().service.day(night.day)),
        *service.measure_log(acknowledged.predictions, acknowledged.unshipped, totals.predictions),
    ]


@task
def measure_quality(night: Night) -> quality.DayQuality:
    """Measure the feeds of the day, flights, weather and labels, against the four weeks before it."""
    own = parts()
    start = datetime(night.day.year, night.day.month, night.day.day, tzinfo=UTC)
    first, last = start - timedelta(days=quality.TRAILING_DAYS + 1), start + timedelta(days=2)
    flights, weather = own.events.facts(night.as_of, first, last)
    labels = own.labels.known_by(night.as_of, night.day, night.day)
    return quality.measure_quality(flights, weather, labels.flight_id, night.day, night.as_of)


@task
def measure_registry() -> list[Measure]:
    """Count versions whose files MLflow holds are not those that were signed: in use, on trial, or newer."""
    registry = parts().registry
    aliased = {v for v in (registry.alias(CHAMPION), registry.alias(CHALLENGER)) if v is not None}
    newest = max(aliased, default=0)
    refused, audited = 0, 0
    for version in sorted(aliased | set(range(newest + 1, newest + NEWER_VERSIONS))):
        try:
            registry.audit(version)
        except NotFound:
            continue
        except SignatureInvalid as error:
            refused += 1
            logger.warning("artifact refused", extra={"version": version, "reason": str(error)})
        audited += 1
    return [Measure("refused_artifacts", float(refused), n=audited)]


@task
def save_night(
    night: Night,
    champion: Served | None,
    totals: WindowTotals,
    flights: Sample,
    measures: Sequence[Measure],
    report: drift.DriftReport,
) -> None:
    """Store the night in place of an earlier run of it."""
    run = MonitoringRun(
        day=night.day,
        finished_at=night.as_of,
        model_version=champion.version if champion else None,
        predictions=totals.predictions,
        labelled=flights.scaled(int((~np.isnan(flights.predictions.is_late)).sum())),
        report_html=str(report.html) if report.html else None,
        report_json=str(report.json) if report.json else None,
        seconds=time.monotonic() - night.started,
    )
    stored = [Measured(m.name, m.slice, m.value, m.low, m.high, m.n) for m in measures]
    parts().monitoring.save_night(run, stored)


@task
def raise_alerts(night: Night) -> list[rules.Alert]:
    """Hold the newest nights against the rules; open, notify, resolve. An old night raises nothing."""
    own = parts()
    alerts = rules.evaluate(rules.NIGHTLY, own.monitoring.history(night.day, HISTORY_NIGHTS))
    if not night.is_newest:
        return alerts
    for alert in alerts:
        own.monitoring.open_alert(
            alert.rule, alert.severity, night.day, night.as_of, alert.message, alert.evidence
        )
    every = [rule.name for rule in rules.NIGHTLY]
    own.monitoring.resolve_alerts(every, [alert.rule for alert in alerts], night.as_of)
    # What is refused now is tried again by the watchman.
    own.pager.deliver_due()
    return alerts


@task
def measure_approval(night: Night) -> list[Measure]:
    """Tell whether the challenger of the night before held and waits for a person."""
    own, before = parts(), night.day - timedelta(days=1)
    challenger = own.registry.alias(CHALLENGER)
    waiting = [
        decision
        for decision in own.monitoring.decisions(before, before)
        if AWAITS in decision.evidence and decision.evidence.get("challenger") == challenger
    ]
    return [Measure("awaiting_approval", float(len(waiting)))]


def with_approval(policy: ShadowPolicy) -> ShadowPolicy:
    """Give the policy as this stack is set: with a person's last word, or without."""
    return replace(policy, needs_approval=parts().settings.promotion_needs_approval)


@task
def recorded(night: Night, kind: str) -> Decision | None:
    """Give the decision of a kind that is already on record for the night."""
    for decision in parts().monitoring.decisions(night.day, night.day):
        if decision.kind == kind:
            return Decision(decision.verdict, decision.reason, decision.evidence)
    return None


@task
def trigger_pipeline(version: int) -> dict[str, Any]:
    """Start GitLab's pipeline for a version; evidence of what became of it, none where the trigger is off."""
    told = parts().trigger.fire(version)
    return {"pipeline": told.evidence()} if told else {}


@task
def record(day: date, now: datetime, kind: str, decision: Decision) -> None:
    """Put a decision on record."""
    parts().monitoring.record_decision(kind, day, decision.verdict, decision.reason, decision.evidence, now)


@task
def compare_challenger(night: Night, days: int) -> tuple[int | None, PairedDifference | None, int]:
    """Compare the challenger with the champion on the live requests both scored: version, difference, rows."""
    version = parts().registry.alias(CHALLENGER)
    if version is None:
        return None, None, 0
    predictions = headline(fetch_predictions.fn(night, days))
    rows = (predictions.challenger_version == version) & ~np.isnan(predictions.is_late)
    return version, *_paired(predictions, rows, predictions.challenger_probability, predictions.probability)


@task
def compare_with_previous(night: Night, promotion: Deployment) -> tuple[PairedDifference | None, int]:
    """Compare a new champion with the one before it, on the new one's answers: difference, rows."""
    if promotion.from_version is None:
        return None, 0
    days = (night.as_of - promotion.at).days + 2
    predictions = headline(fetch_predictions.fn(night, days))
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


@task
def last_change() -> Deployment | None:
    """Give the newest finished row of the ledger."""
    return next((row for row in parts().deployments.history() if row.status == "done"), None)


@task
def retrain_state(night: Night, champion: Served) -> RetrainState:
    """Gather what the retrain policy looks at."""
    own = parts()
    known_until = datetime.fromisoformat(champion.model.manifest.as_of)
    first_unknown = known_until.date()
    history = own.monitoring.history(night.day, HISTORY_NIGHTS)
    change = last_change.fn()
    serves_since = change.at.date().isoformat() if change else ""
    labels = own.labels.known_by(night.as_of, first_unknown, night.day) if first_unknown <= night.day else ()
    return RetrainState(
        day=night.day,
        champion_known_until=first_unknown - timedelta(days=1),
        champion_labels=len(own.labels.known_by(known_until, *trained_days(champion))),
        new_labels=len(labels),
        last_retrain=own.monitoring.last_retrain(),
        in_vain=sum(
            decision.kind == "retrain" and decision.verdict
            for decision in own.monitoring.decisions(first_unknown, night.day)
        ),
        challenger=own.registry.alias(CHALLENGER),
        gaps=tuple(v for day, v, _ in history.get("log_loss_gap", []) if day >= serves_since),
    )


@task
def promote_version(
    version: int, expected_version: int | None, who: str, reason: str, evidence: dict[str, Any]
) -> Deployment:
    """Let a version serve; once it does, the same again is no error."""
    own = parts()
    current = own.championship.champion()
    if current == version:
        return own.deployments.history(1)[0]
    expected = ANY if expected_version is None else expected_version
    return own.championship.promote(version, expected, who, reason, evidence)


@task
def roll_back(who: str, reason: str, expected_version: int | None, evidence: dict[str, Any]) -> Deployment:
    """Let the last champion serve again."""
    expected = ANY if expected_version is None else expected_version
    return parts().championship.rollback(who, reason, expected_version=expected, evidence=evidence)


@task
def drop_challenger() -> None:
    """Let the challenger go."""
    parts().registry.delete_alias(CHALLENGER)
