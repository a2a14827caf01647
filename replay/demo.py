"""`make demo`: the whole loop on real data, from an empty state to a stack that has replayed ten days.

It is a stack beside the user's own, and replaces nothing but what an earlier demo made: see `deploy.native.selection`.
The same days can be replayed on a stack that is up already, through its gateway: `ontime demo --through URL`.
"""

import time
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

from adapters.deployments import Deployments
from adapters.postgres import Database
from adapters.prefect_client import PrefectClient
from adapters.settings import Settings
from adapters.terminal import Say
from adapters.waiting import wait_until
from data.dataset import load_dataset
from data.site import NEW_YORK, Site, site_of
from data.site_files import copy_site
from deploy.native import state
from deploy.native import status as status_view
from deploy.native.guard import Guard
from deploy.native.manager import Stack
from domain.errors import OntimeError
from replay.background import Background
from replay.client import ApiClient, api_client, require
from replay.driver import Replay, morning_after, sole_mover
from replay.feed import Feed
from replay.first_steps import begin, begins_at
from replay.readme import ask
from replay.run_table import print_runs
from replay.session import write_report

MAKER = "demo"
DAYS = 10
RETRAIN_AFTER_DAYS = 4
"""The policy rightly finds too little that is new in the first days of April to retrain on its own; so the demo
asks for a retrain by hand, as `make retrain` does. Gate, shadow and promotion then go their usual way."""
RUNS_BEFORE_ROLLBACK = 1
FOLLOWS_WITHIN_SECONDS = 60.0
"""An idle API follows within one; every worker loads the version, and a machine may be busy, or its replicas be
replaced at that moment."""
SECONDS_BEFORE_REPLAY = 60.0
SECONDS_A_DAY = 16.0
"""What they take on two cores, for the time that is left."""


@dataclass
class Progress:
    """Says what is done, how far the demo is, and how long it will still take."""

    say: Say
    days: int
    started: float = field(default_factory=time.monotonic)
    _replay_from: float = 0.0
    _ends: float = 0.0

    def __post_init__(self) -> None:
        """Begin with what a demo took elsewhere."""
        self._ends = self.started + SECONDS_BEFORE_REPLAY + SECONDS_A_DAY * self.days

    def phase(self, text: str) -> None:
        """Report that a phase began."""
        now = time.monotonic()
        left = self._ends - now
        shown = f"about {left:3.0f} s left" if left > 0 else "longer than usual"
        self.say(f"[{now - self.started:4.0f} s, {shown}] {text}")

    def replay(self, text: str) -> None:
        """Report that the replay begins: from here on the pace is measured."""
        self._replay_from = time.monotonic()
        self._ends = self._replay_from + SECONDS_A_DAY * self.days
        self.phase(text)

    def day(self, done: int, text: str) -> None:
        """Report that a day is over."""
        now = time.monotonic()
        # One day of the usual pace beside the measured ones: the first has no monitoring run to wait for.
        pace = (now - self._replay_from + SECONDS_A_DAY) / (done + 1)
        self._ends = now + pace * (self.days - done)
        self.phase(text)


@dataclass(frozen=True)
class Place:
    """Another site that a demo runs on: the data folder that has it, and the first day that is replayed."""

    data_dir: Path
    first: date | None = None


def run_demo(settings: Settings, days: int, say: Say, place: Place | None = None) -> None:
    """Run the demo, on New York in 2013 where no other place is given; the stack stays up.

    Raises
    ------
    ConfigurationError
        If the state folder holds what no demo made.
    OntimeError
        If something that the demo promises did not happen: names it.
    """
    progress, stack = Progress(say, days), Stack(settings)
    state.claim(settings, MAKER)
    try:
        _start_over(settings, stack, progress)
        if place is not None:
            copy_site(place.data_dir, settings.state_dir / "data", place.first)
        reader = Background(lambda: load_dataset(settings.state_dir / "data"))
        stack.start_servers(lambda text: progress.phase(text))
        with Guard(stack, progress.phase) as guard:
            _replay_from_empty(settings, stack, guard, progress, reader, days)
    except KeyboardInterrupt:
        say("interrupted; what was started stays up: `make down` stops it, `make demo` begins again")
        raise


def run_on_running_stack(settings: Settings, address: str, days: int, say: Say) -> None:
    """Replay the demo's days on a stack that is up, with a first champion and its clock at their beginning.

    Parameters
    ----------
    address : str
        The API's, or the gateway's before it, like http://gateway:8080.

    Raises
    ------
    OntimeError
        If something that the demo promises did not happen: names it.
    """
    database = Database.from_settings(settings)
    try:
        progress = Progress(say, days)
        prefect = PrefectClient(settings.prefect_address, settings.prefect_auth)
        script = DemoScript(settings, api_client(settings, address=address), prefect, database, progress)
        script.play(days)
        print_runs(database, script.first_day, script.first_day + timedelta(days=days - 1))
        say(f"done in {time.monotonic() - progress.started:.0f} s")
    finally:
        database.close()


def _replay_from_empty(
    settings: Settings, stack: Stack, guard: Guard, progress: Progress, reader: Background, days: int
) -> None:
    """Replay the demo from an empty database on; each step is safe to repeat, so that no killed part ends it."""
    say = progress.say
    database = Database.from_settings(settings)
    try:
        reader.result()
        begin(settings, stack, guard, database, load_dataset(settings.state_dir / "data"), progress.phase)
        prefect = PrefectClient(settings.prefect_address, settings.prefect_auth)
        script = DemoScript(settings, api_client(settings), prefect, database, progress)
        try:
            script.play(days)
        finally:
            if script.site != NEW_YORK:
                write_report(settings, database, script.feed)
        print_runs(database, script.first_day, script.first_day + timedelta(days=days - 1))
        status_view.print_addresses(settings)
        if days == DAYS and script.site == NEW_YORK:
            _ask_readmes_question(settings, say)
        say(
            f"done in {time.monotonic() - progress.started:.0f} s; the stack stays up: `make status`, `make down`"
        )
    finally:
        database.close()


def _start_over(settings: Settings, stack: Stack, progress: Progress) -> None:
    """Remove what an earlier demo made; the dataset is kept."""
    stack.stop(lambda text: None)
    keep = ("data", "cache")
    found = state.parts(settings, keep)
    if found:
        progress.phase(f"replacing what an earlier demo left in {settings.state_dir}: {state.summary(found)}")
    state.forget(settings, keep)
    progress.phase("starting PostgreSQL, MLflow and Prefect; reading the flights")


def _ask_readmes_question(settings: Settings, say: Say) -> None:
    answer = ask(api_client(settings))
    say(f"README's question: {answer['flight_id']} will be late with probability {answer['probability']:.4f}")


class DemoScript:
    """The replayed days, their monitoring runs, and what happens to the champion."""

    def __init__(
        self,
        settings: Settings,
        api: ApiClient,
        prefect: PrefectClient,
        database: Database,
        progress: Progress,
    ):
        self._api = api
        self.site: Site = site_of(settings.state_dir / "data")
        self.first_day = self.site.replay_from
        self.feed = Feed(load_dataset(settings.state_dir / "data"))
        self._database = database
        self._replay = Replay(database, self._api, self.feed)
        self._prefect = prefect
        self._deployments = Deployments(database)
        self._progress = progress
        self._first = self._serving()
        self._swapped_on: int | None = None
        self._rolled_back = False

    def play(self, days: int) -> None:
        """Replay the days; each is monitored while the next one goes on.

        Raises
        ------
        Conflict
            If something else moves the stack's clock.
        """
        self._progress.replay(f"replaying {days} days from {self.first_day:%d %B} on through the API")
        try:
            with sole_mover(self._database):
                self._replay_days(days)
        finally:
            self._replay.close()
        missing = self._not_shown()
        if missing and days >= DAYS:
            raise OntimeError(f"the demo did not show {missing}; see the decisions in the log")
        if missing:
            self._progress.phase(f"{days} days do not show {missing}: {DAYS} do")

    def _replay_days(self, days: int) -> None:
        run: Background | None = None
        for i in range(days):
            day = self.first_day + timedelta(days=i)
            count = self._replay.replay_day(day)
            if run is not None:
                run.result()
            self._watch_champion(i)
            self._replay.advance(morning_after(day))
            run = self._begin_run(day)
            said = f"{day}: {count.predictions} flights predicted, {count.events} events, version {self._serving()}"
            self._progress.day(i + 1, said)
        if run is not None:
            run.result()
        self._watch_champion(days)
        self._replay.advance(
            datetime.combine(self.first_day + timedelta(days=days), datetime.min.time(), UTC)
            + timedelta(hours=12)
        )

    def _begin_run(self, day: date) -> Background:
        return Background(lambda: self._monitor(day))

    def _monitor(self, day: date) -> None:
        self._prefect.run("nightly-monitoring", {"day": day.isoformat()}, f"run-{day}-{begins_at(self.site)}")
        if (day - self.first_day).days + 1 == RETRAIN_AFTER_DAYS:
            body = {
                "reason": "the demo asks by hand: the policy waits for a week",
                "until": day.isoformat(),
            }
            self._prefect.run("retrain", body, f"retrain-{day}-{begins_at(self.site)}")

    def _watch_champion(self, i: int) -> None:
        """Note a hot swap; a run later, roll the new champion back, as a person would who distrusts it."""
        serving = self._serving()
        if self._swapped_on is None and serving != self._first:
            self._swapped_on = i
            self._progress.phase(f"hot swap: the API serves version {serving} now, promoted on live evidence")
        elif (
            self._swapped_on is not None
            and not self._rolled_back
            and i - self._swapped_on >= RUNS_BEFORE_ROLLBACK
        ):
            self._roll_back(serving)

    def _roll_back(self, serving: int) -> None:
        body = {"reason": "the demo shows a rollback", "who": "demo", "expected_version": serving}
        started = time.monotonic()
        row = require(self._api.post("/v1/model/rollback", body, "admin"), 200).body
        if not wait_until(lambda: self._serving() == row["to_version"], FOLLOWS_WITHIN_SECONDS, pause=0.05):
            raise OntimeError(f"the API did not follow the rollback within {FOLLOWS_WITHIN_SECONDS:.0f} s")
        self._rolled_back = True
        took = time.monotonic() - started
        self._progress.phase(
            f"rollback: version {row['to_version']} serves again, {took:.1f} s after the request"
        )

    def _serving(self) -> int:
        return int(require(self._api.get("/health/ready"), 200).body["model_version"])

    def _not_shown(self) -> str:
        """Return what has not happened, in words; nothing where all of it has."""
        actions = [row.action for row in self._deployments.history() if row.status == "done"]
        missing = []
        if self._swapped_on is None:
            missing.append("a hot swap of the running API")
        if actions.count("promote") < 2:
            missing.append("the promotion of a retrained version")
        if not self._rolled_back:
            missing.append("a rollback")
        return ", ".join(missing)
