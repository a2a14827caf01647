"""A part that cannot start ends `make up` soon: which, the last lines of its log, and what to do."""

import socket
import time
from collections.abc import Iterator

import pytest

from tests.deploy.quick_stack import SmallStack, small_stack

pytestmark = [pytest.mark.stack, pytest.mark.timeout(300)]


@pytest.fixture(scope="module")
def stack(tmp_path_factory) -> Iterator[SmallStack]:
    """A stack that was never started."""
    with small_stack(tmp_path_factory.mktemp("secrets")) as small:
        small.build("latest")
        yield small


@pytest.mark.parametrize(
    ("variables", "service", "message"),
    [
        # Compose waits for it before it starts the rest.
        ({"MIGRATE": "false"}, "migrate", "exited with 1"),
        # Docker starts it again and again.
        ({"MLFLOW_START": "exit 3"}, "mlflow", "it ended and was started again"),
        # It runs, but its check fails.
        ({"API_CHECK": "false"}, "api", "unhealthy"),
    ],
)
def test_a_part_that_cannot_start_ends_the_command_within_a_minute(stack, variables, service, message):
    stack.command("down")
    began = time.monotonic()
    done = stack.command("up", "--replicas", "1", **variables)
    assert time.monotonic() - began < 75
    assert done.returncode == 1
    assert f"ontime: {service} cannot start: {message}" in done.stderr
    assert "opening the" in done.stderr
    assert f"`make logs S={service}`" in done.stderr


def test_a_taken_port_is_named_with_the_setting(stack):
    stack.command("down")
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        done = stack.command("up", "--replicas", "1", GATEWAY_PORT=port)
    assert done.returncode == 1
    assert "gateway cannot start: not started: " in done.stderr
    assert port in done.stderr
    assert "GATEWAY_PORT" in done.stderr


def test_it_starts_when_the_cause_is_mended(stack):
    assert stack.command("up", "--replicas", "1", MLFLOW_START="exit 3").returncode == 1
    stack.up(1)
    assert len(stack.containers("mlflow")["mlflow"]) == 1
