"""Commands on whichever stack runs: a container on a real engine, and in it a command that repeats its words."""

import os
import subprocess
import sys
from collections.abc import Iterator

import pytest

from adapters.settings import PROJECT_ROOT
from deploy.status import NOTHING_RUNS

pytestmark = [pytest.mark.stack, pytest.mark.timeout(300)]
PROJECT = f"ontime-inside-{os.getpid()}"
REPEATS = "printf '#!/bin/sh\\necho \"$LOGNAME: $*\"; exit 3\\n' > /usr/bin/ontime; chmod +x /usr/bin/ontime; sleep 600"


@pytest.fixture
def environment(tmp_path) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("ONTIME_", "DOCKER_"))}
    return kept | {
        "COMPOSE_PROJECT_NAME": PROJECT,
        "ONTIME_STATE_DIR": str(tmp_path),
        "ONTIME_SUPERVISOR_PORT": "1",
        "LOGNAME": "erika",
    }


@pytest.fixture
def worker(environment) -> Iterator[None]:
    labels = {"project": PROJECT, "oneoff": "False", "service": "prefect-worker"}
    words = [part for name, value in labels.items() for part in ("-l", f"com.docker.compose.{name}={value}")]
    started = ["docker", "run", "-d", "--rm", *words, "debian:trixie-slim", "sh", "-c", REPEATS]
    container = subprocess.run(
        started, env=environment, capture_output=True, text=True, check=True
    ).stdout.strip()
    yield
    subprocess.run(["docker", "rm", "-f", container], env=environment, capture_output=True, check=True)


COMMANDS = {
    "with an environment": [sys.executable, "-m", "ontime"],
    "with Docker alone": ["python3", "-m", "deploy.compose", "ontime"],
}


def run(environment, command) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*COMMANDS[command], "rollback", "--reason", "it is worse"],
        cwd=PROJECT_ROOT, env=environment, capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip


@pytest.mark.parametrize("command", COMMANDS)
def test_a_rollback_runs_in_the_worker_of_the_compose_stack_where_that_one_runs(environment, worker, command):
    done = run(environment, command)
    assert (done.returncode, done.stderr) == (3, "")
    assert done.stdout.splitlines() == ["on the Compose stack", "erika: rollback --reason it is worse"]


@pytest.mark.usefixtures("worker")
def test_whoever_names_a_postgresql_has_chosen_another_stack(environment):
    done = run(environment | {"ONTIME_POSTGRES_PORT": "1"}, "with an environment")
    assert done.returncode == 1
    assert "postgres_password" in done.stderr


def test_without_any_stack_it_says_how_to_start_one(environment):
    done = run(environment, "with Docker alone")
    assert (done.returncode, done.stderr) == (1, f"ontime: {NOTHING_RUNS}\n")
