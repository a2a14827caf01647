"""`ontime feed`: the dataset's events on the stack's clock, nothing asked."""

from datetime import timedelta

import pytest

from adapters.clock_store import ClockStore
from replay import live_feed
from replay.client import Answer
from replay.feed import Feed
from tests.replay.world import dataset, utc

pytestmark = pytest.mark.integration


def test_a_feed_tells_the_last_event_and_ends_with_a_word(postgres, stack_settings, monkeypatch):
    """Whichever year it is of: the end of the dataset ends it, no date."""
    said, posted = [], []

    class Api:
        def post(self, path, body, scope):
            posted.extend(body["events"])
            return Answer(200, {"rejected": 0})

    monkeypatch.setattr(live_feed, "load_dataset", lambda folder: dataset())
    monkeypatch.setattr(live_feed, "api_client", lambda settings, address: Api())
    ends = Feed(dataset()).ends
    ClockStore(postgres).set_simulated(ends - timedelta(minutes=8))
    live_feed.play_feed(stack_settings, "", 0.0, said.append)
    assert [event["type"] for event in posted] == ["cancelled"]
    assert ClockStore(postgres).read().now == utc(11, 23, 2)
    assert said[-1] == "the dataset has nothing after 2013-04-11 23:00 UTC"
