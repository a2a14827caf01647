"""A real MLflow server for the session; a plugin, named in `pytest_plugins` of tests/conftest.py."""

import os
import secrets
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from adapters.model_registry import ModelRegistry
from tests.session_end import needed

START_SECONDS = 120
KEY = b"the key that signs the models of tests"


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _start(home: Path, port: int) -> subprocess.Popen[bytes]:
    command = [
        str(Path(sys.executable).with_name("mlflow")), "server", "--host", "127.0.0.1", "--port", str(port),
        "--backend-store-uri", f"sqlite:///{home / 'mlflow.db'}", "--artifacts-destination", str(home / "artifacts"),
        "--serve-artifacts", "--workers", "1", "--allowed-hosts", "localhost:*,127.0.0.1:*",
    ]  # fmt: skip
    environment = {
        **os.environ,
        "MLFLOW_DISABLE_TELEMETRY": "true",
        "DO_NOT_TRACK": "true",
        "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",
        # Where docker is on the PATH, each start would ask its daemon.
        "DOCKER_HOST": "unix:///nonexistent",
    }
    with (home / "server.log").open("wb") as log:
        # A session of its own: its worker processes end with it.
        return subprocess.Popen(
            command, cwd=home, env=environment, stdout=log, stderr=log, start_new_session=True
        )


def _wait(process: subprocess.Popen[bytes], address: str, log: Path) -> None:
    until = time.monotonic() + START_SECONDS
    while time.monotonic() < until:
        if process.poll() is not None:
            break
        try:
            if requests.get(f"{address}/health", timeout=1).ok:
                return
        except requests.RequestException:
            time.sleep(0.2)
    raise RuntimeError(f"its log ends\n{log.read_text()[-2000:]}")


def _stop(process: subprocess.Popen[bytes]) -> None:
    for number in (signal.SIGTERM, signal.SIGKILL):
        try:
            os.killpg(process.pid, number)
            process.wait(10)
        except ProcessLookupError:
            break
        except subprocess.TimeoutExpired:
            continue


@pytest.fixture(scope="session")
def mlflow_address(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Address of the session's MLflow server."""
    home = tmp_path_factory.mktemp("mlflow")
    port = _free_port()
    process = _start(home, port)
    try:
        address = f"http://127.0.0.1:{port}"
        with needed(request.session, "MLflow"):
            _wait(process, address, home / "server.log")
        yield address
    finally:
        _stop(process)


@pytest.fixture
def registry(mlflow_address: str, tmp_path: Path) -> ModelRegistry:
    """A registry of this test's own: a model name nobody else uses and an empty cache."""
    return ModelRegistry(mlflow_address, f"model-{secrets.token_hex(4)}", tmp_path / "models", KEY)
