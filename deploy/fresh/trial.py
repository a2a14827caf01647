"""The README's two commands on one new machine."""

import re
import subprocess
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from deploy.compose.engine import ROOT, StackError, say
from deploy.fresh import outcome
from deploy.fresh.containers import Container, Engine
from deploy.fresh.machines import Machine

PREPARE_SECONDS = 600
DEMO_SECONDS = 1800
TEST_SECONDS = 3600
TAIL_LINES = 25
BUNDLE = "/tmp/ontime.bundle"  # noqa: S108  in a container that is nobody else's
IDENTITY = ("-c", "user.name=ontime", "-c", "user.email=ontime@localhost")
PARTS = "find {home}/ontime/var -name '*.log' -size +0 -exec tail -v -n 40 {{}} +"


@dataclass
class Plan:
    """What is asked of every machine."""

    engine: Engine
    bundle: Path
    logs: Path
    cores: int
    days: int | None
    keep: bool


class _StepError(Exception):
    """A step failed; the message says which and how."""


class Trial:
    """One machine, from nothing to its row."""

    def __init__(self, plan: Plan, machine: Machine, *, tests: bool, stopping: threading.Event):
        self.machine = machine
        self.row = outcome.Row(machine.name)
        self.log = plan.logs / f"{machine.name}.log"
        self.container = Container(plan.engine, machine.name, machine.image, plan.cores)
        self.tests, self._plan, self._stopping = tests, plan, stopping

    def run(self) -> outcome.Row:
        """Run every step until one fails; the container is removed at the end."""
        try:
            with self.log.open("wb") as log:
                self._steps(log)
        except (_StepError, StackError) as error:
            self._report(str(error))
        finally:
            self._leave()
        return self.row

    def _leave(self) -> None:
        if self.row.problem and self._plan.keep and not self._stopping.is_set():
            say(f"{self.machine.name}: kept, `docker exec -it {self.container.name} bash`")
        else:
            self.container.remove()

    def interrupt(self) -> None:
        """End what runs; no further step begins once `stopping` is set."""
        self.container.remove()

    def _steps(self, log: IO[bytes]) -> None:
        if self._stopping.is_set():
            raise _StepError("not started")
        self.container.start()
        self.row.prepare_seconds = self._step(
            log, "its packages", self.machine.prepare, PREPARE_SECONDS, "root"
        )
        self.container.copy(self._plan.bundle, BUNDLE)
        self._step(
            log, "git clone", f"cd && git clone --quiet {BUNDLE} ontime && python3 --version", PREPARE_SECONDS
        )
        self.row.python = _python_version(self.log)
        demo = "make demo" + (f" DAYS={self._plan.days}" if self._plan.days else "")
        before = self.container.cpu_seconds()
        self.row.demo_seconds = self._step(log, demo, f"cd ~/ontime && {demo}", DEMO_SECONDS)
        self.row.demo_cpu_seconds = round(self.container.cpu_seconds() - before)
        if self.tests:
            self._run_tests(log)

    def _step(self, log: IO[bytes], name: str, script: str, limit: float, user: str | None = None) -> int:
        status, seconds = self._timed(log, script, limit, user)
        if status is None:
            raise _StepError(f"{name} did not end within {limit:.0f} s")
        if status:
            raise _StepError(f"{name} ended with {status} after {seconds} s")
        say(f"{self.machine.name}: {name}, {seconds} s")
        return seconds

    def _timed(
        self, log: IO[bytes], script: str, limit: float, user: str | None = None
    ) -> tuple[int | None, int]:
        if self._stopping.is_set():
            raise _StepError("interrupted")
        user = user or self.machine.user
        started = time.monotonic()
        status = self.container.run(script, log, user=user, seconds=limit)
        return status, round(time.monotonic() - started)

    def _run_tests(self, log: IO[bytes]) -> None:
        began, before = log.tell(), self.container.cpu_seconds()
        status, seconds = self._timed(log, "cd ~/ontime && make test", TEST_SECONDS)
        self.row.test_seconds = seconds
        self.row.test_cpu_seconds = round(self.container.cpu_seconds() - before)
        counts = outcome.closing_counts(_lines(self.log, began))
        if counts:
            self.row.count(counts)
        if status is None:
            raise _StepError(f"make test did not end within {TEST_SECONDS} s")
        problem = outcome.problem_of_tests(status, counts)
        if problem:
            raise _StepError(problem)
        say(f"{self.machine.name}: make test, {seconds} s")

    def _report(self, problem: str) -> None:
        self.row.problem = problem
        if self._stopping.is_set():
            return
        say(f"{self.machine.name}: {problem}; the last lines of {self.log.relative_to(ROOT)}:")
        for line in _lines(self.log)[-TAIL_LINES:]:
            say(f"    {line}")
        # What the parts of the stack wrote goes with the container: it is kept beside.
        with self.log.with_suffix(".parts.log").open("wb") as parts:
            self.container.run(PARTS.format(home=self.machine.home), parts, user="root", seconds=60)


def _lines(path: Path, offset: int = 0) -> list[str]:
    with path.open("rb") as file:
        file.seek(offset)
        return file.read().decode(errors="replace").splitlines()


def _python_version(log: Path) -> str | None:
    found = [line for line in _lines(log) if re.fullmatch(r"Python [\d.]+\S*", line)]
    return found[-1].removeprefix("Python ") if found else None


def git(source: Path, *arguments: str) -> str:
    """Run git in a checkout and return its output.

    Raises
    ------
    StackError
        If it fails.
    """
    done = subprocess.run(["git", "-C", str(source), *arguments], capture_output=True, text=True, check=False)
    if done.returncode:
        raise StackError(f"`git {' '.join(arguments)}` in {source}: {done.stderr.strip()}")
    return done.stdout.strip()


@contextmanager
def bundled(source: Path, commit: str) -> Iterator[Path]:
    """Yield one file that clones to the tree of a commit: what is under version control, and nothing else.

    Its one commit has no parent, and names the commit whose tree it is: of a shallow checkout no other can be cloned.
    """
    with tempfile.TemporaryDirectory(prefix="ontime-fresh-") as folder:
        bare, bundle = Path(folder) / "bare", Path(folder) / "ontime.bundle"
        git(source, "init", "--quiet", "--bare", str(bare))
        objects = git(source, "rev-parse", "--path-format=absolute", "--git-path", "objects")
        (bare / "objects" / "info" / "alternates").write_text(f"{objects}\n")
        alone = git(bare, *IDENTITY, "commit-tree", "-m", f"The tree of {commit}", f"{commit}^{{tree}}")
        git(bare, "update-ref", "refs/heads/main", alone)
        git(bare, "symbolic-ref", "HEAD", "refs/heads/main")
        git(bare, "bundle", "create", "--quiet", str(bundle), "HEAD", "main")
        yield bundle
