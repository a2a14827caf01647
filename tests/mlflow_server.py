"""A real MLflow server for the session; a plugin, named in `pytest_plugins` of tests/conftest.py."""

import fcntl
import os
import secrets
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

import pytest
import requests

from adapters.model_keys import ModelKeys
from adapters.model_registry import ModelRegistry
from deploy.native.layout import MARK
from deploy.native.processes import end, of_stack
from tests.session import alone, free_port, needed, session_folder

START_SECONDS = 120
SECRET = "the secret that signs the models of tests"
KEYS = ModelKeys.of(SECRET)


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
        MARK: str(home),
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


@contextmanager
def _shared(folder: Path) -> Iterator[str]:
    """Start the server, or join the one that another worker has started; whoever leaves last stops it."""
    address = folder / "address"
    with (folder / "users").open("w") as users:
        with alone(folder / "server"):
            if not address.exists():
                address.write_text(_started(folder))
            fcntl.flock(users, fcntl.LOCK_SH)
        try:
            yield address.read_text()
        finally:
            with alone(folder / "server"), suppress(BlockingIOError):
                fcntl.flock(users, fcntl.LOCK_EX | fcntl.LOCK_NB)
                end(of_stack(folder))
                address.unlink()


def _started(folder: Path) -> str:
    port = free_port()
    process = _start(folder, port)
    address = f"http://127.0.0.1:{port}"
    try:
        _wait(process, address, folder / "server.log")
    except BaseException:
        end(of_stack(folder))
        raise
    process.returncode = 0  # not this object's any more: another worker may be the one that stops it
    return address


@pytest.fixture(scope="session")
def mlflow_address(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Address of the session's MLflow server: one for all workers, since its start takes ten seconds of a core."""
    folder = session_folder(tmp_path_factory) / "mlflow"
    folder.mkdir(exist_ok=True)
    with ExitStack() as started:
        with needed(request.session, "MLflow"):
            address = started.enter_context(_shared(folder))
        yield address


@pytest.fixture
def registry(mlflow_address: str, tmp_path: Path) -> ModelRegistry:
    """A registry of this test's own: a model name nobody else uses and an empty cache."""
    return ModelRegistry(mlflow_address, f"model-{secrets.token_hex(4)}", tmp_path / "models", KEYS)
