"""A Compose stack of the tests' own: started with `deploy/compose`, asked through its gateway."""

import json
import os
import secrets
import subprocess
import threading
import time
import urllib.error
import urllib.request
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from adapters.settings import PROJECT_ROOT
from tests.documented import Command, documented
from tests.session import free_port

STACK = ("python3", "-m", "deploy.compose")
BEGINS = datetime(2013, 4, 1, 7, 55, tzinfo=UTC)
IMAGES = ("api", "mlflow", "prefect", "worker")
OTHER_FEATURES = r"""
FROM ontime/{image}:{tag}
USER root
RUN sed -i 's/"3h": 180/"3h": 240/' domain/features/congestion.py \
 && sed -i 's/^CONTRACT_VERSION = 1$/CONTRACT_VERSION = 2/' domain/features/catalogue.py \
 && ! grep -q '"3h": 180' domain/features/congestion.py && grep -q 'VERSION = 2$' domain/features/catalogue.py \
 && python -m compileall -q domain
USER 10001:10001
"""
"""A release that counts what left in the last four hours, where this one counts three."""


class RunningStack:
    """One project of containers, with a name, ports, images and secrets of its own; `remove` takes all of it away."""

    def __init__(self, home: Path):
        self.port = free_port()
        self.project = name = f"ontime-test-{secrets.token_hex(3)}"
        self.secrets = home / "secrets"
        self.environment = {
            **os.environ,
            "COMPOSE_PROJECT_NAME": name,
            "COMPOSE_PROFILES": "",
            "IMAGE_TAG": name,
            "SECRETS_DIR": str(self.secrets),
            "GATEWAY_ADDRESS": "127.0.0.1",
            "GATEWAY_PORT": str(self.port),
            "GATEWAY_TLS_PORT": str(free_port()),
            "GATEWAY_REDIRECT_PORT": str(free_port()),
            "MLFLOW_UI_PORT": str(free_port()),
            "PREFECT_UI_PORT": str(free_port()),
            "GRAFANA_PORT": str(free_port()),
            "DEMO_BEGINS": BEGINS.strftime("%Y-%m-%dT%H:%M:%S"),
            # No native stack: `make status` and `make down` are about one, too.
            "ONTIME_STATE_DIR": str(home / "native"),
            "ONTIME_SUPERVISOR_PORT": str(free_port()),
        }

    def run(
        self, *command: str, check: bool = True, stdin: str | None = None, **variables: str
    ) -> subprocess.CompletedProcess[str]:
        """Run a command with the stack's environment; its output is in the error when it fails."""
        done = subprocess.run(
            command,
            cwd=PROJECT_ROOT,
            env=self.environment | variables,
            input=stdin,
            capture_output=True,
            text=True,
            check=False,
        )
        assert not check or done.returncode == 0, f"{' '.join(command)}:\n{done.stdout}\n{done.stderr}"
        return done

    def up(self, replicas: int, **variables: str) -> None:
        """Start or upgrade the stack; what is set by `variables` stays so for every command after it."""
        self.environment |= variables
        self.type(documented("make up"), f"API_REPLICAS={replicas}")

    def type(self, command: Command, *more: str, **variables: str) -> str:
        """Run a command of a document with the stack's environment; return what it said."""
        return command.run(self.environment | variables, *more).stdout

    def build_with_other_features(self) -> str:
        """Build the images of a release with another feature contract on top of this one's; return their tag."""
        tag = f"{self.project}-other"
        for image in IMAGES:
            if image in ("api", "worker"):
                self.run(
                    "docker", "build", "--quiet", "--tag", f"ontime/{image}:{tag}", "-",
                    stdin=OTHER_FEATURES.format(image=image, tag=self.project),
                )  # fmt: skip
            else:
                self.run("docker", "tag", f"ontime/{image}:{self.project}", f"ontime/{image}:{tag}")
        return tag

    def bring(self, tag: str, replicas: int) -> str:
        """Bring the stack to images that are built; return what was said."""
        self.environment["IMAGE_TAG"] = tag
        return self.run(*STACK, "up", "--replicas", str(replicas)).stdout

    def remove(self) -> None:
        self.run(*STACK, "compose", "--profile", "*", "down", "-v", "--remove-orphans", check=False)
        # The layers stay in the builder's cache: the next run finds them.
        named = ("--filter", f"reference=ontime/*:{self.project}*", "--format", "{{.Repository}}:{{.Tag}}")
        self.run("docker", "rmi", *self.run("docker", "images", *named).stdout.split(), check=False)

    def compose(self, *arguments: str) -> str:
        return self.run(*STACK, "compose", *arguments).stdout

    def containers(self, service: str) -> list[str]:
        """Ids of a service's running containers; a one-off container of `compose run` is none of them."""
        labels = {"project": self.project, "service": service, "oneoff": "False"}
        filters = [f"--filter=label=com.docker.compose.{name}={value}" for name, value in labels.items()]
        return self.run("docker", "ps", "-q", *filters).stdout.split()

    def states(self) -> dict[str, dict[str, Any]]:
        """State of every container, by name."""
        label = f"label=com.docker.compose.project={self.project}"
        ids = self.run("docker", "ps", "-aq", "--filter", label).stdout.split()
        shown = json.loads(self.run("docker", "inspect", *ids).stdout)
        return {container["Name"].removeprefix("/"): container for container in shown}

    def sql(self, statement: str, database: str = "ontime") -> list[list[str]]:
        """Rows of a statement, as text."""
        shown = self.compose(
            "exec", "-T", "postgres", "psql", "-XqAt", "-U", "ontime", "-d", database, "-c", statement
        )
        return [line.split("|") for line in shown.splitlines()]

    def ask(self, path: str, body: Any = None, key: str = "predict.key") -> tuple[int, Any]:
        """Ask the gateway once; status and body."""
        request = urllib.request.Request(
            f"http://127.0.0.1:{self.port}{path}",
            data=None if body is None else json.dumps(body).encode(),
            headers={
                "Authorization": "Bearer " + (self.secrets / key).read_text().strip(),
                "Content-Type": "application/json",
            },
        )
        try:
            with urllib.request.urlopen(request, timeout=30) as answer:
                return answer.status, json.load(answer)
        except urllib.error.HTTPError as error:
            return error.code, json.loads(error.read() or b"null")

    def kill(self, container: str, words: str) -> None:
        """`kill -9` every process of a container whose command line holds `words`."""
        processes = self.run("docker", "top", container, "-eo", "pid,args").stdout.splitlines()[1:]
        found = [int(line.split(None, 1)[0]) for line in processes if words in line]
        assert found, f"no process of {words} in {processes}"
        for pid in found:
            # The kernel ends the rest of a container with its first process.
            with suppress(ProcessLookupError):
                os.kill(pid, 9)


class Client(threading.Thread):
    """Asks through the gateway as long as it is open, and keeps what was acknowledged and what failed."""

    def __init__(self, stack: RunningStack, pause: float = 0.05, clock: datetime = BEGINS):
        super().__init__(daemon=True)
        self._stack, self._pause = stack, pause
        self._closed = threading.Event()
        self.acknowledged: list[str] = []
        self.failed: list[tuple[str, Any]] = []
        self._clock = clock

    def run(self) -> None:
        while not self._closed.wait(self._pause):
            try:
                status, body = self._stack.ask("/v1/predictions", self._question())
            except OSError as error:
                self.failed.append((f"{datetime.now(UTC):%H:%M:%S}", repr(error)))
                continue
            if status == 200:
                self.acknowledged.append(body["prediction_id"])
                self._clock = datetime.fromisoformat(body["clock"]["now"])
            else:
                self.failed.append((f"{datetime.now(UTC):%H:%M:%S}", (status, body)))

    def _question(self) -> dict[str, Any]:
        # Far enough ahead for a clock that goes through a night in one step.
        departs = self._clock + timedelta(hours=14)
        return {
            "carrier": "UA", "flight": 272, "origin": "EWR", "dest": "ORD",
            "scheduled_departure": departs.isoformat(),
            "scheduled_arrival": (departs + timedelta(hours=3)).isoformat(),
        }  # fmt: skip

    def close(self) -> None:
        self._closed.set()
        self.join()


def eventually(condition: Any, seconds: float = 60.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.5)
