import itertools
from datetime import timedelta

import pytest

from app.schemas import EVENTS, FlightSchema, load
from replay import feed as feed_module
from replay.feed import Feed
from tests.replay.world import dataset, utc

TICK = timedelta(minutes=5)
LEAD = timedelta(minutes=60)


@pytest.fixture(scope="module")
def feed() -> Feed:
    return Feed(dataset())


def posted(feed: Feed, after, until) -> list[dict]:
    return list(itertools.chain.from_iterable(feed.known_between(after, until)))


def asked(feed: Feed, after, until) -> list[dict]:
    return list(itertools.chain.from_iterable(feed.flights_between(after, until, LEAD)))


def steps(start, end):
    while start < end:
        yield start, start + TICK
        start += TICK


def test_an_event_is_posted_in_the_step_in_which_it_becomes_known(feed):
    # 11:00 in New York plus ten minutes of delay.
    assert [event["type"] for event in posted(feed, utc(11, 15, 5), utc(11, 15, 10))] == ["departed"]
    assert posted(feed, utc(11, 15, 10), utc(11, 15, 15)) == []


def test_the_steps_of_a_day_tell_every_event_once(feed):
    whole = posted(feed, utc(11, 0), utc(12, 6))
    by_step = [event for step in steps(utc(11, 0), utc(12, 6)) for event in posted(feed, *step)]
    assert sorted(map(str, by_step)) == sorted(map(str, whole))
    assert len(whole) == 6  # two departures, two arrivals, a cancellation, an hour of weather


def test_a_feed_ends_with_what_became_known_last(feed):
    """The flight of six in the evening was called off an hour after its departure."""
    assert feed.ends == utc(11, 23)
    assert posted(feed, feed.ends, utc(30, 0)) == []


def test_a_flight_is_asked_about_in_the_step_an_hour_before_its_departure(feed):
    (question,) = asked(feed, utc(11, 13, 55), utc(11, 14, 0))
    assert question["scheduled_departure"] == "2013-04-11T15:00:00Z"
    assert question["as_of"] == "2013-04-11T14:00:00Z"
    assert asked(feed, utc(11, 14, 0), utc(11, 14, 5)) == []


def test_the_steps_of_a_day_ask_about_every_flight_once(feed):
    questions = [q["flight"] for step in steps(utc(11, 0), utc(12, 6)) for q in asked(feed, *step)]
    assert sorted(questions) == [2, 3, 1545]


def test_a_question_says_nothing_of_how_the_flight_ended(feed):
    for question in asked(feed, utc(11, 0), utc(12, 6)):
        assert set(question) == {
            "carrier", "flight", "origin", "dest", "scheduled_departure", "scheduled_arrival", "as_of",
        }  # fmt: skip


def test_the_api_takes_what_the_feed_says(feed):
    for event in posted(feed, utc(1, 0) - timedelta(days=60), utc(12, 6)):
        load(EVENTS[event["type"]], event)
    for question in asked(feed, utc(11, 0), utc(12, 6)):
        load(FlightSchema(), question)


def test_batches_are_not_larger_than_the_api_takes(feed, monkeypatch):
    monkeypatch.setattr(feed_module, "MAX_EVENTS", 4)
    monkeypatch.setattr(feed_module, "MAX_FLIGHTS", 2)
    assert [len(batch) for batch in feed.known_between(utc(11, 0), utc(12, 6))] == [4, 2]
    assert [len(batch) for batch in feed.flights_between(utc(11, 0), utc(12, 6), LEAD)] == [2, 1]
