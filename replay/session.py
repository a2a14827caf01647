"""`make replay`: days through the stack's API, flows and registry, each monitored; and the report."""

import json
import os
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path

from adapters.clock_store import ClockStore
from adapters.deployments import Deployments
from adapters.monitoring_store import MonitoringStore
from adapters.postgres import Database
from adapters.settings import Settings
from adapters.terminal import Say
from data.dataset import Dataset, load_dataset
from data.site import Period, site_of
from deploy.native import processes
from deploy.native.guard import Guard
from deploy.native.manager import Stack
from domain.errors import OntimeError
from replay import page, report
from replay.background import Background
from replay.client import api_client
from replay.driver import LONGEST_STEP, DayCount, Replay, morning_after, sole_mover, ticks_of
from replay.feed import Feed
from replay.first_steps import begin
from replay.run_executor import DeployedRuns, RunQueue, WarmRuns
from replay.run_table import print_runs
from services import health


def replay_days(settings: Settings, first: date | None, last: date | None, say: Say) -> None:
    """Replay some days and monitor each of them; goes on from where an earlier call was interrupted.

    Parameters
    ----------
    first, last : date, optional
        Without them all days of the site that are replayed, with the first alone that day.
    """
    site = site_of(settings.state_dir / "data")
    days = site.replayed(first, last or first)
    with running(settings, say) as (database, guard, dataset):
        replay_window(settings, database, guard, dataset, days, Pace(say, len(days)), drawn=days.last)
        print_runs(database, days.first, days.last)
        say(f"the report: {write_report(settings, database, Feed(dataset))}")


def write_report(settings: Settings, database: Database, feed: Feed) -> Path:
    """Write the report of every day that was replayed, and its page; return the page's file."""
    site = site_of(settings.state_dir / "data")
    tables = report.read_tables(database, site.replay_from, site.last_day)
    made = report.build(tables, feed.asks_by_day(), Spent.read(settings))
    report.write(made, settings.reports_dir)
    return page.write(made, settings.reports_dir)


@contextmanager
def running(settings: Settings, say: Say) -> Iterator[tuple[Database, Guard | None, Dataset]]:
    """Yield a stack that can serve: its database, what keeps it up (None under Compose), and the dataset.

    A native stack is started where it does not run, and given its history and a first champion where it has none.
    """
    stack = Stack(settings)
    if _answers(settings) and not stack.is_managed():
        with _database(settings) as database:
            yield database, None, load_dataset(settings.state_dir / "data")
        return
    site = site_of(settings.state_dir / "data")
    site.require_first_days(site.replay_from)
    reader = Background(lambda: load_dataset(settings.state_dir / "data"))
    stack.start_servers(say)
    with Guard(stack, say) as guard, _database(settings) as database:
        reader.result()
        dataset = load_dataset(settings.state_dir / "data")
        begin(settings, stack, guard, database, dataset, say)
        yield database, guard, dataset


@contextmanager
def _database(settings: Settings) -> Iterator[Database]:
    database = Database.from_settings(settings)
    try:
        yield database
    finally:
        database.close()


def _answers(settings: Settings) -> bool:
    try:
        health.check("api", settings)
    except OntimeError:
        return False
    return True


@dataclass
class Pace:
    """Says what each day did, and how long the others will take."""

    say: Say
    days: int
    begun: float = field(default_factory=time.monotonic)
    done: int = 0

    def skip(self) -> None:
        """Count a day that was replayed before."""
        self.days -= 1
        self.begun = time.monotonic()

    def day(self, count: DayCount) -> None:
        """Report a day."""
        self.done += 1
        left = (time.monotonic() - self.begun) / self.done * (self.days - self.done)
        self.say(
            f"{count.day}: {count.predictions} predictions, {count.events} events in {count.seconds:.1f} s; "
            f"{self.days - self.done} days left, about {left / 60:.1f} minutes"
        )


def replay_window(
    settings: Settings,
    database: Database,
    guard: Guard | None,
    dataset: Dataset,
    days: Period,
    pace: Pace,
    drawn: date | None = None,
) -> None:
    """Replay days; each is monitored, and its run over, before the next one begins.

    Parameters
    ----------
    drawn : date, optional
        The day whose pages are drawn.

    Raises
    ------
    Conflict
        If something else moves the stack's clock.
    """
    runs = WarmRuns(settings, Deployments(database), drawn) if guard else DeployedRuns(settings)
    api = api_client(settings, guard.ensure if guard else lambda: None)
    with (
        sole_mover(database),
        closing(RunQueue(runs)) as queue,
        closing(Replay(database, api, Feed(dataset))) as replay,
    ):
        spent = Spent(settings)
        if asked := replay.catch_up():
            pace.say(f"asked about {asked} flights that an interrupted replay had not asked about")
        for day in days_to_monitor(database, days):
            queue.begin(day)
            queue.wait()
        for day in days:
            now = ClockStore(database).read().now
            if now >= morning_after(day):
                pace.skip()
                continue
            if now < next(ticks_of(day)) - LONGEST_STEP * 6:
                replay.tell_until(next(ticks_of(day)) - LONGEST_STEP)
            _replay_day(replay, queue, day, pace)
            spent.note()
        queue.wait()
        spent.note()


def _replay_day(replay: Replay, queue: RunQueue, day: date, pace: Pace) -> None:
    count = replay.replay_day(day)
    replay.advance(morning_after(day))
    queue.begin(day)
    # Who answers the next day is decided by then: what a replay finds does not depend on the machine's speed.
    queue.wait()
    pace.day(count)


def days_to_monitor(database: Database, days: Period) -> list[date]:
    """Return the replayed days never monitored, and the newest, whose run may have been interrupted."""
    now = ClockStore(database).read().now
    replayed = [day for day in days if morning_after(day) <= now]
    monitored = {run.day for run in MonitoringStore(database).runs(days.first, days.last)}
    return [day for day in replayed if day not in monitored or day == replayed[-1]]


class Spent:
    """What replays have taken on this stack so far, over all interruptions: seconds by the wall and of compute."""

    def __init__(self, settings: Settings):
        self._state_dir = settings.state_dir
        self._path = self.path(settings)
        self._before = self.read(settings)
        self._begun = time.monotonic()
        self._compute = self._compute_now()

    @staticmethod
    def path(settings: Settings) -> Path:
        """Return where it is kept."""
        return settings.state_dir / "replay.json"

    @classmethod
    def read(cls, settings: Settings) -> dict[str, float]:
        """Return wall_seconds and compute_seconds so far."""
        path = cls.path(settings)
        return (
            json.loads(path.read_text()) if path.exists() else {"wall_seconds": 0.0, "compute_seconds": 0.0}
        )

    def note(self) -> None:
        """Put it on record."""
        spent = {
            "wall_seconds": self._before["wall_seconds"] + time.monotonic() - self._begun,
            # A stack that was started again begins to count at zero.
            "compute_seconds": self._before["compute_seconds"]
            + max(0.0, self._compute_now() - self._compute),
        }
        unfinished = self._path.with_suffix(".unfinished")
        unfinished.write_text(json.dumps(spent, indent=1))
        unfinished.replace(self._path)

    def _compute_now(self) -> float:
        times = os.times()
        own = times.user + times.system + times.children_user + times.children_system
        return own + processes.cpu_seconds(processes.of_stack(self._state_dir))
