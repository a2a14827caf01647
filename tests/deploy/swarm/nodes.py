"""Three nodes of a swarm on one machine: Docker engines in privileged containers, and a stack on them."""

import json
import os
import secrets
import ssl
import subprocess
import time
import urllib.error
import urllib.request
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from adapters.settings import PROJECT_ROOT
from tests.deploy.compose.running_stack import BEGINS, IMAGES

NODE = """
FROM debian:trixie-slim
RUN apt-get update -qq \\
 && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends docker.io docker-cli iptables
"""
NODE_IMAGE = "ontime-test-node"
OTHERS = ("nginx:1.28", "postgres:17-trixie")
BAD = 'FROM ontime/api:{tag}\nCMD ["sleep", "infinity"]\n'
"""A release whose API is never ready."""


def run(
    *command: str, check: bool = True, stdin: str | None = None, environment: dict[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    done = subprocess.run(
        command, cwd=PROJECT_ROOT, env=environment, input=stdin, capture_output=True, text=True, check=False
    )
    assert not check or done.returncode == 0, f"{' '.join(command)}:\n{done.stdout}\n{done.stderr}"
    return done


def eventually(condition: Any, seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.5)


@dataclass(frozen=True)
class Node:
    """An engine of its own, in a container."""

    name: str
    folder: Path

    @property
    def host(self) -> str:
        return f"unix://{self.folder}/docker.sock"

    @property
    def address(self) -> str:
        shown = run(
            "docker", "inspect", "-f", "{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}", self.name
        )
        return shown.stdout.strip()

    def docker(self, *words: str) -> str:
        return run("docker", *words, environment=os.environ | {"DOCKER_HOST": self.host}).stdout

    def answers(self) -> bool:
        return run("docker", "-H", self.host, "info", check=False).returncode == 0

    def load(self, *images: str) -> None:
        """Bring images of this machine's engine to the node: there is no registry."""
        with subprocess.Popen(["docker", "save", *images], stdout=subprocess.PIPE) as saving:
            subprocess.run(
                ["docker", "-H", self.host, "load", "-q"],
                stdin=saving.stdout,
                check=True,
                capture_output=True,
            )
        assert saving.returncode == 0

    def spooled(self, volume: str) -> list[str]:
        """Files that wait in the node's spool."""
        folder = f"/var/lib/docker/volumes/{volume}/_data"
        return run("docker", "exec", self.name, "ls", folder).stdout.split()


class SwarmStack:
    """A swarm, its stack, and clients' way in; `remove` takes all of it away."""

    def __init__(self, home: Path):
        self.name = f"ontime-test-{secrets.token_hex(3)}"
        self.secrets = home / "secrets"
        self.nodes = [Node(f"{self.name}-node{n}", home / f"node{n}") for n in (1, 2, 3)]
        self.environment = {
            **os.environ,
            "DOCKER_HOST": self.nodes[0].host,
            "COMPOSE_PROJECT_NAME": self.name,
            "COMPOSE_PROFILES": "",
            "IMAGE_TAG": self.name,
            "SECRETS_DIR": str(self.secrets),
            "DEMO_BEGINS": BEGINS.strftime("%Y-%m-%dT%H:%M:%S"),
            "ONTIME_API_WORKERS": "1",
        }

    def make(self) -> None:
        """Make the nodes, join them, and bring them the images."""
        run("docker", "build", "-q", "-t", NODE_IMAGE, "-", stdin=NODE)
        here = {name: value for name, value in self.environment.items() if name != "DOCKER_HOST"}
        run("python3", "-m", "deploy.compose", "build", environment=here)
        run("docker", "network", "create", self.name)
        for node in self.nodes:
            node.folder.mkdir()
            run(
                "docker", "run", "--detach", "--privileged", "--init", "--name", node.name, "--hostname", node.name,
                "--network", self.name, "--volume", "/var/lib/docker", "--volume", f"{node.folder}:/sock", NODE_IMAGE,
                "dockerd", "-H", "unix:///var/run/docker.sock", "-H", "unix:///sock/docker.sock",
            )  # fmt: skip
        first, *others = self.nodes
        for node in self.nodes:
            eventually(node.answers, 60)
        first.docker("swarm", "init", "--advertise-addr", first.address)
        token = first.docker("swarm", "join-token", "-q", "worker").strip()
        for node in others:
            node.docker("swarm", "join", "--token", token, f"{first.address}:2377")
        first.docker("node", "update", "--label-add", "ontime.data=true", first.name)
        first.load(*(f"ontime/{image}:{self.name}" for image in IMAGES), *OTHERS)
        run("python3", "-m", "deploy.compose", "secrets", environment=self.environment)
        self.bring_images()

    def bring_images(self) -> None:
        """As an operator does: what the manager has, to the nodes that serve."""
        for node in self.nodes[1:]:
            with subprocess.Popen(
                ["make", "--no-print-directory", "swarm-images"],
                cwd=PROJECT_ROOT, env=self.environment, stdout=subprocess.PIPE,
            ) as saving:  # fmt: skip
                subprocess.run(
                    ["docker", "-H", node.host, "load", "-q"],
                    stdin=saving.stdout,
                    check=True,
                    capture_output=True,
                )
            assert saving.returncode == 0

    def make_bad_release(self) -> str:
        """Make images of which the API's is never ready, and bring them to the nodes; return their tag."""
        tag, first = f"{self.name}-bad", self.nodes[0]
        run("docker", "build", "-q", "-t", f"ontime/api:{tag}", "-", stdin=BAD.format(tag=self.name))
        first.load(f"ontime/api:{tag}")
        for image in IMAGES:
            if image != "api":
                first.docker("tag", f"ontime/{image}:{self.name}", f"ontime/{image}:{tag}")
        return tag

    def command(
        self, *words: str, check: bool = True, at: Node | None = None
    ) -> subprocess.CompletedProcess[str]:
        environment = self.environment | ({"DOCKER_HOST": at.host} if at else {})
        return run("python3", "-m", "deploy.swarm", *words, check=check, environment=environment)

    def up(self, replicas: int, check: bool = True) -> subprocess.CompletedProcess[str]:
        return self.command("up", "--replicas", str(replicas), check=check)

    def compose_up(self) -> subprocess.CompletedProcess[str]:
        return run("python3", "-m", "deploy.compose", "up", check=False, environment=self.environment)

    def running(self, service: str) -> dict[str, str]:
        """Tasks of a service that run: their ids, and the nodes they are on."""
        shown = self.nodes[0].docker(
            "service", "ps", "--no-trunc", "--filter", "desired-state=running",
            "--format", "{{.ID}} {{.Node}} {{.CurrentState}}", f"{self.name}_{service}",
        )  # fmt: skip
        rows = (line.split() for line in shown.splitlines())
        return {task: node for task, node, state, *_ in rows if state == "Running"}

    def sql(self, statement: str) -> list[list[str]]:
        first = self.nodes[0]
        label = f"label=com.docker.swarm.service.name={self.name}_postgres"
        container = first.docker("ps", "-q", "--filter", label).strip()
        psql = ("psql", "-XqAt", "-U", "ontime", "-d", "ontime", "-c", statement)
        return [line.split("|") for line in first.docker("exec", container, *psql).splitlines()]

    def entrance(self, node: Node) -> "Entrance":
        return Entrance(self, node)

    def remove(self) -> None:
        images = (
            NODE_IMAGE,
            f"ontime/api:{self.name}-bad",
            *(f"ontime/{image}:{self.name}" for image in IMAGES),
        )
        # In this order, and each whatever became of those before: a container holds its network and its image.
        run("docker", "rm", "--force", "--volumes", *(node.name for node in self.nodes), check=False)
        run("docker", "network", "rm", self.name, check=False)
        run("docker", "rmi", *images, check=False)


class Entrance:
    """The gateway of one node, over TLS."""

    def __init__(self, stack: SwarmStack, node: Node):
        self._address = f"https://{node.address}:8443"
        self._key = (stack.secrets / "predict.key").read_text().strip()
        # The certificate is this host's; a node's address is none of its names.
        self._trusted = ssl.create_default_context(cafile=stack.secrets / "gateway_certificate")
        self._trusted.check_hostname = False

    def ask(self, path: str, body: Any = None) -> tuple[int, Any]:
        request = urllib.request.Request(
            f"{self._address}{path}",
            data=None if body is None else json.dumps(body).encode(),
            headers={"Authorization": f"Bearer {self._key}", "Content-Type": "application/json"},
        )
        try:
            with urllib.request.urlopen(request, timeout=30, context=self._trusted) as answer:
                return answer.status, json.load(answer)
        except urllib.error.HTTPError as error:
            return error.code, json.loads(error.read() or b"null")
