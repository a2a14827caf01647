"""Processes that a benchmark starts beside each other: Gunicorn with an application of this checkout, programs."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from adapters.settings import PROJECT_ROOT
from deploy.native.processes import cpu_seconds, family
from domain.errors import NotReady
from experiments.benchmarks.client import request, run
from experiments.benchmarks.world import World, free_port

READY_SECONDS = 60.0


@dataclass(frozen=True)
class Server:
    """A Gunicorn of this checkout that listens on a port."""

    name: str
    port: int
    process: subprocess.Popen[bytes]

    def workers(self) -> list[int]:
        """Return the process ids of its workers."""
        return family(self.process.pid)[1:]

    def cpu_seconds(self) -> float:
        """Return the CPU time that its workers have taken so far."""
        return cpu_seconds(self.workers())

    def megabytes(self) -> list[float]:
        """Return the resident memory of each worker."""
        return [_megabytes(pid, "Rss") for pid in self.workers()]

    def proportional_megabytes(self) -> list[float]:
        """Return what each worker takes: its own pages, and its part of those that it shares with others."""
        return [_megabytes(pid, "Pss") for pid in self.workers()]


@contextmanager
def kept_apart(server: Server) -> Iterator[bool]:
    """Give the workers one half of the cores and this thread the other, as long as the block; one core is shared.

    Returns
    -------
    bool
        Whether they are apart.
    """
    cores = sorted(os.sched_getaffinity(0))
    half = len(cores) // 2
    try:
        if half:
            _keep_to(server.workers(), cores[:half])
            os.sched_setaffinity(0, cores[half:])
        yield bool(half)
    finally:
        os.sched_setaffinity(0, cores)
        _keep_to(server.workers(), cores)


def _keep_to(pids: Iterable[int], cores: Iterable[int]) -> None:
    """Let every thread of some processes run on these cores alone."""
    for pid in pids:
        for thread in Path(f"/proc/{pid}/task").iterdir():
            os.sched_setaffinity(int(thread.name), cores)


@contextmanager
def serve(
    world: World,
    application: str,
    workers: int = 2,
    path: str = "/health/ready",
    name: str = "",
    variables: Mapping[str, str] | None = None,
    port: int | None = None,
    command: Callable[[str, int, int], list[str]] | None = None,
) -> Iterator[Server]:
    """Run an application, as the API is run, for as long as the block; it answers when the block begins.

    Parameters
    ----------
    command : callable, optional
        Returns the command of another server for an application, a port and a number of workers; by default
        Gunicorn's on the API's own configuration.

    Raises
    ------
    NotReady
        If it does not answer within a minute; carries the end of its log.
    """
    port = port or free_port()
    settings = {"ONTIME_API_PORT": str(port), "ONTIME_API_WORKERS": str(workers)}
    folder = world.folder / "servers" / str(port)
    folder.mkdir(parents=True, exist_ok=True)
    settings["PROMETHEUS_MULTIPROC_DIR"] = str(folder / "prometheus")
    (folder / "prometheus").mkdir(exist_ok=True)
    words = (command or gunicorn)(application, port, workers)
    with program(world, words, folder / "log", settings | dict(variables or {})) as process:
        wait_until_it_answers(port, path, process, folder / "log")
        yield Server(name or application, port, process)


def gunicorn(application: str, port: int, workers: int) -> list[str]:
    """Return the command of Gunicorn on the API's configuration, which takes port and workers from the settings."""
    return [sys.executable, "-m", "gunicorn", "-c", "app/gunicorn_conf.py", application]


@contextmanager
def program(
    world: World, command: list[str], log: Path, variables: Mapping[str, str] | None = None
) -> Iterator[subprocess.Popen[bytes]]:
    """Run a program of this checkout in a world, as long as the block."""
    with log.open("ab") as output:
        process = subprocess.Popen(
            command,
            cwd=PROJECT_ROOT,
            env=world.variables | dict(variables or {}),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
        )
    try:
        yield process
    finally:
        stop(process)


def stop(process: subprocess.Popen[bytes]) -> None:
    """End a program, by force where it does not end itself."""
    process.send_signal(signal.SIGTERM)
    try:
        process.wait(20)
    except subprocess.TimeoutExpired:
        for pid in reversed(family(process.pid)):
            os.kill(pid, signal.SIGKILL)
        process.wait(10)


def wait_until_it_answers(port: int, path: str, process: subprocess.Popen[bytes], log: Path) -> None:
    """Wait until a GET of a path is answered by anything but 503; raises as `serve`."""
    until = time.monotonic() + READY_SECONDS
    while time.monotonic() < until and process.poll() is None:
        found = run(port, iter([request(path, b"", method="GET")]), 0.1, clients=1, timeout=5)
        if any(status not in (0, 503) for status in found.statuses):
            return
        time.sleep(0.1)
    raise NotReady(f"a server does not answer; its log ends\n{log.read_text(errors='replace')[-1500:]}")


def _megabytes(pid: int, name: str) -> float:
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    return round(next(int(line.split()[1]) for line in lines if line.startswith(f"{name}:")) / 1024, 1)
