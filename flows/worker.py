"""The worker of the flows: `python -m flows.worker`, with any option of `prefect worker start`.

A worker that is killed, or replaced by an upgrade, leaves runs that no process works on: to Prefect they run for
ever, and each keeps its deployment's only slot. So a worker puts back what the one before it left, then becomes
Prefect's. One worker a pool: it takes every run under way for an orphan.
"""

import os
import signal
import sys
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from adapters.prefect_client import FlowRun, PrefectClient
from adapters.settings import settings

POOL = "ontime"
RUN_MARK = "PREFECT__FLOW_RUN_ID"
"""What Prefect sets in the environment of a run's process."""


def put_back(client: PrefectClient, pool: str = POOL) -> list[FlowRun]:
    """Schedule again the runs that an earlier worker left; every flow is safe to run again. Return those runs."""
    left = client.under_way(pool)
    _kill_processes_of(left)
    for run in left:
        client.hand_back(run)
    return left


def _kill_processes_of(runs: Iterable[FlowRun]) -> None:
    """Kill what outlived its worker: two processes must not work on one run."""
    marks = {f"{RUN_MARK}={run.run_id}".encode() for run in runs}
    for folder in Path("/proc").glob("[0-9]*"):
        # Ended meanwhile, or somebody else's.
        with suppress(OSError):
            if marks & set((folder / "environ").read_bytes().split(b"\0")):
                os.kill(int(folder.name), signal.SIGKILL)


def main() -> None:
    """Put back, then become Prefect's worker."""
    own = settings()
    put_back(PrefectClient(own.prefect_address, own.prefect_auth))
    prefect = str(Path(sys.executable).with_name("prefect"))
    # A worker that is not its starter's own process ignores SIGINT and hangs on SIGTERM.
    os.execv(prefect, [prefect, "worker", "start", "--pool", POOL, "--type", "process", *sys.argv[1:]])  # noqa: S606


if __name__ == "__main__":
    main()
