"""Docker Compose, and what is asked of it and of the engine."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from deploy.compose import digests
from domain.errors import OntimeError

ROOT = Path(__file__).resolve().parents[2]
NO_ENGINE = "No Docker engine answers here. `make local` runs ontime on this machine without one."
NO_COMPOSE = "Docker is here, but Compose v2 is not: install the docker compose plugin."
NO_BUILDX = "Docker is here, but BuildKit is not: install the docker buildx plugin."
PROCESSORS = ("API_CPUS", "POSTGRES_CPUS", "WORKER_CPUS")
"""How many processors some services may use."""
MOST_PROCESSORS = 2
"""What the Compose file says by default; an engine refuses a container that may use more than it has."""
State = dict[str, Any]
"""Everything the engine knows about a container."""


class StackError(OntimeError):
    """Something the operator has to know, in one line."""


def say(text: str) -> None:
    """Print what happens now."""
    print(text, flush=True)


def environment() -> dict[str, str]:
    """Return the variables Compose runs with: digests of images, the caller's, the project's name and the commit.

    Its working directory is this checkout's own path: by a link that the caller came through, Compose would name files
    by another one than is looked for.
    """
    values = digests.variables(ROOT) | os.environ | {"PWD": str(ROOT)}
    values.setdefault("COMPOSE_PROJECT_NAME", "ontime")
    if "GIT_COMMIT" not in values:
        values["GIT_COMMIT"] = _git_commit()
    return values


def setting(name: str, default: str) -> str:
    """Return a variable as Compose reads it: the caller's, else that of `.env`; an empty one counts as none."""
    return os.environ.get(name) or _of_the_settings_file(name) or default


def require_plain(folder: Path, whose: str, mend: str) -> Path:
    """Check that Compose writes a path as it is, and return it: what begins a variable it writes twice.

    Raises
    ------
    StackError
        If there is one in it.
    """
    if "$" in str(folder):
        raise StackError(f"{whose}: expected a folder without $ in its path, got {folder}; {mend}")
    return folder


def _of_the_settings_file(name: str) -> str:
    file = ROOT / ".env"
    lines = file.read_text().splitlines() if file.exists() else []
    values = [line.partition("=")[2].strip() for line in lines if line.partition("=")[0].strip() == name]
    return values[-1].strip("'\"") if values else ""


def _git_commit() -> str:
    command = ["git", "-C", str(ROOT), "rev-parse", "HEAD"]
    try:
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return "unknown"


class Compose:
    """One project of containers.

    Parameters
    ----------
    file
        The Compose file; by default what the environment names, in this checkout.

    Raises
    ------
    StackError
        If no engine answers, or there is no Compose v2, or Compose would write this checkout's path otherwise.
    """

    def __init__(self, file: Path | None = None) -> None:
        require_plain(ROOT, "Compose", "move the checkout")
        self.environment = environment()
        self.command = ("docker", "compose", *(("-f", str(file)) if file else ()))
        if not self._works("docker", "info"):
            raise StackError(NO_ENGINE)
        if not self._works("docker", "compose", "version"):
            raise StackError(NO_COMPOSE)
        self.environment |= self._processors()

    def _processors(self) -> dict[str, str]:
        """Return the numbers of processors that are not set: no more than the engine has."""
        unset = [name for name in PROCESSORS if not setting(name, "")]
        there = int(self.docker("info", "--format", "{{.NCPU}}"))
        return dict.fromkeys(unset, str(min(MOST_PROCESSORS, there)))

    def _works(self, *command: str) -> bool:
        if not shutil.which(command[0], path=self.environment.get("PATH")):
            return False
        quiet = subprocess.DEVNULL
        done = subprocess.run(command, env=self.environment, stdout=quiet, stderr=quiet, check=False)
        return done.returncode == 0

    def build(self) -> None:
        """Build every image.

        Raises
        ------
        StackError
            If BuildKit is missing, or an image cannot be built.
        ConfigurationError
            If an image that it is built on has to be named by its digest, and is not.
        """
        digests.require(ROOT, self.model())
        if not self._works("docker", "buildx", "version"):
            raise StackError(NO_BUILDX)
        self.run("build", "--quiet")

    def run(self, *arguments: str, **streams: Any) -> None:
        """Run Compose; its output goes to the operator, unless `streams` say otherwise.

        Raises
        ------
        StackError
            If it fails.
        """
        self._run([*self.command, *arguments], **streams)

    def run_docker(self, *arguments: str, **streams: Any) -> None:
        """Run Docker's own client in the same way."""
        self._run(["docker", *arguments], **streams)

    def _run(self, command: Sequence[str], **streams: Any) -> None:
        done = subprocess.run(command, cwd=ROOT, env=self.environment, check=False, **streams)
        if done.returncode:
            raise StackError(f"`{' '.join(command)}` ended with {done.returncode}")

    def popen(self, *command: str, **pipes: Any) -> subprocess.Popen[str]:
        """Start a command with pipes of the caller's, which carry text."""
        return subprocess.Popen(command, cwd=ROOT, env=self.environment, text=True, **pipes)

    def read(self, *arguments: str) -> str:
        """Run Compose and return its output."""
        return self._output(*self.command, *arguments)

    def model(self) -> dict[str, Any]:
        """Return the Compose file as Compose resolves it, with the settings of `.env`."""
        found: dict[str, Any] = json.loads(self.read("config", "--format", "json"))
        return found

    def docker(self, *arguments: str) -> str:
        """Run Docker's own client and return its output."""
        return self._output("docker", *arguments)

    def pass_through(self, *arguments: str, content: bytes) -> bytes:
        """Run Docker's own client with an input and return its output."""
        done = subprocess.run(
            ["docker", *arguments],
            input=content,
            cwd=ROOT,
            env=self.environment,
            capture_output=True,
            check=False,
        )
        if done.returncode:
            raise StackError(done.stderr.decode(errors="replace").strip().removeprefix("ontime: ")[-500:])
        return done.stdout

    def _output(self, *command: str) -> str:
        done = subprocess.run(
            command, cwd=ROOT, env=self.environment, capture_output=True, text=True, check=False
        )
        if done.returncode:
            raise StackError(f"`{' '.join(command)}`: {done.stderr.strip()[-500:]}")
        return done.stdout

    def services(self) -> list[str]:
        """Return the services that have a container, those of every profile and of earlier releases too."""
        return sorted({s["Config"]["Labels"]["com.docker.compose.service"] for s in self.states()})

    def states(self, service: str | None = None) -> list[State]:
        """Return what the engine knows about the project's containers, or a service's, oldest first.

        A one-off container of `compose run` is none of them.
        """
        labels = [f"com.docker.compose.project={self.environment['COMPOSE_PROJECT_NAME']}"]
        labels += ["com.docker.compose.oneoff=False"]
        labels += [f"com.docker.compose.service={service}"] if service else []
        filters = [part for label in labels for part in ("--filter", f"label={label}")]
        ids = self.docker("ps", "-aq", "--no-trunc", *filters).split()
        return sorted(self.inspect_all(ids), key=lambda s: s["Created"])

    def containers(self, service: str, *, stopped: bool = False) -> list[str]:
        """Return the ids of a service's containers, oldest first; with `stopped`, the ended ones too."""
        return [s["Id"] for s in self.states(service) if stopped or s["State"]["Running"]]

    def of_a_swarm(self) -> list[str]:
        """Return the ids of the containers that a swarm's stack of this name has on this node."""
        label = f"label=com.docker.stack.namespace={self.environment['COMPOSE_PROJECT_NAME']}"
        return self.docker("ps", "-q", "--filter", label).split()

    def inspect_all(self, ids: Sequence[str]) -> list[State]:
        """Return everything the engine knows about containers; one that is gone by now is left out."""
        if not ids:
            return []
        # With one that is gone the client fails, and prints the others all the same.
        done = subprocess.run(
            ["docker", "inspect", "--type", "container", *ids],
            env=self.environment, capture_output=True, text=True, check=False,
        )  # fmt: skip
        states: list[State] = json.loads(done.stdout or "[]")
        return states

    def log(self, container: str, lines: int) -> list[str]:
        """Return the last lines a container wrote, to either stream."""
        done = subprocess.run(
            ["docker", "logs", "--tail", str(lines), container],
            env=self.environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False,
        )  # fmt: skip
        return done.stdout.splitlines()

    def inspect(self, container: str) -> State:
        """Return everything the engine knows about a container."""
        states: list[State] = json.loads(self.docker("inspect", container))
        return states[0]


def fail(error: OntimeError) -> int:
    """Print why it did not work; return the exit code."""
    print(f"ontime: {error}", file=sys.stderr)
    return 1
