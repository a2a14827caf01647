"""Containers made from a base image, a script run in them, their removal."""

import json
import os
import secrets
import subprocess
from pathlib import Path
from typing import IO

from adapters.waiting import retry
from deploy.compose.engine import StackError, environment

REMOVAL_SECONDS = 60.0
LASTS_SECONDS = 3 * 3600
"""A container whose maker was killed ends, and is removed, by itself."""

# The way out of this machine is the way out of a container: proxies, and the package index that pip is to ask.
WAY_OUT = ("http_proxy", "https_proxy", "no_proxy", "PIP_INDEX_URL", "UV_DEFAULT_INDEX")


# Nanoseconds under version 1 of control groups, microseconds under version 2.
CPU_TIME = """
cat /sys/fs/cgroup/cpuacct/cpuacct.usage 2>/dev/null ||
  awk '$1 == "usage_usec" { printf "%d000", $2 }' /sys/fs/cgroup/cpu.stat
"""


class NoEngineError(StackError):
    """No Docker engine answers."""


class Engine:
    """The Docker engine of this machine.

    Raises
    ------
    NoEngineError
        If none answers.
    """

    def __init__(self) -> None:
        self._environment = environment()
        try:
            about = json.loads(self.read("version", "--format", "{{json .Server}}"))
            self.cores = int(self.read("info", "--format", "{{.NCPU}}"))
        except (StackError, OSError) as error:
            raise NoEngineError("test-fresh did not run: no Docker engine answers here") from error
        self.version = str(about["Version"])

    def popen(self, *arguments: str, log: IO[bytes]) -> subprocess.Popen[bytes]:
        """Start the Docker client with its output in a log.

        A session of its own: an interrupt reaches the maker alone, who then removes the containers.
        """
        return subprocess.Popen(
            ["docker", *arguments],
            env=self._environment, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True,
        )  # fmt: skip

    def read(self, *arguments: str) -> str:
        """Run the Docker client and return its output.

        Raises
        ------
        StackError
            If it fails.
        """
        done = subprocess.run(
            ["docker", *arguments],
            env=self._environment, capture_output=True, text=True, check=False, start_new_session=True,
        )  # fmt: skip
        if done.returncode:
            raise StackError(f"`docker {' '.join(arguments)}`: {done.stderr.strip()[-500:]}")
        return done.stdout.strip()

    def require_image(self, image: str) -> None:
        """Pull an image that is not here.

        Raises
        ------
        StackError
            If it cannot be pulled.
        """
        if not self.read("images", "--quiet", image):
            self.read("pull", "--quiet", image)


class Container:
    """A running container, nothing but its base image in it."""

    def __init__(self, engine: Engine, name: str, image: str, cores: int):
        # The process is in the name: of two commands on one engine each knows its own.
        self.name = f"ontime-fresh-{name}-{os.getpid()}-{secrets.token_hex(3)}"
        self._engine = engine
        self._start = (
            "run", "--detach", "--rm", "--init", "--name", self.name, "--hostname", name,
            "--cpus", str(cores), "--env", "LANG=C", *_way_out(),
            image, "sleep", str(LASTS_SECONDS),
        )  # fmt: skip

    def start(self) -> None:
        """Start it."""
        self._engine.read(*self._start)

    def copy(self, source: Path, target: str) -> None:
        """Copy a file into it."""
        self._engine.read("cp", "--quiet", str(source), f"{self.name}:{target}")

    def run(self, script: str, log: IO[bytes], *, user: str, seconds: float) -> int | None:
        """Run a script; return its exit status, or None when it did not end in time.

        Parameters
        ----------
        log : binary file
            Takes its output.
        """
        log.write(f"\n$ {script.strip()}\n".encode())
        log.flush()
        process = self._engine.popen("exec", "--user", user, self.name, "bash", "-c", script, log=log)
        try:
            return process.wait(seconds)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            return None

    def cpu_seconds(self) -> float:
        """Return the processor time that everything in it has used so far."""
        return int(self._engine.read("exec", self.name, "bash", "-c", CPU_TIME)) / 1e9

    def remove(self) -> None:
        """End it; the engine removes it with everything in it. No error where it is gone already.

        Raises
        ------
        StackError
            If it is still there after a minute; carries what the engine said.
        """
        retry(self._end, StackError, REMOVAL_SECONDS, pause=0.5)

    def _end(self) -> None:
        """Kill it; raises while it is there, as one that is starting is until it has started."""
        said = "it ends"
        try:
            self._engine.read("kill", self.name)
        except StackError as error:
            said = str(error)
        if self._engine.read("ps", "--all", "--quiet", "--filter", f"name=^{self.name}$"):
            raise StackError(f"{self.name} is still there: {said}")


def _way_out() -> list[str]:
    names = [*WAY_OUT, *(name.upper() for name in WAY_OUT if name.islower())]
    return [word for name in names if name in os.environ for word in ("--env", name)]
