"""A swarm of nodes, and what is asked of its manager."""

import json
import os
import re
import subprocess
from collections.abc import Iterable, Sequence
from typing import Any

from deploy.compose import digests
from deploy.compose.digests import OURS
from deploy.compose.engine import ROOT, Compose, StackError
from deploy.compose.images import remove_tags, tagged
from deploy.swarm.stack_file import Model, only, stack_file

OVERRIDE = "deploy/swarm/swarm.yml"
DATA = "ontime.data"
NO_MANAGER = (
    "this engine manages no swarm: `docker swarm init`, and `docker swarm join` on the others "
    "(docs/swarm.md#nodes)"
)
NO_DATA = (
    f"{{}} nodes have the label {DATA}=true, one has to: it keeps the volumes of PostgreSQL and the like. "
    f"`docker node update --label-add {DATA}=true NODE`"
)
COMPOSE_RUNS = "the stack runs under Compose here, on the same volumes: `make down` first"
LOG_SECONDS = 20
BY_CONTENT = re.compile(rf"{OURS}[^:]+:swarm-[0-9a-f]{{12}}")
RUNNING = "running"
Task = dict[str, Any]
"""Everything the manager knows about a task: a container on a node, or what is to become one."""


class Swarm:
    """A stack on the swarm that the engine of this environment manages.

    Parameters
    ----------
    compose
        Compose with the files of this checkout.

    Raises
    ------
    StackError
        If the engine manages no swarm.
    """

    def __init__(self, compose: Compose):
        self.compose = compose
        files = os.environ.get("COMPOSE_FILE", "docker-compose.yml")
        compose.environment |= {"COMPOSE_FILE": f"{files}:{OVERRIDE}", "COMPOSE_PROFILES": ""}
        self.stack = compose.environment["COMPOSE_PROJECT_NAME"]
        if compose.docker("info", "--format", "{{.Swarm.ControlAvailable}}").strip() != "true":
            raise StackError(NO_MANAGER)

    def require_nodes(self) -> None:
        """Check that one node is the one that keeps data, and that nothing else uses its volumes.

        Raises
        ------
        StackError
            If not.
        """
        labelled = [n for n in self.nodes() if n["Spec"]["Labels"].get(DATA) == "true"]
        if len(labelled) != 1:
            raise StackError(NO_DATA.format(len(labelled) or "no"))
        if self.compose.services():
            raise StackError(COMPOSE_RUNS)

    def nodes(self) -> list[Model]:
        """Return everything the manager knows about the nodes."""
        return self._inspect("node", self.compose.docker("node", "ls", "-q").split())

    def file(self) -> Model:
        """Return the stack's file from this checkout, its images under tags that no other content has."""
        model = self.compose.model()
        digests.require(ROOT, model)
        ingress = self.compose.environment.get("SWARM_INGRESS") or "host"
        return stack_file(model, self.stack, self.images(model), ingress)

    def images(self, model: Model) -> dict[str, str]:
        """Return, for each of our images, a reference made of its content: a tag that moved is no change to Swarm."""
        named = sorted({s["image"] for s in model["services"].values() if s["image"].startswith(OURS)})
        return {name: self._by_content(name) for name in named}

    def _by_content(self, image: str) -> str:
        try:
            found = self.compose.docker("image", "inspect", "-f", "{{.Id}}", image).strip()
        except StackError as error:
            raise StackError(f"no image {image} here: `make images` makes it") from error
        reference = f"{image.rpartition(':')[0]}:swarm-{found.removeprefix('sha256:')[:12]}"
        self.compose.docker("tag", found, reference)
        return reference

    def deploy(self, file: Model, services: Iterable[str]) -> None:
        """Bring some services to what the file says; nothing is waited for."""
        content = json.dumps(only(file, services)).encode()
        words = ("stack", "deploy", "--detach=true", "--resolve-image", "never", "-c", "-", self.stack)
        self.compose.pass_through(*words, content=content)

    def services(self) -> list[Model]:
        """Return everything the manager knows about the stack's services."""
        return self._inspect("service", self._listed("service"))

    def service(self, name: str) -> Model | None:
        """Return a service by its name in the Compose file; None where it is not there."""
        full = f"{self.stack}_{name}"
        return next((s for s in self.services() if s["Spec"]["Name"] == full), None)

    def name_of(self, service: Model) -> str:
        """Return the name of a service in the Compose file."""
        return str(service["Spec"]["Name"]).removeprefix(f"{self.stack}_")

    def tasks(self, *services: Model) -> list[Task]:
        """Return the tasks of services, those that ended lately among them."""
        return self._tasks([service["ID"] for service in services])

    def current_tasks(self, service: Model) -> list[Task]:
        """Return the tasks of a service that are as it is specified now, as Docker's own client asks."""
        return self._tasks([service["ID"]], "--filter", "_up-to-date=true")

    def _tasks(self, services: Sequence[str], *chosen: str) -> list[Task]:
        if not services:
            return []
        ids = self.compose.docker("service", "ps", "-q", "--no-trunc", *chosen, *services)
        return self._inspect("task", ids.split())

    def log(self, task: Task, lines: int) -> list[str]:
        """Return the last lines that a task wrote; none where its node does not say."""
        command = ["docker", "service", "logs", "--raw", "--tail", str(lines), task["ID"]]
        try:
            done = subprocess.run(
                command, env=self.compose.environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                text=True, check=False, timeout=LOG_SECONDS,
            )  # fmt: skip
        except subprocess.TimeoutExpired:
            return []
        return done.stdout.splitlines()

    def remove_service(self, name: str) -> None:
        """Remove a service; none is no error."""
        if self.service(name):
            self.compose.docker("service", "rm", f"{self.stack}_{name}")

    def remove_unused(self, file: Model) -> None:
        """Remove the stack's secrets and configs whose content was replaced."""
        for kind in ("secret", "config"):
            used = {entry["name"] for entry in file[f"{kind}s"].values()}
            for found in self._inspect(kind, self._listed(kind)):
                if found["Spec"]["Name"] not in used:
                    self.compose.docker(kind, "rm", found["ID"])

    def remove_unused_images(self) -> None:
        """Take away the tags of earlier contents on this node: of what no service is, or goes back to."""
        services = self._inspect("service", self.compose.docker("service", "ls", "-q").split())
        specs = [spec for one in services for spec in (one["Spec"], one.get("PreviousSpec")) if spec]
        needed = {spec["TaskTemplate"]["ContainerSpec"]["Image"] for spec in specs}
        named = [name for name in tagged(self.compose) if BY_CONTENT.fullmatch(name)]
        remove_tags(self.compose, [name for name in named if name not in needed])

    def remove(self) -> None:
        """Remove the stack's services, networks, secrets and configs; its volumes stay."""
        self.compose.docker("stack", "rm", self.stack)

    def networks(self) -> list[str]:
        """Return the stack's networks."""
        return self._listed("network")

    def _listed(self, kind: str) -> list[str]:
        label = f"label=com.docker.stack.namespace={self.stack}"
        return self.compose.docker(kind, "ls", "-q", "--filter", label).split()

    def _inspect(self, kind: str, ids: Sequence[str]) -> list[Model]:
        if not ids:
            return []
        # With one that is gone the client fails, and prints the others all the same.
        done = subprocess.run(
            ["docker", "inspect", "--type", kind, *ids] if kind == "task" else ["docker", kind, "inspect", *ids],
            env=self.compose.environment, capture_output=True, text=True, check=False,
        )  # fmt: skip
        found: list[Model] = json.loads(done.stdout or "[]")
        return found


def is_running(task: Task) -> bool:
    """Return whether a task runs and is to."""
    return bool(task["Status"]["State"] == RUNNING and task["DesiredState"] == RUNNING)
