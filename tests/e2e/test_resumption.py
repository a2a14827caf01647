"""A replay that is killed again and again is taken over by the next, to the question."""

import os
import signal
import subprocess
import sys
import time
from functools import partial

import pytest

from adapters.clock_store import ClockStore
from adapters.postgres import Database
from adapters.prediction_log import PredictionLog
from adapters.settings import PROJECT_ROOT, Settings, settings
from data.dataset import load_dataset
from replay.client import api_client
from replay.driver import LEAD, Replay, morning_after, ticks_of
from replay.feed import Feed
from tests.e2e.conftest import DAY, NEXT_DAY, World
from tests.forks import end_of

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(1200)]
BEFORE, AFTER, NEVER = "before", "after", "never"
HOURS = 3
"""Of the day, from six on: enough for every death."""
DEATHS = [(BEFORE, 2), (AFTER, 1), (BEFORE, 1), (AFTER, 3), (BEFORE, 4), (NEVER, 0)]


def live_and_die() -> None:
    """One process a death, each forked from a program that has read the year: to read it six times proves no more."""
    own = settings()
    feed = Feed(load_dataset(own.state_dir / "data"))
    for moment, question in DEATHS:
        print(end_of(partial(live, own, feed, moment, question)), flush=True)  # noqa: T201


def live(own: Settings, feed: Feed, moment: str, question: int) -> None:
    """What a replay's process does; it dies before or after the nth time it asks."""
    replay = Replay(Database.from_settings(own), api_client(own), feed)
    ask, asked = replay._ask, iter(range(1, 1_000))

    def dying(batches, count):
        n = next(asked) if batches else 0
        if (moment, n) == (BEFORE, question):
            os.kill(os.getpid(), signal.SIGKILL)
        answer = ask(batches, count)
        if (moment, n) == (AFTER, question):
            os.kill(os.getpid(), signal.SIGKILL)
        return answer

    replay._ask = dying  # type: ignore[method-assign]
    replay.catch_up()
    replay.advance(_until())
    replay.close()


def _until():
    return list(ticks_of(NEXT_DAY))[12 * (2 + HOURS)]


def test_a_replay_is_killed_again_and_again_and_the_last_goes_through(world: World):
    call = "from tests.e2e.test_resumption import live_and_die; live_and_die()"
    done = subprocess.run(
        [sys.executable, "-c", call], cwd=PROJECT_ROOT, stdout=subprocess.PIPE, text=True, check=True
    )
    assert done.stdout.split() == [str(-signal.SIGKILL)] * (len(DEATHS) - 1) + ["0"]


def test_every_flight_was_asked_about_once_by_one_of_them(world: World):
    assert ClockStore(world.database).read().now == _until()
    begun = morning_after(DAY)
    batches = world.feed.flights_between(begun, _until(), LEAD)
    asked = {
        f"{f['carrier']}{f['flight']}-{f['origin']}-{NEXT_DAY:%Y%m%d}" for batch in batches for f in batch
    }
    deadline = time.monotonic() + 30
    while not asked <= set(flights := _of_replays(world)):
        assert time.monotonic() < deadline, "flights were passed over"
        time.sleep(0.2)
    assert len([name for name in flights if name in asked]) == len(asked) > 100


def _of_replays(world: World) -> list[str]:
    """Flights of the next day that replays asked about: other tests ask with other leads."""
    predictions = PredictionLog(world.database).fetch(NEXT_DAY)
    return predictions.flight_id[predictions.lead_minutes == LEAD.total_seconds() / 60].tolist()
