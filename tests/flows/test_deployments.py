import pytest
from prefect.client.orchestration import get_client
from prefect.client.schemas.actions import DeploymentUpdate

from flows.deploy import DEPLOYMENTS, POOL, deploy_all

pytestmark = pytest.mark.integration


@pytest.fixture(scope="module")
def deployed(prefect_server):
    deploy_all()
    deploy_all()  # safe to repeat
    with get_client(sync_client=True) as client:
        return {d.name: d for d in client.read_deployments()}


def test_every_flow_can_be_run_from_prefects_page(deployed):
    assert set(deployed) == {d.name for d in DEPLOYMENTS}
    assert {
        "ingest",
        "nightly-monitoring",
        "retrain",
        "promote",
        "rollback",
        "backfill",
        "partitions",
    } == set(deployed)
    assert {d.work_pool_name for d in deployed.values()} == {POOL}
    assert all(len(d.description) > 20 for d in deployed.values())


def test_every_parameter_is_described(deployed):
    for name, deployment in deployed.items():
        for parameter, schema in deployment.parameter_openapi_schema["properties"].items():
            assert len(schema.get("description", "")) > 10, f"{name}: {parameter}"


def test_monitoring_runs_every_morning_a_minute_past_ten_utc(deployed):
    [schedule] = deployed["nightly-monitoring"].schedules
    assert (schedule.schedule.cron, schedule.schedule.timezone) == ("1 10 * * *", "UTC")


def test_partitions_are_looked_after_every_day(deployed):
    [schedule] = deployed["partitions"].schedules
    assert (schedule.schedule.cron, schedule.schedule.timezone) == ("30 4 * * *", "UTC")


def test_a_flow_runs_once_at_a_time_and_a_second_run_waits(deployed):
    for deployment in deployed.values():
        assert deployment.global_concurrency_limit.limit == 1
        assert deployment.concurrency_options.collision_strategy == "ENQUEUE"


def test_what_an_operator_paused_stays_paused_over_an_upgrade(deployed):
    monitoring, retrain = deployed["nightly-monitoring"], deployed["retrain"]
    with get_client(sync_client=True) as client:

        def pause(paused: bool) -> None:
            client.update_deployment_schedule(monitoring.id, monitoring.schedules[0].id, active=not paused)
            client.update_deployment(retrain.id, DeploymentUpdate(paused=paused))

        pause(True)
        deploy_all()
        monitoring = client.read_deployment(monitoring.id)
        assert [schedule.active for schedule in monitoring.schedules] == [False]
        assert client.read_deployment(retrain.id).paused
        pause(False)
        deploy_all()
        assert [schedule.active for schedule in client.read_deployment(monitoring.id).schedules] == [True]
        assert not client.read_deployment(retrain.id).paused
