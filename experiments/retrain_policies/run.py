"""`make policies`: fit what the calendar needs, then replay the same year under each policy."""

import sys
import time
from collections.abc import Callable
from concurrent.futures import Executor, ProcessPoolExecutor, as_completed
from dataclasses import asdict, dataclass, field, replace
from datetime import date, timedelta
from functools import partial
from multiprocessing import get_context
from pathlib import Path

from adapters.terminal import Say
from data.site import NEW_YORK
from domain.features.catalogue import FEATURE_NAMES
from experiments.retrain_policies.candidates import Candidate, Window, Workshop, first_window, retrain_window
from experiments.retrain_policies.contest import Contest, Contestant, Record
from experiments.retrain_policies.contestants import Calendar, NaiveDrift, Ours, first_mondays, mondays
from experiments.retrain_policies.default_drift import DefaultDrift
from experiments.retrain_policies.hindsight import timetables
from experiments.retrain_policies.report import MONTHLY, NAIVE, NEVER, OURS, Findings
from experiments.retrain_policies.year import Year, load_year
from monitoring.policy import RetrainPolicy
from training import provenance
from training.retraining import RetrainPlan
from training.train import TreeParameters

UNGATED = "monthly, no gate"
UNGATED_WEEKLY = "weekly, no gate"
DAYS_PER_LINE = 30


@dataclass(frozen=True)
class ContestPlan:
    """What is compared, on which days, with what."""

    begins: date = NEW_YORK.replay_from
    ends: date = NEW_YORK.last_day
    parameters: TreeParameters = field(default_factory=TreeParameters)
    retrain: RetrainPlan = field(default_factory=RetrainPlan)
    policy: RetrainPolicy = field(default_factory=RetrainPolicy)
    drift_columns: int = 30
    """What naive drift looks at."""
    workers: int = 2
    """Processes; each fit is one thread."""

    def contestants(self) -> list[Contestant]:
        """Return the slow ones first, so that they run beside each other."""
        monthly = first_mondays(self.begins, self.ends)
        return [
            NaiveDrift(DefaultDrift(self.drift_columns), NAIVE),
            Ours(self.policy, OURS),
            Calendar(UNGATED_WEEKLY, mondays(self.begins, self.ends), gated=False),
            Calendar(MONTHLY, monthly),
            Calendar(UNGATED, monthly, gated=False),
            Calendar(NEVER),
        ]


SHOWN = (NEVER, UNGATED_WEEKLY, MONTHLY, UNGATED, NAIVE, OURS)


@dataclass(frozen=True)
class Workspace:
    """Where data and kept work are; a process of the pool opens it once."""

    data_dir: Path
    folder: Path
    plan: ContestPlan

    def year(self, progress: Callable[[str, int, int], None] = lambda name, done, of: None) -> Year:
        """Load the year up to the contest's end, building what is missing."""
        return load_year(self.data_dir, self.folder, self.plan.ends, self.plan.workers, progress)


class Bench:
    """A process's year and workshop."""

    def __init__(self, year: Year, folder: Path, plan: ContestPlan):
        self.year, self.folder, self.plan = year, folder, plan
        self.workshop = Workshop(year, folder / "fits", plan.parameters)

    def fit(self, window: Window) -> float:
        """Fit a window's candidate, unless it is kept."""
        return self.workshop.candidate(window).cpu_seconds

    def candidate(self, day: date) -> Candidate:
        """Return what a retrain of a day yields."""
        return self.workshop.candidate(retrain_window(day, self.plan.retrain))

    def first(self) -> Candidate:
        """Return the champion the contest begins with."""
        return self.workshop.candidate(first_window(self.plan.begins))

    def replay(self, contestant: Contestant, say: Say) -> Record:
        """Replay the year under a policy."""
        contest = Contest(self.year, self.first(), self.candidate, contestant, self.plan.retrain)
        total = (self.plan.ends - self.plan.begins).days + 1
        progress = partial(_report_day, say, contestant.name, self.plan.begins, total, time.monotonic())
        return contest.replay(self.plan.begins, self.plan.ends, progress)


def _report_day(say: Say, name: str, begins: date, total: int, began: float, day: date) -> None:
    done = (day - begins).days + 1
    took = time.monotonic() - began
    if done == total or (done % DAYS_PER_LINE == 0 and took > 1):
        left = took * (total - done) / done
        say(f"  {name}: {done} of {total} days, about {left:.0f} s left")


def compare(workspace: Workspace, say: Say) -> Findings:
    """Run the whole contest; what is kept already is not done again."""
    began = time.monotonic()
    year = workspace.year(partial(_report_step, say, began))
    bench = Bench(year, workspace.folder, workspace.plan)
    with ProcessPoolExecutor(workspace.plan.workers, get_context("spawn"), _open, (workspace,)) as pool:
        _fit_calendar(bench, pool, say)
        jobs = [pool.submit(_replay, contestant) for contestant in workspace.plan.contestants()]
        records = {job.result().name: job.result() for job in jobs}
    return findings(bench, [records[name] for name in SHOWN])


def weekly_fits(workspace: Workspace, say: Say) -> tuple[Year, list[Candidate]]:
    """Return the year and the first champion with the candidates of every Monday; what is kept is not fitted again."""
    year = workspace.year(partial(_report_step, say, time.monotonic()))
    bench = Bench(year, workspace.folder, workspace.plan)
    with ProcessPoolExecutor(workspace.plan.workers, get_context("spawn"), _open, (workspace,)) as pool:
        _fit_calendar(bench, pool, say)
    days = mondays(workspace.plan.begins, workspace.plan.ends)
    return year, [bench.first(), *(bench.candidate(day) for day in days)]


def findings(bench: Bench, records: list[Record]) -> Findings:
    """Add the oracle to what happened under each policy."""
    plan = bench.plan
    weekly = {day.isoformat(): bench.candidate(day) for day in mondays(plan.begins, plan.ends)}
    oracle = timetables(bench.year, records[0].rows, bench.first(), weekly)
    made_with = provenance.made_with("make policies", bench.year.fingerprint) | {
        "features": len(FEATURE_NAMES),
        "trees": plan.parameters.n_trees,
        "parameters": plan.parameters.as_dict(),
        "window_days": plan.retrain.window_days,
        "policy": asdict(plan.policy),
        "gate": asdict(plan.retrain.gate),
    }
    return Findings(bench.year, plan.begins, plan.ends, records, oracle, made_with)


def _fit_calendar(bench: Bench, pool: Executor, say: Say) -> None:
    """Fit the candidates of every Monday, which several policies and the oracle share."""
    plan = bench.plan
    days = mondays(plan.begins, plan.ends)
    windows = [first_window(plan.begins), *(retrain_window(day, plan.retrain) for day in days)]
    missing = [window for window in windows if not bench.workshop.has(window)]
    began = time.monotonic()
    jobs = [pool.submit(_fit, window) for window in missing]
    for done, job in enumerate(as_completed(jobs), 1):
        job.result()
        _report_step(say, began, "fitting the candidates of every Monday", done, len(jobs))


def _report_step(say: Say, began: float, name: str, done: int, of: int) -> None:
    left = (time.monotonic() - began) * (of - done) / max(done, 1)
    say(f"  {name}: {done} of {of}, about {left:.0f} s left")


_bench: list[Bench] = []
"""The process's own bench: opened once, as reading the year takes seconds."""


def _open(workspace: Workspace) -> None:
    _bench[:] = [Bench(workspace.year(), workspace.folder, workspace.plan)]


def _fit(window: Window) -> float:
    return _bench[0].fit(window)


def _replay(contestant: Contestant) -> Record:
    return _bench[0].replay(contestant, _print)


def _print(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def short(plan: ContestPlan) -> ContestPlan:
    """Return two months and few trees: whether it runs, not what it finds."""
    return replace(
        plan, ends=plan.begins + timedelta(days=60), parameters=TreeParameters(n_trees=20, learning_rate=0.2)
    )
