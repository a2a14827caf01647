"""Register every flow with Prefect: `python -m flows.deploy`; safe to repeat."""

import importlib
from dataclasses import dataclass, field, replace
from datetime import timedelta

from prefect.client.orchestration import get_client
from prefect.client.schemas.actions import WorkPoolCreate
from prefect.client.schemas.objects import ConcurrencyLimitConfig
from prefect.exceptions import ObjectAlreadyExists, ObjectNotFound
from prefect.schedules import Cron, Schedule

from adapters.settings import PROJECT_ROOT, settings
from domain.airports import LAST_YEAR
from domain.run_days import run_lag
from flows.worker import POOL

EARLY = timedelta(minutes=1)
"""More than Prefect starts a run before its time: right before the boundary, the newest complete day is another."""


@dataclass(frozen=True)
class FlowDeployment:
    """A flow that can be run from Prefect's page."""

    module: str
    function: str
    description: str
    schedules: tuple[Schedule, ...] = ()
    tags: tuple[str, ...] = field(default=("ontime",))

    @property
    def name(self) -> str:
        """Return the name of the flow and of its deployment."""
        return self.function.replace("_", "-")


def daily(lag: timedelta) -> Schedule:
    """Return a schedule of once a day, so long after midnight UTC.

    Examples
    --------
    >>> daily(timedelta(hours=-7)).cron, daily(timedelta(minutes=-30)).cron
    ('0 17 * * *', '30 23 * * *')
    """
    hour, minute = divmod(int(lag.total_seconds()) // 60 % 1440, 60)
    return Cron(f"{minute} {hour} * * *", timezone="UTC")


DEPLOYMENTS = (
    FlowDeployment("ingest", "ingest", "Append what became known and is not in the event log yet."),
    FlowDeployment(
        "nightly_monitoring",
        "nightly_monitoring",
        "Measure a day: drift, performance, service. Raises alerts, evaluates the challenger, decides on a retrain.",
        schedules=(daily(run_lag(settings().home_airport, LAST_YEAR) + EARLY),),
    ),
    FlowDeployment(
        "retrain", "retrain", "Train a candidate and compare it with the champion at the promotion gate."
    ),
    FlowDeployment("promote", "promote", "Promote a version, past the gate, on a person's word."),
    FlowDeployment("rollback", "rollback", "Promote the last champion again."),
    FlowDeployment(
        "partitions",
        "partitions",
        "Make the coming month's partition of the log of predictions, and drop those that the policy keeps no longer.",
        schedules=(daily(timedelta(hours=4, minutes=30)),),
    ),
    FlowDeployment("backfill", "backfill", "Measure the days that were missed."),
)


def deploy_all() -> list[str]:
    """Make the work pool and register every deployment; return their names."""
    _ensure_pool()
    return [_deploy(deployment) for deployment in DEPLOYMENTS]


def _ensure_pool() -> None:
    with get_client(sync_client=True) as client:
        try:
            client.create_work_pool(WorkPoolCreate(name=POOL, type="process"))
        except ObjectAlreadyExists:
            return


def _deploy(deployment: FlowDeployment) -> str:
    flow = getattr(importlib.import_module(f"flows.{deployment.module}"), deployment.function)
    sourced = flow.from_source(
        source=str(PROJECT_ROOT), entrypoint=f"flows/{deployment.module}.py:{deployment.function}"
    )
    paused, schedules = _as_an_operator_left_it(deployment)
    sourced.deploy(
        deployment.name,
        work_pool_name=POOL,
        description=deployment.description,
        tags=list(deployment.tags),
        schedules=schedules,
        paused=paused,
        # One at a time; a second one waits. CANCEL_NEW was seen to keep the second run, not the first.
        concurrency_limit=ConcurrencyLimitConfig(limit=1, collision_strategy="ENQUEUE"),
        print_next_steps=False,
        ignore_warnings=True,
    )
    return deployment.name


def _as_an_operator_left_it(deployment: FlowDeployment) -> tuple[bool, list[Schedule]]:
    """Return whether a deployment is paused, and its schedules, paused where those that are registered are."""
    with get_client(sync_client=True) as client:
        try:
            there = client.read_deployment_by_name(f"{deployment.name}/{deployment.name}")
        except ObjectNotFound:
            return False, list(deployment.schedules)
    stopped = bool(there.schedules) and not any(schedule.active for schedule in there.schedules)
    return there.paused, [replace(schedule, active=not stopped) for schedule in deployment.schedules]


if __name__ == "__main__":
    deploy_all()
