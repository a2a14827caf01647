"""The monitoring runs of a replay, in one process that has imported everything."""

import json
import subprocess
import sys
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import date
from typing import Protocol

from adapters.deployments import Deployments
from adapters.prefect_client import PrefectClient
from adapters.settings import PROJECT_ROOT, Settings
from deploy.native import layout
from deploy.native.launcher import launched
from domain.errors import OntimeError
from replay.following import wait_for_workers

ATTEMPTS = 3
RUNS_PER_PROCESS = 40
"""Then a new one: whatever a library keeps of each report is released."""
VECTORS_GB = 2
"""Of disk: two years of New York's departures."""


class RunExecutor(Protocol):
    """Runs the monitoring flow of a day to its end."""

    def run(self, day: date) -> None:
        """Monitor a day; raises when that fails."""
        ...

    def close(self) -> None:
        """Release what it holds."""
        ...


class DeployedRuns:
    """Runs of the deployment, on the stack's worker: what a stack under Compose offers."""

    def __init__(self, settings: Settings):
        self._client = PrefectClient(settings.prefect_address, settings.prefect_auth)

    def run(self, day: date) -> None:
        """Start a run and wait for its end."""
        self._client.run("nightly-monitoring", {"day": day.isoformat()})

    def close(self) -> None:
        """Release nothing: it holds nothing."""


class WarmRuns:
    """Runs in one process that has imported everything: a second of a core each instead of ten.

    For one thread: the kernel ends the process with the thread that started it, so that a killed replay leaves no
    run behind that its successor would start a second time.

    Parameters
    ----------
    drawn : date, optional
        The day whose pages are drawn: whoever looks after a replay looks at its last one.
    """

    def __init__(self, settings: Settings, ledger: Deployments, drawn: date | None = None):
        self._settings = settings
        self._ledger = ledger
        self._drawn = drawn
        self._draws = False
        self._process: subprocess.Popen[str] | None = None
        self._done = 0

    def run(self, day: date) -> None:
        """Monitor a day, again when that fails or its process dies; when it is over, the champion that it left serves.

        Raises
        ------
        OntimeError
            If it fails three times: with what it said last.
        """
        before = self._ledger.champion()
        self._monitor(day)
        if (champion := self._ledger.champion()) != before:
            wait_for_workers(self._settings, champion)

    def _monitor(self, day: date) -> None:
        error: str | None = ""
        for _ in range(ATTEMPTS):
            error = self._answer(day)
            if error is None:
                return
        raise OntimeError(f"the monitoring run of {day} failed {ATTEMPTS} times: {error}")

    def environment(self, draws: bool) -> dict[str, str]:
        """Return the environment of that process: the stack's, without what nobody reads, and with vectors kept."""
        # What nobody reads of 275 days is not made: logs in Prefect's database, which the file has, 35 task runs a day,
        # pages of four megabytes. Each day stays a flow run, and its figures are the same.
        quiet = {
            "PREFECT_LOGGING_TO_API_ENABLED": "false",
            "ONTIME_TASK_RUNS": "false",
            "ONTIME_REPORT_PAGES": str(draws).lower(),
        }
        # Weekly retrains share all days but the newest.
        keep = {"ONTIME_KEEP_VECTORS_GB": str(self._settings.keep_vectors_gb or VECTORS_GB)}
        return layout.environment(self._settings) | quiet | keep

    def close(self) -> None:
        """End the process."""
        if self._process is not None:
            self._process.stdin and self._process.stdin.close()
            self._process.wait()
            self._process.stdout and self._process.stdout.close()
            self._process = None

    def _answer(self, day: date) -> str | None:
        process = self._ready(day == self._drawn)
        assert process.stdin is not None  # noqa: S101  asked for as pipes
        assert process.stdout is not None  # noqa: S101
        self._done += 1
        try:
            process.stdin.write(f"{day}\n")
            process.stdin.flush()
        except OSError as error:
            return f"its process is gone: {error}"
        answer = process.stdout.readline()
        if not answer:
            return f"its process ended with {process.wait()}; see {self._log}"
        said: str | None = json.loads(answer)["error"]
        return said

    @property
    def _log(self) -> str:
        return str(self._settings.state_dir / "log" / "monitoring-runs.log")

    def _ready(self, draws: bool) -> "subprocess.Popen[str]":
        fits = self._done < RUNS_PER_PROCESS and self._draws == draws
        if self._process is not None and self._process.poll() is None and fits:
            return self._process
        self.close()
        self._done, self._draws = 0, draws
        with open(self._log, "a") as log:  # noqa: PTH123  the child keeps it
            self._process = subprocess.Popen(
                launched([sys.executable, "-m", "flows.batch"], "KILL"),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
                cwd=PROJECT_ROOT,
                env=self.environment(draws),
            )
        return self._process


class RunQueue:
    """Monitors days on a thread of its own, one at a time, in the order in which they were begun."""

    def __init__(self, runner: RunExecutor):
        self._runner = runner
        self._pool = ThreadPoolExecutor(1, "monitoring-runs")
        self._last: Future[None] | None = None

    def begin(self, day: date) -> None:
        """Begin the run of a day."""
        self._last = self._pool.submit(self._runner.run, day)

    def wait(self) -> None:
        """Wait for the run that was begun last; its error is raised here."""
        last, self._last = self._last, None
        if last is not None:
            last.result()

    def close(self) -> None:
        """Wait for its end and release what the runner holds."""
        self._pool.submit(self._runner.close)
        self._pool.shutdown()
