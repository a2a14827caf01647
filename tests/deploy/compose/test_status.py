"""`make status` of a Compose stack: what runs, its health, and the exit status; with an environment and without."""

import json
import sys
from collections.abc import Iterator

import pytest

from tests.deploy.quick_stack import SmallStack, run, small_stack
from tests.session import free_port

pytestmark = [pytest.mark.stack, pytest.mark.timeout(300)]
RUNNING = {"api-1", "api-2", "features", "gateway", "mlflow", "postgres", "prefect-server", "prefect-worker"}


@pytest.fixture(scope="module")
def stack(tmp_path_factory) -> Iterator[SmallStack]:
    home = tmp_path_factory.mktemp("home")
    with small_stack(home / "secrets") as small:
        small.build("latest")
        small.environment |= {"ONTIME_STATE_DIR": str(home), "ONTIME_SUPERVISOR_PORT": str(free_port())}
        yield small


def status(stack, *words):
    kept = {
        name: value for name, value in stack.environment.items() if not name.startswith("ONTIME_POSTGRES_")
    }
    return run(sys.executable, "-m", "ontime", "status", *words, environment=kept)


def test_every_container_is_a_line_and_all_are_healthy(stack):
    stack.up(2)
    done = status(stack)
    assert done.returncode == 0, done.stdout + done.stderr
    project = stack.environment["COMPOSE_PROJECT_NAME"]
    head, _, *rows = done.stdout.splitlines()
    assert head == f"the Compose stack ({project})"
    assert {row.split()[0] for row in rows} == RUNNING
    assert all(row.endswith("  healthy") for row in rows)
    without = stack.command("status")
    assert (without.returncode, without.stdout.splitlines()[0]) == (0, head)
    assert [row.split()[0] for row in without.stdout.splitlines()] == [
        r.split()[0] for r in done.stdout.splitlines()
    ]
    [shown] = json.loads(status(stack, "--json").stdout)
    assert (shown["stack"], shown["folder"], shown["healthy"]) == ("compose", project, True)
    assert {program["name"] for program in shown["programs"]} == RUNNING


def test_one_that_ended_or_is_unhealthy_is_named_with_what_is_wrong(stack):
    stack.up(2)
    [mlflow] = stack.containers("mlflow")["mlflow"]
    run("docker", "stop", "-t", "0", mlflow)
    done = status(stack)
    assert done.returncode == 1
    [row] = [line for line in done.stdout.splitlines() if line.startswith("mlflow")]
    assert "exited with 1" in row
    assert status(stack, "--json").returncode == 1
    assert stack.command("status").returncode == 1
    run("docker", "start", mlflow)


def test_where_none_runs_the_native_stack_is_shown_or_the_way_to_start_one(stack):
    stack.command("down")
    done = status(stack)
    assert done.returncode == 1
    assert done.stdout.startswith("your own stack")
    without = stack.command("status")
    assert without.returncode == 1
    assert "no stack runs here" in without.stderr
