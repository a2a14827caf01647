"""With ONTIME_TASK_RUNS=false Prefect records flows and no steps; what they do is the same."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import prefect
import pytest
from prefect.client.orchestration import get_client
from prefect.client.schemas.filters import FlowRunFilter
from prefect.client.schemas.objects import FlowRun, TaskRun
from prefect.settings import PREFECT_API_URL

from adapters.prediction_lines import to_copy_line
from adapters.waiting import wait_until
from domain.errors import NotReady
from flows import parts as flow_parts
from flows.nightly_monitoring import nightly_monitoring
from flows.parts import Parts
from flows.tasks.defaults import task
from replay.run_executor import WarmRuns
from tests.builders import prediction

pytestmark = pytest.mark.integration
DAY = date(2013, 4, 3)


@pytest.fixture
def morning(stack: Parts) -> Parts:
    """The stack's clock on the morning after the day, with two predictions of it."""
    stack.clock.set_simulated(datetime(2013, 4, 4, 10, tzinfo=UTC))
    noon = datetime(2013, 4, 3, 18, tzinfo=UTC)
    stack.log.ship("api", 0, b"".join(to_copy_line(prediction(i, noon)) for i in (1, 2)))
    return stack


@pytest.fixture
def with_settings(stack: Parts, monkeypatch) -> Callable[..., None]:
    """Sets some settings of the flows of this process."""

    def change(**values: bool) -> None:
        changed = replace(stack, settings=replace(stack.settings, **values))
        monkeypatch.setattr(flow_parts, "make_parts", lambda _: changed)
        flow_parts.parts.cache_clear()

    return change


def in_a_flow(function: Callable[..., int], *arguments: int) -> int:
    """What a function returns as a step of a flow, as the flows have them but for the length of pauses."""
    step = task(function, retry_delay_seconds=0)
    return prefect.flow(lambda: step(*arguments), name="steps")()


@pytest.mark.parametrize("task_runs", [True, False])
def test_a_step_that_fails_is_tried_three_times_more(with_settings, task_runs):
    with_settings(task_runs=task_runs)
    tries: list[int] = []

    def fail(times: int) -> int:
        tries.append(times)
        if len(tries) <= times:
            raise NotReady(f"try {len(tries)}")
        return len(tries)

    assert in_a_flow(fail, 3) == 4
    tries.clear()
    with pytest.raises(NotReady, match=r"^try 4$"):
        in_a_flow(fail, 4)


@pytest.mark.parametrize("task_runs", [True, False])
def test_a_step_that_is_interrupted_is_not_tried_again(with_settings, task_runs):
    with_settings(task_runs=task_runs)
    tries: list[int] = []

    def interrupted() -> None:
        tries.append(1)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        in_a_flow(interrupted)
    assert len(tries) == 1


def test_between_two_tries_a_step_pauses(with_settings, monkeypatch):
    with_settings(task_runs=False)
    paused: list[float] = []
    monkeypatch.setattr("flows.tasks.defaults.time.sleep", paused.append)

    def fail() -> None:
        raise NotReady("no answer")

    with pytest.raises(NotReady, match="no answer"):
        task(fail)()
    assert paused == [2, 2, 2]


def test_a_flow_without_task_runs_finds_the_same_and_is_on_record(morning, with_settings):
    nightly_monitoring(DAY)
    tracked, measures = newest_run(), morning.monitoring.measures_of(DAY)
    assert wait_until(lambda: len(task_runs(tracked)) > 10, 30, 0.1)
    with_settings(task_runs=False)
    nightly_monitoring(DAY)
    alone = newest_run()
    assert alone.id != tracked.id
    assert alone.state.is_completed()
    assert morning.monitoring.measures_of(DAY) == measures
    flush()  # events come in order: what this flow might have sent before has been recorded by then
    assert task_runs(alone) == []


def test_without_pages_the_figures_are_the_same_and_no_link_leads_to_one(morning, with_settings):
    folder = morning.settings.reports_dir / "monitoring" / str(DAY)
    nightly_monitoring(DAY)
    measures, table = morning.monitoring.measures_of(DAY), (folder / "estimate.json").read_text()
    assert "estimate-2013-04-03" in links(newest_run())
    (folder / "estimate.html").unlink()
    with_settings(report_pages=False)
    nightly_monitoring(DAY)
    assert not (folder / "estimate.html").exists()
    assert (folder / "estimate.json").read_text() == table
    assert morning.monitoring.measures_of(DAY) == measures
    assert links(newest_run()) == ["run-2013-04-03"]


def test_a_replay_monitors_days_without_task_runs_and_draws_the_last_ones_pages(
    morning, stack_environment, monkeypatch
):
    for name, value in stack_environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("ONTIME_MLFLOW_URL", morning.settings.mlflow_url)
    monkeypatch.setenv("ONTIME_MODEL_NAME", morning.settings.model_name)
    own = replace(morning.settings, prefect_url=PREFECT_API_URL.value())
    (own.state_dir / "log").mkdir()
    runs = WarmRuns(own, morning.deployments, drawn=DAY)
    for day in (DAY - timedelta(days=1), DAY):
        runs.run(day)
        made = newest_run()
        assert made.state.is_completed()
        assert made.parameters["day"] == str(day)
        flush()
        assert task_runs(made) == []
        page = own.reports_dir / "monitoring" / str(day) / "estimate.html"
        assert page.exists() == (day == DAY)
    runs.close()


def newest_run() -> FlowRun:
    """The flow run that Prefect has heard of last."""
    with get_client(sync_client=True) as client:
        runs = client.read_flow_runs()
    return max(runs, key=lambda run: run.created)


def task_runs(of: FlowRun) -> list[TaskRun]:
    """What Prefect has recorded of the steps of a flow run."""
    with get_client(sync_client=True) as client:
        return client.read_task_runs(flow_run_filter=FlowRunFilter(id={"any_": [of.id]}))


def links(of: FlowRun) -> list[str]:
    """The keys of a flow run's artifacts."""
    with get_client(sync_client=True) as client:
        found = client.read_artifacts(flow_run_filter=FlowRunFilter(id={"any_": [of.id]}))
    return sorted(artifact.key for artifact in found)


def flush() -> None:
    """Wait until the task run of a flow of its own is recorded."""

    @prefect.flow
    def marked() -> None:
        prefect.task(lambda: None, name="mark")()

    marked()
    assert wait_until(lambda: task_runs(newest_run()), 30, 0.1)
