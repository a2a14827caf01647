import pytest
from prefect.client.orchestration import get_client

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
    assert {"ingest", "nightly-monitoring", "retrain", "promote", "rollback", "backfill"} == set(deployed)
    assert {d.work_pool_name for d in deployed.values()} == {POOL}
    assert all(len(d.description) > 20 for d in deployed.values())


def test_every_parameter_is_described(deployed):
    for name, deployment in deployed.items():
        for parameter, schema in deployment.parameter_openapi_schema["properties"].items():
            assert len(schema.get("description", "")) > 10, f"{name}: {parameter}"


def test_monitoring_runs_every_morning_at_ten_utc(deployed):
    [schedule] = deployed["nightly-monitoring"].schedules
    assert (schedule.schedule.cron, schedule.schedule.timezone) == ("0 10 * * *", "UTC")


def test_a_flow_runs_once_at_a_time_and_a_second_run_waits(deployed):
    for deployment in deployed.values():
        assert deployment.global_concurrency_limit.limit == 1
        assert deployment.concurrency_options.collision_strategy == "ENQUEUE"
