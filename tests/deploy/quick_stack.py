"""A stack in the shape of the real one that is up in seconds: `small_stack`, and clients that load it."""

import http.client
import json
import os
import secrets
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from adapters.settings import PROJECT_ROOT
from tests.documented import Command
from tests.session import free_port

SMALL = "tests/deploy/small_stack"
HERE = PROJECT_ROOT / SMALL
EVENT_SECONDS = 3
"""In which an engine reports what it has done."""
HEADERS = {"Authorization": "Bearer probe"}


def run(*command, environment=None, folder=PROJECT_ROOT) -> subprocess.CompletedProcess:
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)


@dataclass
class Traffic:
    """Clients that ask through the gateway all the while: some on one connection, some on a new one each time."""

    address: str
    clients: int = 4
    answers: list = field(default_factory=list)
    _over: threading.Event = field(default_factory=threading.Event)

    def __enter__(self):
        self._threads = [threading.Thread(target=self._ask, args=(n % 2 == 0,)) for n in range(self.clients)]
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self._over.set()
        for thread in self._threads:
            thread.join()

    @property
    def failed(self) -> list:
        return [answer for answer in self.answers if answer[0] != 200]

    def _ask(self, keeps_connection):
        connection = None
        while not self._over.is_set():
            kept, connection = connection, connection or connect(self.address)
            answer = ask_on(connection)
            if kept and answer[0] == 0 and "RemoteDisconnected" in answer[1]:
                # A server may close a connection that is idle, as the gateway does when it reads another configuration:
                # who asks on it just then asks again on a new one, as HTTP clients do.
                connection.close()
                connection = connect(self.address)
                answer = ask_on(connection)
            self.answers.append(answer)
            if not keeps_connection or self.answers[-1][0] == 0:
                connection.close()
                connection = None
            time.sleep(0.02)
        if connection:
            connection.close()


def connect(address) -> http.client.HTTPConnection:
    return http.client.HTTPConnection(urlsplit(address).netloc, timeout=20)


def ask_on(connection):
    """Status and the fault of the replica that answered; 0 and the error where no answer came."""
    try:
        connection.request("POST", "/v1/predictions", b'{"flight": 1}', HEADERS)
        with connection.getresponse() as answer:
            body = answer.read()
            return answer.status, json.loads(body).get("fault") if answer.status == 200 else None
    except (OSError, http.client.HTTPException) as error:
        return 0, repr(error)


def ask(address):
    connection = connect(address)
    try:
        return ask_on(connection)
    finally:
        connection.close()


@dataclass
class SmallStack:
    environment: dict
    address: str
    image: str
    checkout: Path = PROJECT_ROOT

    def build(self, tag, fault="none", contract="first"):
        # A label of its own: an image that is the same is no deployment.
        done = run(
            "docker", "build", "-q", "-t", f"{self.image}:{tag}", "--label", f"tag={tag}",
            "--build-arg", f"FAULT={fault}", "--build-arg", f"CONTRACT={contract}", str(HERE),
        )  # fmt: skip
        assert done.returncode == 0, done.stderr

    def type(self, command: Command, *more: str, tag="latest", **variables) -> subprocess.CompletedProcess:
        """Run a command of a document in the stack's checkout, whatever comes out."""
        environment = self.environment | {"IMAGE_TAG": tag} | variables
        return command.run(environment, *more, check=False, cwd=self.checkout)

    def make(self, *words, tag="latest", **variables):
        environment = self.environment | {"IMAGE_TAG": tag} | variables
        return run("make", "--no-print-directory", *words, environment=environment, folder=self.checkout)

    def command(self, *arguments, **variables) -> subprocess.CompletedProcess:
        """Run `deploy/compose` with the stack's environment."""
        environment = self.environment | variables
        return run(
            "python3", "-m", "deploy.compose", *arguments, environment=environment, folder=self.checkout
        )

    def up(self, replicas, **variables) -> None:
        done = self.command("up", "--replicas", str(replicas), **variables)
        assert done.returncode == 0, done.stdout + done.stderr

    def containers(self, *services) -> dict[str, list[str]]:
        """Ids of the running containers of every service, or of some."""
        project = f"label=com.docker.compose.project={self.environment['COMPOSE_PROJECT_NAME']}"
        shown = '{{.Label "com.docker.compose.service"}} {{.ID}}'
        found: dict[str, list[str]] = {}
        for line in run("docker", "ps", "--filter", project, "--format", shown).stdout.splitlines():
            service, container = line.split()
            if not services or service in services:
                found.setdefault(service, []).append(container)
        return {service: sorted(ids) for service, ids in found.items()}

    def starts_of(self, service, action) -> int:
        """How often containers of a service are started while something is done."""
        labels = (f"project={self.environment['COMPOSE_PROJECT_NAME']}", f"service={service}")
        filters = [part for label in labels for part in ("--filter", f"label=com.docker.compose.{label}")]
        # Watched, not asked for afterwards: an engine keeps its last 256 events, and each health check is three.
        watch = ["docker", "events", "--since", str(time.time()), "--filter", "event=start", *filters]
        with subprocess.Popen(watch, stdout=subprocess.PIPE, text=True) as watching:
            try:
                action()
                time.sleep(EVENT_SECONDS)
            finally:
                watching.terminate()
            return len(watching.stdout.readlines())

    def serving(self):
        """Ids of the images the API's containers run."""
        ids = self.containers("api")["api"]
        return {run("docker", "inspect", "-f", "{{.Image}}", container).stdout.strip() for container in ids}

    def computes(self):
        """Contracts of the refreshers that run, one-off containers too."""
        ids = self.containers("features")["features"]
        return [run("docker", "exec", i, "printenv", "CONTRACT").stdout.strip() for i in ids]

    def id_of(self, tag):
        return run("docker", "image", "inspect", "-f", "{{.Id}}", f"{self.image}:{tag}").stdout.strip()

    def remove(self) -> None:
        self.command("compose", "--profile", "*", "down", "-v", "--remove-orphans")
        images = run("docker", "images", "-q", self.image).stdout.split()
        run("docker", "rmi", "-f", *set(images))


@contextmanager
def small_stack(secrets_folder: Path, checkout: Path = PROJECT_ROOT) -> Iterator[SmallStack]:
    """A stack of its own name and port, of which nothing runs yet; everything of it is removed at the end."""
    name, port = f"ontime-small-{secrets.token_hex(3)}", free_port()
    small = SmallStack(
        os.environ
        | {
            "COMPOSE_PROJECT_NAME": name,
            "COMPOSE_FILE": str(checkout / SMALL / "docker-compose.yml"),
            "SMALL": name,
            "GATEWAY_PORT": str(port),
            "SECRETS_DIR": str(secrets_folder),
        },
        f"http://127.0.0.1:{port}",
        f"ontime/{name}",
        checkout,
    )
    try:
        yield small
    finally:
        small.remove()
