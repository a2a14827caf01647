"""Measure days: what each shows alone, which may be measured anywhere and in any order, then what rests on days before.

With ONTIME_ENGINE=dask Prefect hands the first part of several days to Dask's workers, a task a day.
"""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
from prefect import flow
from prefect.artifacts import create_link_artifact

from adapters.engine import DASK, engine_of
from adapters.prediction_sample import WindowTotals
from adapters.settings import Settings
from flows import tasks
from flows.parts import parts
from flows.tasks import RunContext
from flows.tasks.defaults import task
from monitoring import performance
from monitoring.drift import DriftReport
from monitoring.measures import Measure
from monitoring.rules import Alert, measure_unable
from monitoring.trailing import prediction_drift

WINDOW_DAYS = 7


@dataclass(frozen=True)
class Observed:
    """What a day shows alone, whatever was measured of the days before it."""

    version: int | None
    """Who served when it ended."""
    totals: WindowTotals
    flights: int
    """How many of the day's flights were asked about."""
    labelled: int
    scheduled: int
    report: DriftReport
    before_service: list[Measure]
    after_service: list[Measure]
    """Measures in their order: those of the service, which look at the days before, stand between."""


def measure(run: RunContext) -> list[Alert]:
    """Measure feeds, drift, performance, estimate and service; store the run; raise its alerts."""
    return conclude(run, observe(run))


def measure_days(runs: list[RunContext]) -> None:
    """Measure several days, oldest first; what each shows alone on Dask's workers, where they are the engine."""
    with _observed(runs) as observed:
        for run, seen in zip(runs, observed, strict=True):
            conclude(run, seen)


def observe(run: RunContext) -> Observed:
    """Measure feeds, drift and performance of a day, and what was answered on it; nothing is stored of it."""
    champion = tasks.load_champion_of(run)
    reference = tasks.fetch_reference(champion) if champion else None
    # Of the feeds alone, before what is answered is counted: the last counts of a day may be on their way.
    facts = tasks.fetch_facts(run)
    quality = tasks.measure_quality(run, facts)
    acknowledged = tasks.count_acknowledged(run)
    totals, week = tasks.count_predictions(run), tasks.count_predictions(run, WINDOW_DAYS)
    sample, window = tasks.sample_predictions(run, totals, week, WINDOW_DAYS)
    flights = sample.predictions
    report = tasks.measure_drift(run, champion, flights, reference)
    trailed = tasks.measure_trailing(run, flights)
    before_service = [
        *report.measures,
        *prediction_drift(report.measures, "drift", "prediction_drift"),
        *trailed,
        *prediction_drift(trailed, "drift_trailing", "prediction_drift_trailing"),
        *performance.measure_realised(flights),
        *performance.measure_estimated(flights),
        *performance.measure_window(window.predictions),
        *quality.measures,
    ]
    after_service = [
        *tasks.measure_answers(run, acknowledged, totals),
        *tasks.measure_parity(flights, facts),
        *tasks.measure_versions(run, flights),
        *tasks.measure_registry(),
        *tasks.measure_approval(run),
    ]
    tasks.trace_scored(run, flights)
    return Observed(
        version=champion.version if champion else None,
        totals=totals,
        flights=tasks.count_flights(run),
        labelled=sample.scaled(int((~np.isnan(flights.is_late)).sum())),
        scheduled=quality.scheduled,
        report=report,
        before_service=before_service,
        after_service=after_service,
    )


def conclude(run: RunContext, seen: Observed) -> list[Alert]:
    """Measure what rests on the days before; store the run; raise its alerts."""
    measures = [
        *seen.before_service,
        *tasks.measure_service(run, seen.totals, seen.flights, seen.scheduled),
        *seen.after_service,
    ]
    measures += tasks.measure_estimates(run, measures)
    measures += tasks.measure_accounts(run, measures)
    measures += measure_unable(measures)
    tasks.save_run(run, seen.version, seen.totals, seen.labelled, measures, seen.report)
    html = seen.report.html
    if html is not None:
        create_link_artifact(
            key=f"drift-{run.day}",
            link=html.as_uri(),
            description=f"Evidently's report of {run.day}, the file",
        )
    for name, (link, description) in tasks.report_links(run, html is not None).items():
        create_link_artifact(key=f"{name}-{run.day}", link=link, description=description)
    tasks.prune_reports(run)
    alerts: list[Alert] = tasks.raise_alerts(run)
    return alerts


@contextmanager
def _observed(runs: list[RunContext]) -> Iterator[Iterable[Observed]]:
    own: Settings = parts().settings
    if own.engine != DASK or not runs:
        yield map(observe, runs)
        return
    # Connected first, so that a scheduler that is not there is named with its setting.
    with engine_of(own):
        from adapters.dask_cluster import task_runner

        yield observe_days.with_options(task_runner=task_runner(own.dask_scheduler))(runs)


observe_day = task(observe, name="observe-day", task_run_name="observe-{run.day}")


@flow(name="observe-days", validate_parameters=False)
def observe_days(runs: list[RunContext]) -> list[Observed]:
    """Observe several days at once, a task each on the flow's task runner; return them in order."""
    futures = [observe_day.submit(run) for run in runs]
    return [future.result() for future in futures]
