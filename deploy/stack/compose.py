# ruff: noqa: S603, S607  the commands are this file's own, found on PATH
"""The Compose command of this machine, v2 or 1.29, and what is asked of it."""

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterable
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
NO_ENGINE = "No Docker engine answers here. `make local` runs ontime on this machine without one."
# Where distributions put the client that matches their engine; it goes before any other on PATH.
CLIENTS_FIRST = "/usr/bin"


class StackError(Exception):
    """Something the operator has to know, in one line."""


def say(text: str) -> None:
    """Tell the operator what happens now."""
    print(text, flush=True)  # noqa: T201


def environment() -> dict[str, str]:
    """Give the variables Compose runs with: the caller's, and what the files need to be built the same anywhere."""
    values = dict(os.environ)
    values["PATH"] = f"{CLIENTS_FIRST}:{values.get('PATH', '')}"
    values.setdefault("COMPOSE_PROJECT_NAME", "ontime")
    values.setdefault("COMPOSE_HTTP_TIMEOUT", "300")
    values.update(DOCKER_BUILDKIT="1", COMPOSE_DOCKER_CLI_BUILD="1")
    values.setdefault("GIT_COMMIT", _git_commit())
    return values


def _git_commit() -> str:
    done = subprocess.run(
        ["git", "-C", str(ROOT), "rev-parse", "HEAD"], capture_output=True, text=True, check=False
    )
    return done.stdout.strip() or "unknown"


class Compose:
    """One project of containers.

    Raises
    ------
    StackError
        If no engine answers, or there is no Compose.
    """

    def __init__(self) -> None:
        self.environment = environment()
        if not self._works("docker", "info"):
            raise StackError(NO_ENGINE)
        self.command = self._find()

    def _find(self) -> list[str]:
        if self._works("docker", "compose", "version"):
            return ["docker", "compose"]
        if shutil.which("docker-compose", path=self.environment["PATH"]):
            return ["docker-compose"]
        raise StackError("Docker is here, but Compose is not: install the docker compose plugin.")

    def _works(self, *command: str) -> bool:
        if not shutil.which(command[0], path=self.environment["PATH"]):
            return False
        quiet = subprocess.DEVNULL
        return (
            subprocess.run(command, env=self.environment, stdout=quiet, stderr=quiet, check=False).returncode
            == 0
        )

    def run(self, *arguments: str, stdin: object = None, stdout: object = None) -> None:
        """Run Compose; its output goes to the operator.

        Raises
        ------
        StackError
            If it fails.
        """
        done = subprocess.run(
            [*self.command, *arguments],
            cwd=ROOT,
            env=self.environment,
            stdin=stdin,
            stdout=stdout,
            check=False,
        )
        if done.returncode:
            raise StackError(f"`{' '.join([*self.command, *arguments])}` ended with {done.returncode}")

    def popen(self, *arguments: str, **pipes: object) -> subprocess.Popen:
        """Start Compose with pipes of the caller's."""
        return subprocess.Popen([*self.command, *arguments], cwd=ROOT, env=self.environment, **pipes)

    def read(self, *arguments: str) -> str:
        """Run Compose and give its output."""
        return self._output(*self.command, *arguments)

    def docker(self, *arguments: str) -> str:
        """Run Docker's own client and give its output."""
        return self._output("docker", *arguments)

    def _output(self, *command: str) -> str:
        done = subprocess.run(
            command, cwd=ROOT, env=self.environment, capture_output=True, text=True, check=False
        )
        if done.returncode:
            raise StackError(f"`{' '.join(command)}`: {done.stderr.strip()[-500:]}")
        return done.stdout

    def services(self) -> list[str]:
        """Name the services that have a container; Compose 1.29 lists those of other profiles as well."""
        project = f"label=com.docker.compose.project={self.environment['COMPOSE_PROJECT_NAME']}"
        lasting = "label=com.docker.compose.oneoff=False"
        shown = '{{.Label "com.docker.compose.service"}}'
        names = self.docker("ps", "-a", "--filter", project, "--filter", lasting, "--format", shown)
        return sorted(set(names.split()))

    def containers(self, service: str, *, stopped: bool = False) -> list[str]:
        """Give the ids of a service's containers, oldest first; with `stopped`, the ended ones too."""
        project = self.environment["COMPOSE_PROJECT_NAME"]
        filters = [
            f"label=com.docker.compose.project={project}",
            f"label=com.docker.compose.service={service}",
        ]
        arguments = [part for f in filters for part in ("--filter", f)]
        ids = self.docker("ps", "-q", "--no-trunc", *(["-a"] if stopped else []), *arguments).split()
        # A one-off container of `compose run` is not a replica.
        states = [self.inspect(i) for i in ids]
        states = [s for s in states if s["Config"]["Labels"].get("com.docker.compose.oneoff") != "True"]
        return [s["Id"] for s in sorted(states, key=lambda s: s["Created"])]

    def inspect(self, container: str) -> dict:
        """Give everything the engine knows about a container."""
        return json.loads(self.docker("inspect", container))[0]


def problem_of(state: dict) -> str | None:
    """Say what keeps a container from being well; None when it is: healthy, or ended with 0 where it should end."""
    health = state["State"].get("Health", {}).get("Status")
    if state["State"]["Status"] == "exited":
        ends = state["HostConfig"]["RestartPolicy"]["Name"] in ("no", "")
        code = state["State"]["ExitCode"]
        return None if ends and code == 0 else f"exited with {code}"
    if health is None:
        ends = state["HostConfig"]["RestartPolicy"]["Name"] in ("no", "")
        return "still running" if ends else None
    return None if health == "healthy" else health


def wait_until_well(compose: Compose, services: Iterable[str], seconds: float) -> None:
    """Wait for every container of the services to be healthy, and for those that run to completion to have done so.

    Raises
    ------
    StackError
        If one that runs to completion failed, or time is up; names the service and its state.
    """
    deadline = time.monotonic() + seconds
    while True:
        problems = dict(_problems(compose, services))
        if not problems:
            return
        failed = {
            s: p for s, p in problems.items() if p.startswith("exited with") and compose_ends(compose, s)
        }
        if failed or time.monotonic() > deadline:
            shown = ", ".join(f"{service}: {problem}" for service, problem in (failed or problems).items())
            raise StackError(f"not well: {shown}. See `make logs S={next(iter(failed or problems))}`.")
        time.sleep(1)


def compose_ends(compose: Compose, service: str) -> bool:
    """Tell whether a service is one that runs to completion."""
    states = [compose.inspect(c) for c in compose.containers(service, stopped=True)]
    return all(s["HostConfig"]["RestartPolicy"]["Name"] in ("no", "") for s in states)


def _problems(compose: Compose, services: Iterable[str]) -> Iterable[tuple[str, str]]:
    for service in services:
        ids = compose.containers(service, stopped=True)
        if not ids:
            yield service, "not created"
        for container in ids:
            problem = problem_of(compose.inspect(container))
            if problem:
                yield service, problem


def fail(error: StackError) -> int:
    """Tell the operator in one line why it did not work."""
    print(f"ontime: {error}", file=sys.stderr)  # noqa: T201
    return 1
