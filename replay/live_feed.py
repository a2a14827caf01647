"""Play the dataset as live events on the stack's clock, at a pace."""

import time
from datetime import datetime

from adapters.clock_store import ClockStore
from adapters.postgres import Database
from adapters.settings import Settings
from adapters.terminal import Say
from data.dataset import load_dataset
from replay.client import api_client
from replay.driver import TICK, Replay, sole_mover
from replay.feed import Feed


def play_feed(settings: Settings, address: str, pace: float, say: Say) -> None:
    """Play the dataset as live events, a tick every `pace` seconds, from the stack's clock to its last event."""
    database = Database.from_settings(settings)
    feed = Feed(load_dataset(settings.state_dir / "data"))
    replay = Replay(database, api_client(settings, address=address), feed)
    try:
        with sole_mover(database):
            _play(database, replay, feed.ends, pace, say)
    finally:
        replay.close()
        database.close()


def _play(database: Database, replay: Replay, ends: datetime, pace: float, say: Say) -> None:
    moment = ClockStore(database).read().now
    while moment < ends:
        began = time.monotonic()
        moment += TICK
        replay.tell_until(moment)
        if moment.minute == 0:
            say(f"{moment:%Y-%m-%d %H:%M} UTC")
        time.sleep(max(0.0, pace - (time.monotonic() - began)))
    say(f"the dataset has nothing after {ends:%Y-%m-%d %H:%M} UTC")
