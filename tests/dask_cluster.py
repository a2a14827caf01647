"""A Dask cluster for tests: a scheduler and worker processes of their own, on loopback."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field

import pytest

from adapters import threads
from adapters.dask_cluster import workers_of
from adapters.settings import PROJECT_ROOT
from adapters.waiting import retry
from deploy.native.dask import scheduler_command, worker_command
from domain.errors import ConfigurationError
from tests.session import free_port

IDLE = {
    "DASK_DISTRIBUTED__WORKER__PROFILE__ENABLED": "False",
    "DASK_DISTRIBUTED__WORKER__MEMORY__MONITOR_INTERVAL": "1s",
    "DASK_DISTRIBUTED__ADMIN__TICK__INTERVAL": "1s",
    "DASK_DISTRIBUTED__ADMIN__SYSTEM_MONITOR__INTERVAL": "5s",
}
"""Dask looks at itself 50 times a second: a cluster that waits for its tests took five times the CPU."""


@dataclass
class Cluster:
    """Its address, and its worker processes."""

    address: str
    environment: dict[str, str]
    workers: list[subprocess.Popen] = field(default_factory=list)

    def add_worker(self) -> None:
        """Start another worker process."""
        self.workers.append(_started(worker_command(self.address), self.environment))

    def require(self) -> None:
        """Require that every worker has reported to the scheduler."""
        assert workers_of(self.address) == len(self.workers)

    def kill_worker(self) -> None:
        """Kill the oldest living worker, which leaves no word."""
        worker = self.workers.pop(0)
        worker.kill()
        worker.wait()


@contextmanager
def cluster(environment: dict[str, str], workers: int = 2) -> Iterator[Cluster]:
    """A cluster with an environment of its own, for the length of a block."""
    address = f"tcp://127.0.0.1:{free_port()}"
    made = Cluster(address, environment)
    with ExitStack() as started:
        scheduler = _started(scheduler_command(address), environment)
        started.callback(scheduler.wait)
        started.callback(scheduler.kill)
        try:
            for _ in range(workers):
                made.add_worker()
            retry(made.require, (ConfigurationError, AssertionError), seconds=120, pause=0.2)
            yield made
        finally:
            while made.workers:
                made.kill_worker()


def _started(command: list[str], environment: dict[str, str]) -> subprocess.Popen:
    return subprocess.Popen(
        command, cwd=PROJECT_ROOT, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )


def plain_environment() -> dict[str, str]:
    """The environment of workers that need no stack."""
    path = sys.executable.rpartition("/")[0]
    return {"PYTHONPATH": str(PROJECT_ROOT), "PATH": path, **threads.CALM, **IDLE}


@pytest.fixture(scope="module")
def dask_cluster() -> Iterator[Cluster]:
    """Two workers that need no stack, for a module: they take a gigabyte between them."""
    with cluster(plain_environment()) as made:
        yield made
