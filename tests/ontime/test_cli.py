import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from adapters.settings import PROJECT_ROOT
from ontime.cli import _test_environment
from ontime.stack import layout
from ontime.stack.processes import of_stack
from tests.conftest import free_port

PORTS = ("POSTGRES", "API", "MLFLOW", "PREFECT", "SUPERVISOR")


@pytest.fixture
def environment(tmp_path) -> dict[str, str]:
    """Settings of a stack that nobody else has."""
    own = {name: value for name, value in os.environ.items() if not name.startswith("ONTIME_")}
    ports = {f"ONTIME_{name}_PORT": str(free_port()) for name in PORTS}
    return (
        own
        | ports
        | {
            "ONTIME_STATE_DIR": str(tmp_path / "state"),
            "ONTIME_INBOX_DIR": str(tmp_path / "inbox"),
        }
    )


def ontime(environment: dict[str, str], *words: str) -> subprocess.CompletedProcess:
    return subprocess.run(
        [sys.executable, "-m", "ontime", *words],
        env=environment, cwd=PROJECT_ROOT, capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip


@pytest.mark.parametrize("name", PORTS)
def test_a_taken_port_is_an_error_that_names_it_and_its_setting(environment, name):
    setting = f"ONTIME_{name}_PORT"
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", int(environment[setting])))
        taken.listen()
        done = ontime(environment, "local")
    assert done.returncode == 1
    assert setting in done.stderr
    assert environment[setting] in done.stderr
    assert "Traceback" not in done.stderr
    assert of_stack(Path(environment["ONTIME_STATE_DIR"])) == []


def test_nothing_runs_is_not_well(environment):
    done = ontime(environment, "status")
    assert done.returncode == 1
    assert "stopped" in done.stdout


def test_stopping_a_stack_that_does_not_run_is_no_error(environment):
    assert ontime(environment, "down").returncode == 0


def test_clean_forgets_the_state_and_nothing_beside_it(environment):
    state = Path(environment["ONTIME_STATE_DIR"])
    (state / "log").mkdir(parents=True)
    (state.parent / "beside").mkdir()
    assert ontime(environment, "clean").returncode == 0
    assert list(state.iterdir()) == []
    assert (state.parent / "beside").is_dir()


def test_an_unknown_setting_is_an_error_that_lists_the_known_ones(environment):
    done = ontime(environment | {"ONTIME_API_PROT": "1"}, "status")
    assert done.returncode == 1
    assert "ONTIME_API_PROT: no such setting" in done.stderr
    assert "ONTIME_API_PORT" in done.stderr


def test_the_tests_may_ask_the_engine_that_the_stack_may_not():
    stack = {"DOCKER_HOST": layout.NO_ENGINE, "PATH": "/bin", "ONTIME_API_PORT": "1"}
    assert _test_environment(stack) == {"PATH": "/bin"}
    assert _test_environment({"DOCKER_HOST": "tcp://elsewhere"}) == {"DOCKER_HOST": "tcp://elsewhere"}
