"""A stack on three nodes, for real: a node is drained and an update rolls under load; a bad one goes back by itself."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from tests.deploy.compose.running_stack import Client
from tests.deploy.swarm.nodes import SwarmStack, eventually

pytestmark = [pytest.mark.stack, pytest.mark.timeout(2400)]


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SwarmStack]:
    made = SwarmStack(tmp_path_factory.mktemp("swarm"))
    try:
        made.make()
        made.up(3)
        yield made
    finally:
        made.remove()


@contextmanager
def load(stack: SwarmStack) -> Iterator[list[Client]]:
    """Clients at the gateways of two nodes; in the end not one request failed, and what was answered is logged once."""
    clients = [Client(stack.entrance(node)) for node in stack.nodes[:2]]
    for client in clients:
        client.start()
    try:
        yield clients
    finally:
        for client in clients:
            client.close()
    assert [client.failed for client in clients] == [[], []]
    assert_logged_once(stack, [each for client in clients for each in client.acknowledged])


def assert_logged_once(stack: SwarmStack, acknowledged: list[str]) -> None:
    assert len(set(acknowledged)) == len(acknowledged) > 100

    def logged() -> list[str]:
        return [row[0] for row in stack.sql("SELECT prediction_id FROM predictions")]

    eventually(lambda: set(acknowledged) <= set(logged()), 60)
    found = logged()
    assert len(found) == len(set(found))


def test_the_api_is_spread_over_the_nodes_and_what_keeps_data_is_on_one(stack):
    names = {node.name for node in stack.nodes}
    assert set(stack.running("api").values()) == names
    assert set(stack.running("shipper").values()) == set(stack.running("gateway").values()) == names
    for service in ("postgres", "mlflow", "prefect-server", "prefect-worker", "watchman"):
        assert set(stack.running(service).values()) == {stack.nodes[0].name}, service
    said = stack.command("status").stdout
    assert f"api@{stack.nodes[2].name}" in said


def test_every_gateway_answers(stack):
    for node in stack.nodes:
        status, body = stack.entrance(node).ask("/health/ready")
        assert (status, body["status"]) == (200, "ready")


def test_the_command_again_replaces_nothing(stack):
    before = {service: stack.running(service) for service in ("api", "gateway", "postgres", "prefect-worker")}
    stack.up(3)
    assert {service: stack.running(service) for service in before} == before


def test_an_engine_that_manages_no_swarm_is_an_error_that_says_what_to_do(stack):
    done = stack.command("status", check=False, at=stack.nodes[1])
    assert done.returncode == 1
    assert "this engine manages no swarm: `docker swarm init`" in done.stderr


def test_compose_does_not_start_beside_it_on_the_same_volumes(stack):
    done = stack.compose_up()
    assert done.returncode == 1
    assert "the stack runs on a swarm here, on the same volumes: `make swarm-down` first" in done.stderr


def test_a_node_is_drained_under_load_and_nothing_it_acknowledged_is_lost(stack):
    leaving = stack.nodes[2]
    with load(stack):
        eventually(lambda: stack.sql("SELECT count(*) > 200 FROM predictions") == [["t"]], 120)
        stack.nodes[0].docker("node", "update", "--availability", "drain", leaving.name)
        eventually(lambda: not leaving.docker("ps", "-q").split(), 90)
        eventually(lambda: len(stack.running("api")) == 3, 120)
    assert leaving.name not in stack.running("api").values()
    assert leaving.spooled(f"{stack.name}_spool") == []
    stack.nodes[0].docker("node", "update", "--availability", "active", leaving.name)
    eventually(lambda: leaving.name in stack.running("shipper").values(), 60)


def test_an_update_rolls_under_load(stack):
    before = stack.running("api")
    stack.environment["ONTIME_LOG_LEVEL"] = "WARNING"
    with load(stack):
        stack.up(3)
    after = stack.running("api")
    assert len(after) == 3
    assert not set(after) & set(before)


def test_a_release_that_is_never_ready_is_rolled_back_while_answers_go_on(stack):
    before = {service: stack.running(service) for service in ("gateway", "prefect-worker", "features")}
    good = stack.environment["IMAGE_TAG"]
    stack.environment["IMAGE_TAG"] = stack.make_bad_release()
    stack.bring_images()
    with load(stack):
        done = stack.up(3, check=False)
    stack.environment["IMAGE_TAG"] = good
    assert done.returncode == 1
    assert (
        "api does not start: its update failed and was rolled back; what served before serves" in done.stderr
    )
    assert len(stack.running("api")) == 3
    assert {service: stack.running(service) for service in before} == before


def test_it_goes_and_the_volumes_stay(stack):
    stack.command("down")
    first = stack.nodes[0]
    assert first.docker("service", "ls", "-q") == first.docker("secret", "ls", "-q") == ""
    assert f"{stack.name}_postgres-data-17" in first.docker("volume", "ls", "-q").split()
