"""The command `ontime` inside the worker of the Compose stack that runs; needs Docker's client and no library."""

import shutil
import subprocess
import sys
from collections.abc import Sequence

from adapters.operator import operator
from deploy.compose.engine import StackError, environment, say
from deploy.status import NOTHING_RUNS

WORKER = "prefect-worker"


def worker() -> str | None:
    """Return the id of the container in which the Compose stack's commands run, None where no such stack runs."""
    if shutil.which("docker") is None:
        return None
    labels = {
        "project": environment()["COMPOSE_PROJECT_NAME"],
        "oneoff": "False",
        "service": WORKER,
    }
    filters = [
        part
        for name, value in labels.items()
        for part in ("--filter", f"label=com.docker.compose.{name}={value}")
    ]
    done = subprocess.run(["docker", "ps", "-q", *filters], capture_output=True, text=True, check=False)
    return next(iter(done.stdout.split()), None)


def run(container: str, words: Sequence[str]) -> int:
    """Run the command in a worker's container as the user of this machine; return its exit status."""
    say("on the Compose stack")
    terminal = ["--tty"] if sys.stdin.isatty() and sys.stdout.isatty() else []
    # The container's user has no name of its own: the ledger is to name who asked.
    asked_by = ["--env", f"LOGNAME={operator()}"]
    return subprocess.call(
        ["docker", "exec", "--interactive", *terminal, *asked_by, container, "ontime", *words]
    )


def run_in_worker(words: Sequence[str]) -> int:
    """Run the command in the worker of the Compose stack; return its exit status.

    Raises
    ------
    StackError
        If no such stack runs.
    """
    container = worker()
    if container is None:
        raise StackError(NOTHING_RUNS)
    return run(container, words)
