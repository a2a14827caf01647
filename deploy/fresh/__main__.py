"""What `make test-fresh` runs: the README's two commands in containers made from nothing; needs Docker and git."""

import argparse
import signal
import sys
import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path

from deploy.compose.engine import ROOT, StackError, fail, say
from deploy.fresh import outcome
from deploy.fresh.containers import Engine, NoEngineError
from deploy.fresh.machines import MACHINES, TESTED_IN_SHORT, Machine
from deploy.fresh.trial import Plan, Trial, bundled, git

LOGS = ROOT / "var" / "fresh"
MEASURED = ROOT / "docs" / "reports" / "measured" / "fresh.json"
CORES = 2
DAYS_IN_SHORT = 2
NO_ENGINE_STATUS = 3
INTERRUPTED_STATUS = 130


def parser() -> argparse.ArgumentParser:
    """Describe the command."""
    top = argparse.ArgumentParser(prog="python3 -m deploy.fresh", description=__doc__)
    top.add_argument(
        "--short", action="store_true",
        help=f"{DAYS_IN_SHORT} days of the demo, all machines side by side; tests on {TESTED_IN_SHORT.name} only",
    )  # fmt: skip
    top.add_argument("--machine", action="append", choices=[m.name for m in MACHINES], help="only this one")
    top.add_argument("--jobs", type=int, help="machines at the same time; by default one for every two cores")
    top.add_argument("--source", type=Path, default=ROOT, help="checkout to clone; by default this one")
    top.add_argument("--ref", default="HEAD", help="commit to clone; by default HEAD")
    top.add_argument("--keep", action="store_true", help="keep the container of a machine that failed")
    return top


def main() -> int:
    """Run the command; return 1 where a machine failed, 3 where there is no engine."""
    asked = parser().parse_args()
    signal.signal(signal.SIGTERM, _interrupt)
    # Under nohup a terminal that goes away is no reason to end.
    if signal.getsignal(signal.SIGHUP) != signal.SIG_IGN:
        signal.signal(signal.SIGHUP, _interrupt)
    try:
        rows = run(asked)
    except NoEngineError as error:
        fail(error)
        return NO_ENGINE_STATUS
    except StackError as error:
        return fail(error)
    except KeyboardInterrupt:
        say("interrupted; its containers are gone")
        return INTERRUPTED_STATUS
    say(f"\n{outcome.table(rows)}")
    well = sum(row.problem is None for row in rows)
    say(f"\n{well} of {len(rows)} machines")
    return 0 if well == len(rows) else 1


def _interrupt(number: int, frame: object) -> None:
    raise KeyboardInterrupt


def run(asked: argparse.Namespace) -> list[outcome.Row]:
    """Try every machine that is asked for and write what was measured."""
    engine = Engine()
    commit = git(asked.source, "rev-parse", "--verify", f"{asked.ref}^{{commit}}")
    if asked.ref == "HEAD" and git(asked.source, "status", "--porcelain"):
        say("changes that are not committed are not tried")
    LOGS.mkdir(parents=True, exist_ok=True)
    machines = [machine for machine in MACHINES if machine.name in (asked.machine or [machine.name])]
    for image in sorted({machine.image for machine in machines}):
        engine.require_image(image)
    jobs = asked.jobs or _jobs(engine, short=asked.short)
    about = {
        "date": datetime.now(UTC).date().isoformat(), "commit": commit, "engine": engine.version,
        "cores": engine.cores, "cores_a_machine": min(CORES, engine.cores), "at_the_same_time": jobs,
        "form": "short" if asked.short else "full",
    }  # fmt: skip
    with bundled(asked.source, commit) as bundle:
        days = DAYS_IN_SHORT if asked.short else None
        plan = Plan(engine, bundle, LOGS, min(CORES, engine.cores), days, asked.keep)
        rows = try_all(plan, machines, jobs, short=asked.short)
    whole = not (asked.short or asked.machine)
    outcome.write(MEASURED if whole else LOGS / "fresh.json", about, rows)
    return rows


def _jobs(engine: Engine, *, short: bool) -> int:
    """Return how many machines at a time.

    In the full form each has its cores to itself, for its times to mean something; in the short form a core.
    """
    return max(1, engine.cores if short else engine.cores // CORES)


def try_all(plan: Plan, machines: Sequence[Machine], jobs: int, *, short: bool) -> list[outcome.Row]:
    """Try the machines, some at a time; interrupted, it removes every container before it returns."""
    stopping = threading.Event()
    trials = [Trial(plan, m, tests=not short or m == TESTED_IN_SHORT, stopping=stopping) for m in machines]
    # The one with the tests takes longest, so it starts first.
    trials.sort(key=lambda trial: not trial.tests)
    with ThreadPoolExecutor(jobs) as pool:
        try:
            futures = [pool.submit(trial.run) for trial in trials]
            rows = [future.result() for future in futures]
        except BaseException:
            stopping.set()
            for trial in trials:
                trial.interrupt()
            raise
    return sorted(rows, key=lambda row: row.machine)


if __name__ == "__main__":
    sys.exit(main())
