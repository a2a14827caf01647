"""`make deploy` and `make deploy-rollback` on a Docker Engine, with a stack that is up in seconds.

The gateway, the rolling upgrade, the kept images and the smoke test are the real ones; what they deploy is small.
"""

import json
import os
import secrets
import subprocess
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from adapters.settings import PROJECT_ROOT
from tests.session import free_port

pytestmark = [pytest.mark.stack, pytest.mark.timeout(900)]
HERE = Path(__file__).parent / "small_stack"


def run(*command, environment=None) -> subprocess.CompletedProcess:
    return subprocess.run(
        command, cwd=PROJECT_ROOT, env=environment, capture_output=True, text=True, check=False
    )


@dataclass
class Traffic:
    """A client that asks through the gateway all the while."""

    address: str
    answers: list = field(default_factory=list)
    _over: threading.Event = field(default_factory=threading.Event)

    def __enter__(self):
        self._thread = threading.Thread(target=self._ask)
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._over.set()
        self._thread.join()

    def _ask(self):
        while not self._over.is_set():
            self.answers.append(ask(self.address))
            time.sleep(0.05)


def ask(address):
    request = urllib.request.Request(
        f"{address}/v1/predictions", b'{"flight": 1}', {"Authorization": "Bearer probe"}
    )
    try:
        with urllib.request.urlopen(request, timeout=20) as answer:
            return answer.status, json.loads(answer.read()).get("fault")
    except urllib.error.HTTPError as error:
        with error:
            return error.code, None
    except OSError as error:
        return 0, str(error)


@dataclass
class SmallStack:
    environment: dict
    address: str
    image: str

    def build(self, tag, fault="none"):
        # A label of its own: an image that is the same is no deployment.
        done = run(
            "docker", "build", "-q", "-t", f"{self.image}:{tag}", "--label", f"tag={tag}",
            "--build-arg", f"FAULT={fault}", str(HERE),
        )  # fmt: skip
        assert done.returncode == 0, done.stderr

    def make(self, target, tag="latest"):
        return run("make", "--no-print-directory", target, environment=self.environment | {"IMAGE_TAG": tag})

    def serving(self):
        """Tags' ids of the images the API's containers run."""
        project = f"label=com.docker.compose.project={self.environment['COMPOSE_PROJECT_NAME']}"
        service = "label=com.docker.compose.service=api"
        ids = run("docker", "ps", "-q", "--filter", project, "--filter", service).stdout.split()
        return {run("docker", "inspect", "-f", "{{.Image}}", container).stdout.strip() for container in ids}

    def id_of(self, tag):
        return run("docker", "image", "inspect", "-f", "{{.Id}}", f"{self.image}:{tag}").stdout.strip()


@pytest.fixture(scope="module")
def stack(tmp_path_factory) -> Iterator[SmallStack]:
    """A stack of which version `one` was deployed."""
    name, port = f"ontime-small-{secrets.token_hex(3)}", free_port()
    folder = tmp_path_factory.mktemp("secrets")
    small = SmallStack(
        os.environ
        | {
            "COMPOSE_PROJECT_NAME": name,
            "COMPOSE_FILE": str(HERE / "docker-compose.yml"),
            "SMALL": name,
            "GATEWAY_PORT": str(port),
            "SECRETS_DIR": str(folder),
        },
        f"http://127.0.0.1:{port}",
        f"ontime/{name}",
    )
    try:
        small.build("one")
        done = small.make("deploy", "one")
        assert done.returncode == 0, done.stdout + done.stderr
        yield small
    finally:
        run("python3", "deploy/stack", "compose", "down", "-v", environment=small.environment)
        tags = [f"{small.image}:{tag}" for tag in ("one", "two", "sick", "wrong", "previous")]
        run("docker", "rmi", "-f", *tags)


@pytest.mark.parametrize("fault", ["wrong"])
def test_a_broken_image_is_rolled_back_by_itself_while_the_old_one_answers(stack, fault):
    before = stack.serving()
    stack.build(fault, fault)
    with Traffic(stack.address) as traffic:
        done = stack.make("deploy", fault)
    assert done.returncode != 0
    assert "not deployed, the previous images serve" in done.stderr, done.stdout + done.stderr
    assert stack.serving() == before
    assert len(traffic.answers) > 20
    assert {status for status, _ in traffic.answers} == {200}
    # One that is never ready gets no request; one that answers nonsense serves until the smoke test has found it.
    assert {by for _, by in traffic.answers} <= ({"none"} if fault == "sick" else {"none", "wrong"})
    assert ask(stack.address) == (200, "none")
