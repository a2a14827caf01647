import os
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
from prefect.settings import PREFECT_API_URL

from adapters.prefect_client import FlowRun, PrefectClient
from adapters.settings import read_settings
from domain.errors import NotReady
from flows.deploy import deploy_all
from flows.worker import POOL, RUN_MARK, put_back
from services import health

pytestmark = pytest.mark.integration
FLOW = "rollback"


@pytest.fixture
def client(prefect_server) -> PrefectClient:
    deploy_all()
    return PrefectClient(PREFECT_API_URL.value())


@pytest.fixture
def left(client) -> FlowRun:
    """A run whose worker took it and is gone."""
    run = client.start(FLOW, {"reason": "test"}, f"left {datetime.now(UTC)}")
    for kind in ("PENDING", "RUNNING"):
        client._call("POST", f"flow_runs/{run.run_id}/set_state", {"state": {"type": kind}})
    assert client.state(run)[0] == "RUNNING"
    return run


@pytest.fixture
def outlived(left) -> Iterator[subprocess.Popen[bytes]]:
    """A process of that run, still at it."""
    with subprocess.Popen(
        [sys.executable, "-c", "import time; time.sleep(60)"], env=os.environ | {RUN_MARK: left.run_id}
    ) as process:
        yield process
        process.kill()


def test_a_run_whose_worker_is_gone_is_put_back_and_gives_its_slot_free(client, left):
    assert left in put_back(client)
    assert client.state(left)[0] == "SCHEDULED"
    limit = client._call("GET", f"deployments/name/{FLOW}/{FLOW}")["global_concurrency_limit"]
    assert limit["active_slots"] == 0
    assert put_back(client) == []


def test_what_outlived_its_worker_is_ended_before_its_run_begins_again(client, outlived):
    put_back(client)
    assert outlived.wait(5) < 0


def test_a_run_that_nobody_has_taken_is_left_alone(client):
    waiting = client.start(FLOW, {"reason": "test"}, f"waiting {datetime.now(UTC)}")
    assert waiting not in put_back(client)


def test_a_deployment_that_somebody_deleted_is_said_with_what_brings_it_back(client):
    deployment = client._call("GET", f"deployments/name/{FLOW}/{FLOW}")
    PrefectClient(PREFECT_API_URL.value())._server.ask("DELETE", f"deployments/{deployment['id']}")
    with pytest.raises(
        NotReady, match=f"Prefect has no deployment {FLOW}: a start of the stack registers it"
    ):
        client.start(FLOW, {"reason": "test"})
    deploy_all()
    assert client.start(FLOW, {"reason": "test"}).run_id


def test_a_work_pool_that_somebody_paused_is_not_healthy(client, postgres):
    """Nothing is monitored then, and its worker lives."""
    own = read_settings({"ONTIME_PREFECT_URL": PREFECT_API_URL.value()})
    server = PrefectClient(PREFECT_API_URL.value())._server
    server.ask("POST", f"work_pools/{POOL}/workers/heartbeat", json={"name": "a test"})
    health.prefect_worker(postgres, own)
    try:
        server.ask("PATCH", f"work_pools/{POOL}", json={"is_paused": True})
        with pytest.raises(NotReady, match="work pool is paused"):
            health.prefect_worker(postgres, own)
        health.worker_online(own)
    finally:
        server.ask("PATCH", f"work_pools/{POOL}", json={"is_paused": False})
