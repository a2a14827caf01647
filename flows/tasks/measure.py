"""What a run measures: feeds, drift, service, answers, parity, versions. Each returns measures and stores none."""

import logging
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

import numpy as np

from adapters.model_registry import CHALLENGER, CHAMPION
from adapters.prediction_columns import PredictionColumns
from adapters.prediction_sample import Sample, WindowTotals
from adapters.spool_reader import unshipped_bytes
from adapters.waiting import wait_until
from domain.clock import from_minute, minute_floor
from domain.errors import ContractMismatch, NotFound, SignatureInvalid
from domain.features.catalogue import CONTRACT_HASH
from domain.features.state import AHEAD_MINUTES, LOOKBACK_MINUTES
from domain.features.vectors import vectors_for
from domain.flights import FlightFacts, Floats, Queries, WeatherFacts, flight_numbers
from domain.metrics import log_loss
from domain.monitored import VERSION_SLICE
from flows.parts import parts
from flows.references import reference_file, reference_of, trailing_file
from flows.tasks.defaults import task
from flows.tasks.inputs import LEDGER_ROWS, Champion, RunContext, trained_days
from flows.tasks.store import report_folder
from monitoring import drift, performance, quality, reference, service, trailing, windows
from monitoring.measures import Measure
from monitoring.policy import AWAITS
from monitoring.standing import versions_in_play
from monitoring.thresholds import ThresholdPolicy
from training.training_set import HEADLINE_LEAD, build

PARITY_SAMPLE = 200
DAY_SAMPLE, WINDOW_SAMPLE = 20_000, 100_000
"""Flights of a day, with features, and of a week, without, that a run reads at most."""
REQUEST_DAYS = 14
"""Days with whose requests a day's are compared."""
COUNTS_PATIENCE_SECONDS, COUNTS_PAUSE_SECONDS = 3.0, 0.05
OLDEST_STATE_DAYS = 3
"""A prediction is asked up to a day before its flight leaves, by a state of up to a day, in a zone up to one away."""
NEWER_VERSIONS = 5
"""Versions beyond those in use that are audited: candidates that wait."""
logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Acknowledged:
    """What the API's workers say they answered, and how many bytes of it were not stored then."""

    predictions: int | None
    unshipped: int | None


@dataclass(frozen=True)
class Facts:
    """What was known of flights and weather at a moment: of flights scheduled since another, until the day is over."""

    since: datetime
    known_by: datetime
    flights: FlightFacts
    weather: WeatherFacts

    def scheduled_since(self, moment: datetime) -> "Facts":
        """Keep the flights scheduled since a moment, a whole minute, and the weather known from a day before it on."""
        minute = minute_floor(moment)
        flights = self.flights.take(self.flights.sched_dep >= minute)
        return Facts(moment, self.known_by, flights, self.weather.take(self.weather.known >= minute - 1440))


@task
def count_acknowledged(run: RunContext) -> Acknowledged:
    """Count what was acknowledged, then look whether any of it still waits to be stored; before the log is counted."""
    own, acknowledged = parts(), None

    def are_counted() -> bool:
        nonlocal acknowledged
        acknowledged = own.service.acknowledged(run.day)
        return (
            acknowledged is None or acknowledged >= own.analysis.sampler.totals(run.day, run.day).predictions
        )

    # A worker stores its counts a second or two after its last answer: right after a day they may be on their way.
    wait_until(are_counted, COUNTS_PATIENCE_SECONDS, COUNTS_PAUSE_SECONDS)
    return Acknowledged(acknowledged, unshipped_bytes(own.spool, own.log.offset))


@task
def count_predictions(run: RunContext, days: int = 1) -> WindowTotals:
    """Count the predictions of the newest days up to the run's."""
    return parts().analysis.sampler.totals(*windows.trailing(run.day, days))


@task
def count_flights(run: RunContext) -> int:
    """Count the day's flights that were asked about, whenever that was and whatever contract answered."""
    _, flights = parts().analysis.log.by_day(run.day, run.day).get(run.day, (0, 0))
    return flights


def sample_with_features(first: date, last: date, known_by: datetime) -> PredictionColumns:
    """Return one prediction a flight of some days, with features; of many flights a sample."""
    sampler = parts().analysis.sampler
    near = sampler.totals(first, last).near_headline
    return sampler.sample(first, last, known_by, CONTRACT_HASH, DAY_SAMPLE, near).predictions


@task
def sample_predictions(
    run: RunContext, day: WindowTotals, window: WindowTotals, days: int
) -> tuple[Sample, Sample]:
    """Return one prediction a flight of the day, and of some days up to it, with the labels that were known then.

    In one read; of many flights a sample each. Only the day's come with their features: those of a week would be read
    for nothing.
    """
    sampler, span = parts().analysis.sampler, windows.trailing(run.day, days)
    if day.near_headline <= DAY_SAMPLE and window.near_headline <= WINDOW_SAMPLE:
        newest, every = sampler.newest_and_window(*span, run.as_of, CONTRACT_HASH)
        return Sample(newest, 1.0), Sample(every, 1.0)
    known = run.as_of, CONTRACT_HASH
    return (
        sampler.sample(run.day, run.day, *known, DAY_SAMPLE, day.near_headline),
        sampler.sample(*span, *known, WINDOW_SAMPLE, window.near_headline, with_features=False),
    )


@task
def fetch_reference(champion: Champion) -> reference.Reference | None:
    """Return the champion's training days and its drift thresholds: kept since it was trained, or made once here.

    None where it is of another feature contract, on the day of a change: its vectors are computed by other code.
    """
    if champion.model.manifest.contract_hash != CONTRACT_HASH:
        return None
    own = parts()
    path = reference_file(own.settings, champion.version, champion.model)
    kept = reference.Reference.find(path)
    if kept is None:
        as_of = datetime.fromisoformat(champion.model.manifest.as_of)
        events, labels = own.analysis.events, own.analysis.labels
        rows = build(events, *trained_days(champion), as_of, (HEADLINE_LEAD,), 0, label_store=labels)
        kept = reference_of(champion.model, rows)
        kept.save(path)
    return kept


@task
def measure_drift(
    run: RunContext,
    champion: Champion | None,
    predictions: PredictionColumns,
    against: reference.Reference | None,
) -> drift.DriftReport:
    """Measure drift, with Evidently where its page is drawn."""
    if champion is None or against is None or not len(predictions):
        return drift.DriftReport([], None, None)
    _, current = reference.watched_columns(predictions.features, predictions.probability)
    return drift.measure_drift(
        current, against, report_folder(run.day) if parts().settings.report_pages else None
    )


@task
def measure_trailing(run: RunContext, predictions: PredictionColumns) -> list[Measure]:
    """Measure drift against the four weeks served before this one; nothing before they are there."""
    before = trailing_reference(run) if len(predictions) else None
    if before is None:
        return []
    _, current = reference.watched_columns(predictions.features, predictions.probability)
    return trailing.measure_trailing(current, before)


def trailing_reference(run: RunContext) -> reference.Reference | None:
    """Return the four whole weeks before the run's: read from the log once a week, then kept."""
    own = parts()
    last = run.day - timedelta(days=run.day.weekday() + 1)
    first = last - timedelta(days=trailing.DAYS - 1)
    path = trailing_file(own.settings, last)
    kept = reference.Reference.find(path)
    if kept is not None:
        return kept
    if len(own.analysis.log.by_day(first, last)) < ThresholdPolicy().minimum_days:
        return None  # before anything is read: until they are there, every run asks
    served = sample_with_features(first, last, windows.run_moment(last))
    days = windows.day_numbers(served)
    if len(np.unique(days)) < ThresholdPolicy().minimum_days:  # the others' are of another contract
        return None
    columns, values = reference.watched_columns(served.features, served.probability)
    made = reference.make_reference(columns, values, days)
    made.save(path)
    return made


@task
def fetch_facts(run: RunContext) -> Facts:
    """Return what was known of the day and of the weeks before it: as far back as vectors of its predictions look."""
    start = _midnight(run)
    since = start - timedelta(days=OLDEST_STATE_DAYS + 1, minutes=LOOKBACK_MINUTES)
    flights, weather = parts().analysis.events.facts(run.as_of, since, start + timedelta(days=2))
    return Facts(since, run.as_of, flights, weather)


def _midnight(run: RunContext) -> datetime:
    return datetime(run.day.year, run.day.month, run.day.day, tzinfo=UTC)


@task
def measure_quality(run: RunContext, facts: Facts) -> quality.DayQuality:
    """Measure the feeds of the day, flights, weather and labels, against the four weeks before it."""
    own = parts()
    near = facts.scheduled_since(_midnight(run) - timedelta(days=quality.TRAILING_DAYS + 1))
    labels = own.analysis.labels.known_by(run.as_of, run.day, run.day)
    heard, _ = own.analysis.events.newest(run.as_of)
    return quality.measure_quality(
        near.flights.latest(), near.weather, labels.flight_id, run.day, run.as_of, heard
    )


@task
def measure_service(run: RunContext, totals: WindowTotals, flights: int, scheduled: int) -> list[Measure]:
    """Measure latency, coverage of the schedule, requests against the days before, what waits in the spool."""
    own = parts()
    history = own.monitoring.history(run.day - timedelta(days=1), REQUEST_DAYS)
    before = [value for _, value, _ in history.get("predictions", [])]
    return service.measure_service(totals, flights, scheduled, own.spool.backlog_bytes(), before)


@task
def measure_answers(run: RunContext, acknowledged: Acknowledged, totals: WindowTotals) -> list[Measure]:
    """Measure errors, what was shed, throughput, and whether every acknowledged prediction is in the log."""
    return [
        *service.measure_requests(parts().service.day(run.day)),
        *service.measure_log(acknowledged.predictions, acknowledged.unshipped, totals.predictions),
    ]


@task
def measure_parity(predictions: PredictionColumns, facts: Facts) -> list[Measure]:
    """Recompute a sample of logged vectors from the event log, and count those that differ in any bit."""
    n = len(predictions)
    if not n:
        return []
    rows = np.sort(np.random.default_rng(n).permutation(n)[:PARITY_SAMPLE])
    recomputed = recompute_vectors(predictions, rows, facts)
    wrong = performance.parity_mismatches(predictions.features[rows], recomputed)
    return [Measure("parity_mismatches", float(wrong), n=len(rows))]


def recompute_vectors(predictions: PredictionColumns, rows: np.ndarray, facts: Facts) -> Floats:
    """Compute logged vectors again, the way of training: from the events, at the state each answer saw."""
    ticks = predictions.state_tick[rows]
    first, last = from_minute(int(ticks.min()) - LOOKBACK_MINUTES - 1440), from_minute(int(ticks.max()))
    flights, weather = facts.flights, facts.weather
    if first < facts.since or last > facts.known_by:  # an answer that saw a state older than any is served
        until = last + timedelta(minutes=AHEAD_MINUTES)
        flights, weather = parts().analysis.events.facts(last, first, until)
    queries = Queries(
        carrier=predictions.carrier[rows],
        number=flight_numbers(predictions.flight_id[rows]),
        origin=predictions.origin[rows],
        dest=predictions.dest[rows],
        sched_dep=predictions.sched_dep[rows],
        sched_arr=predictions.sched_arr[rows],
        as_of=predictions.as_of[rows],
    )
    return vectors_for(queries, flights, weather, ticks)


@task
def measure_versions(run: RunContext, predictions: PredictionColumns) -> list[Measure]:
    """Measure what each version in play lost, or would have lost, on the day's labelled flights.

    In play are who serves, who served lately, and the challenger: what the accounts of evidence are kept from.
    """
    own = parts()
    rows = np.flatnonzero(~np.isnan(predictions.is_late))
    if not len(rows):
        return []
    versions = versions_in_play(own.deployments.history(LEDGER_ROWS), run.day, own.evidence_policy)
    # Measured again, a day has who was its challenger then, too: what it lost is evidence for weeks.
    versions |= set(own.monitoring.version_losses(run.day, run.day).get(run.day, {}))
    challenger = own.registry.alias(CHALLENGER) if run.is_newest else None
    late, vectors = predictions.is_late[rows] == 1, predictions.features[rows]
    measures = []
    for version in sorted(versions | ({challenger} if challenger is not None else set())):
        try:
            model = own.registry.load(version)
            model.require_contract(CONTRACT_HASH)
        except (SignatureInvalid, NotFound, ContractMismatch) as error:
            logger.warning("version not compared", extra={"version": version, "reason": str(error)})
            continue
        value = log_loss(late, model.probability(vectors))
        measures.append(Measure("version_log_loss", value, f"{VERSION_SLICE}{version}", n=len(rows)))
    return measures


@task
def measure_registry() -> list[Measure]:
    """Count versions whose files MLflow holds are not those that were signed: in use, on trial, or newer."""
    registry = parts().registry
    aliased = {v for v in (registry.alias(CHAMPION), registry.alias(CHALLENGER)) if v is not None}
    newest = max(aliased, default=0)
    refused, audited = 0, 0
    for version in sorted(aliased | set(range(newest + 1, newest + 1 + NEWER_VERSIONS))):
        try:
            registry.audit(version)
        except NotFound:
            continue
        except SignatureInvalid as error:
            found = registry.version(version)
            if version not in aliased and not (found.binding or found.binding_before):
                continue  # its registration was cut off: nobody loads it
            refused += 1
            logger.warning("artifact refused", extra={"version": version, "reason": str(error)})
        audited += 1
    return [Measure("refused_artifacts", float(refused), n=audited)]


@task
def measure_approval(run: RunContext) -> list[Measure]:
    """Measure whether the challenger of the run before held and waits for a person."""
    own, before = parts(), run.day - timedelta(days=1)
    challenger = own.registry.alias(CHALLENGER)
    waiting = [
        decision
        for decision in own.monitoring.decisions(before, before)
        if AWAITS in decision.evidence and decision.evidence.get("challenger") == challenger
    ]
    return [Measure("awaiting_approval", float(len(waiting)))]
