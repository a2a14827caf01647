"""The replay: days of 2013 on a running stack, tick by tick, as they became known.

At each tick T: what became known since the step before is posted, the clock is set to T, the refresher's state of T
is awaited, and the flights that leave 60 minutes later are asked about. What becomes known until the next step is
posted while the state of T is computed: it is no part of it. The questions of T are answered while the next step goes
on: each names its moment, and sees the state of that. Ticks at which nobody asks are passed over, up to an hour; a
night without departures is one step.
"""

import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import partial
from typing import Any, TypeVar

from adapters import feature_store
from adapters.clock_store import ClockStore
from adapters.feature_store import FeatureStore
from adapters.postgres import Database
from adapters.prediction_log import PredictionLog
from adapters.settings import settings
from adapters.waiting import retry, wait_until
from data.site import Period
from domain.airports import instant, local_day
from domain.clock import minute_floor
from domain.errors import Conflict, NotReady, OntimeError
from domain.features.grid import GRID_MINUTES, tick_of
from replay.client import ApiClient, require
from replay.feed import Feed

LEAD = timedelta(minutes=60)
TICK = timedelta(minutes=GRID_MINUTES)
FIRST_HOUR = 4
"""Local hour of the first tick of a day: the first flights leave at five."""
LONGEST_STEP = timedelta(hours=1)
"""Of a day: the clock moves at least every hour."""
MAY_BE_UNASKED = 2 * LONGEST_STEP
"""Before the clock's moment: what a step asks is answered while the next one goes on."""
STATE_PATIENCE_SECONDS = 120.0
SHIPPING_SECONDS = 10.0
"""Ample for what was answered to reach the log, on a busy machine too; waited for only after a replay was killed."""

PAUSE_SECONDS = 0.2
CLOCK_LOCK = 715_009

Result = TypeVar("Result")
Progress = Callable[[date, float], None]


@dataclass
class DayCount:
    """What one replayed day did."""

    day: date
    events: int = 0
    predictions: int = 0
    seconds: float = 0.0


@dataclass(frozen=True)
class _Posted:
    """Events of (after, until] that are being posted."""

    after: datetime
    until: datetime
    work: "Future[None]"


class Replay:
    """Drives one stack. Resumable: it goes on from the stack's clock, and everything it posts may be repeated."""

    def __init__(self, database: Database, api: ApiClient, feed: Feed):
        self._database = database
        self._clock = ClockStore(database)
        self._states = FeatureStore(database)
        self._listener = database.listen(feature_store.CHANNEL)
        self._api = api
        self._feed = feed
        self._counts: dict[date, DayCount] = {}
        self._now: datetime | None = None
        """What the clock says, while this moves it; None before it was read."""
        self._stored: int | None = None
        """The tick whose state was stored last, as far as was heard."""
        self._poster = ThreadPoolExecutor(1, "replay-ahead")
        self._ahead: _Posted | None = None
        self._asker = ThreadPoolExecutor(1, "replay-questions")
        self._asking: Future[int] | None = None

    def close(self) -> None:
        """Return its connection back."""
        self._poster.shutdown()
        self._asker.shutdown()
        self._listener.close()

    def replay_day(self, day: date, progress: Progress = lambda day, share: None) -> DayCount:
        """Replay one local day, from the clock's moment to midnight after the day's last flights.

        The count is of the whole day, what an earlier call did of it included.

        Parameters
        ----------
        progress : callable
            Called with the day and the share of it that is done.

        Raises
        ------
        NotReady
            If a part of the stack stays away for two minutes.
        """
        started = time.monotonic()
        self._now = None
        count = self._count(day)
        steps = self.steps_of(day)
        for i, moment in enumerate(steps):
            self._replay_to(moment, count, steps[i + 1 : i + 2])
            if i % 12 == 0:
                progress(day, i / len(steps))
        self._finish_asking()
        progress(day, 1.0)
        count.seconds += time.monotonic() - started
        return count

    def advance(self, until: datetime) -> DayCount:
        """Replay up to a moment; the state of its tick is there when this returns.

        Returns
        -------
        DayCount
            Of the moment's local day, so far.
        """
        count = self._count(home_day(until))
        self._now = patiently(self._clock.read).now
        if self._now >= until:
            return count
        for day in Period(home_day(self._now), count.day):
            for moment in self.steps_of(day):
                if moment < until:
                    self._replay_to(moment, self._count(day))
        self._replay_to(until, count)
        self._await_state(until)
        self._finish_asking()
        return count

    def catch_up(self) -> int:
        """Ask about the flights of the last steps that have no answer: a replay was killed before it asked.

        Returns
        -------
        int
            How many were asked about.
        """
        now = patiently(self._clock.read).now

        def missing() -> list[list[dict[str, Any]]]:
            answered = patiently(lambda: self._answered(now))
            return self._feed.flights_between(now - MAY_BE_UNASKED, now, LEAD, answered)

        if wait_until(lambda: not missing(), SHIPPING_SECONDS, PAUSE_SECONDS):
            return 0
        self._await_state(now)
        return self._ask(missing(), self._count(home_day(now)))

    def tell_until(self, moment: datetime) -> DayCount:
        """Post what became known up to a moment and set the clock to it: a feed, which asks nothing."""
        count = DayCount(home_day(moment))
        now = patiently(self._clock.read).now
        if now < moment:
            self._post_events(now, moment, count)
            patiently(lambda: self._clock.set_simulated(moment))
        return count

    def steps_of(self, day: date) -> list[datetime]:
        """Return the ticks of a local day whose state a question sees, or that end the step in which one is asked.

        From four in the morning on one an hour where nobody asks; its first tick then and its midnight always.
        """
        ticks, steps = list(ticks_of(day)), [tick for tick in _night_of(day) if self._is_needed(tick)]
        before = ticks[0] - TICK
        for tick in ticks:
            if self._is_needed(tick) or tick - before >= LONGEST_STEP or tick in (ticks[0], ticks[-1]):
                steps.append(tick)
                before = tick
        return steps

    def _is_needed(self, tick: datetime) -> bool:
        # A question of 12:03 sees the state of 12:00 and is asked when the clock stands at 12:05.
        return self._feed.asks_between(tick - TICK, tick + TICK - timedelta(seconds=1), LEAD) > 0

    def _answered(self, now: datetime) -> frozenset[str]:
        first = home_day(now - MAY_BE_UNASKED + LEAD)
        last = home_day(now + LEAD)
        return frozenset(PredictionLog(self._database).fetch(first, last).flight_id.tolist())

    def _count(self, day: date) -> DayCount:
        return self._counts.setdefault(day, DayCount(day))

    def _replay_to(self, moment: datetime, count: DayCount, following: Sequence[datetime] = ()) -> None:
        if self._now is None:
            self._now = patiently(self._clock.read).now
        if self._now < moment:
            self._step(self._now, moment, count, following)

    def _step(self, before: datetime, tick: datetime, count: DayCount, following: Sequence[datetime]) -> None:
        self._ensure_posted(before, tick, count)
        if tick - before > LONGEST_STEP:
            self._finish_asking()  # a night without departures: whoever catches up does not look back that far
        patiently(lambda: self._clock.set_simulated(tick))
        self._now = tick
        for ahead in following:
            work = self._poster.submit(self._post_events, tick, ahead, count)
            self._ahead = _Posted(tick, ahead, work)
        batches = self._feed.flights_between(before, tick, LEAD)
        if self._is_needed(tick):
            self._await_state(tick)
        self._finish_asking()
        if batches:
            self._asking = self._asker.submit(self._ask, batches, count)

    def _finish_asking(self) -> None:
        """Wait until the questions of the step before are answered; what went wrong with them is raised here."""
        asking, self._asking = self._asking, None
        if asking is not None:
            asking.result()

    def _ensure_posted(self, after: datetime, until: datetime, count: DayCount) -> None:
        """See to it that what became known in (after, until] is posted: now, or it was begun at the last step."""
        ahead, self._ahead = self._ahead, None
        if ahead is not None:
            ahead.work.result()
        if ahead is None or (ahead.after, ahead.until) != (after, until):
            self._post_events(after, until, count)

    def _ask(self, batches: Sequence[list[dict[str, Any]]], count: DayCount) -> int:
        asked = 0
        for flights in batches:
            require(self._api.post("/v1/predictions", {"flights": flights}, "predict"), 200)
            asked += len(flights)
        count.predictions += asked
        return asked

    def _post_events(self, after: datetime, until: datetime, count: DayCount) -> None:
        for events in self._feed.known_between(after, until):
            answer = require(self._api.post("/v1/events", {"events": events}, "ingest"), 200)
            if answer.body["rejected"]:
                raise OntimeError(f"the API rejected events of the dataset: {answer.body}")
            count.events += len(events)

    def _await_state(self, moment: datetime) -> None:
        """Wait until the refresher has stored the state of a moment's tick."""
        tick = int(tick_of(minute_floor(moment)))
        if not wait_until(
            lambda: self._stored == tick, STATE_PATIENCE_SECONDS, 0.5, partial(self._hear, tick)
        ):
            raise NotReady(f"the feature refresher is behind: no state of {moment:%Y-%m-%d %H:%M} UTC")

    def _hear(self, tick: int, seconds: float) -> None:
        """Wait for the note that a tick's state was stored; look for the state where nothing is heard."""
        try:
            notes = self._listener.wait(seconds)
        except NotReady:
            time.sleep(PAUSE_SECONDS)
            notes = []
        is_stored = any(note.payload == str(tick) for note in notes)
        if is_stored if notes else patiently(lambda: self._states.has(tick)):
            self._stored = tick


@contextmanager
def sole_mover(database: Database) -> Iterator[None]:
    """Hold the right to move a stack's clock for the length of a block; a crash of either side gives it up.

    Two that move it set it back under each other's questions, which then lie in the future.

    Raises
    ------
    Conflict
        If another replay, a demo or the feed of events has it.
    """
    with database.try_lock(CLOCK_LOCK) as held:
        if not held:
            raise Conflict("another replay, a demo or the feed of events moves this stack's clock")
        yield


def ticks_of(day: date) -> Iterator[datetime]:
    """Return the ticks of a local day at home, from four in the morning to midnight, in UTC."""
    home = settings().home_airport
    return _ticks_between(instant(home, day, FIRST_HOUR), instant(home, day + timedelta(days=1)))


def _night_of(day: date) -> Iterator[datetime]:
    """Return the ticks of a local day at home after its first midnight and before four in the morning, in UTC."""
    home = settings().home_airport
    return _ticks_between(instant(home, day) + TICK, instant(home, day, FIRST_HOUR) - TICK)


def _ticks_between(first: datetime, last: datetime) -> Iterator[datetime]:
    while first <= last:
        yield first
        first += TICK


def morning_after(day: date) -> datetime:
    """Return six in the morning after a day, at home, in UTC: its flights have arrived, it is monitored."""
    return instant(settings().home_airport, day + timedelta(days=1), 6)


def home_day(moment: datetime) -> date:
    """Return the local day of a moment at home: of `home_airport` of the settings."""
    return local_day(settings().home_airport, minute_floor(moment))


def patiently(work: Callable[[], Result]) -> Result:
    """Do some work on the database, again while PostgreSQL is away, two minutes at most."""
    return retry(work, NotReady, STATE_PATIENCE_SECONDS, PAUSE_SECONDS)
