from collections import Counter
from dataclasses import replace
from datetime import timedelta

import numpy as np
import pandas as pd
import pytest

from app.schemas import EVENTS, load
from data.dataset import Dataset
from data.events import DatasetEvents, events_of
from data.nycflights13 import clean
from domain.flights import WEATHER_COLUMNS
from experiments.drills import faults
from experiments.drills.faults import FAULTS
from replay.feed import Feed
from tests.data.raw import frame, raw_flight, raw_weather
from tests.replay.world import utc

ONSET = utc(11, 10)
"""Six in the morning in New York."""
BEFORE, AFTER = ONSET - timedelta(days=2), ONSET + timedelta(days=9)
HOUR = timedelta(hours=1)


def flight(day: int, origin: str, carrier: str, number: int) -> dict[str, object]:
    """A flight at eleven, ten minutes late, on a day of April."""
    return raw_flight(
        day=day, origin=origin, carrier=carrier, flight=number, time_hour=f"2013-04-{day}T15:00:00Z"
    )  # fmt: skip


@pytest.fixture(scope="module")
def events() -> DatasetEvents:
    """Three flights a day from 10 to 12 April, of two carriers from two airports, and the weather of two stations."""
    flights = [
        flight(day, origin, carrier, number)
        for day in (10, 11, 12)
        for origin, carrier, number in (("EWR", "UA", 1545), ("LGA", "UA", 2), ("EWR", "AA", 3))
    ]
    hours = pd.date_range(utc(10, 0), utc(12, 23), freq="h")
    weather = [
        raw_weather(
            origin=origin, day=hour.day, hour=hour.hour, temp=40.0 + hour.hour + hour.day,
            time_hour=hour.strftime("%Y-%m-%dT%H:%M:%SZ"),
        )
        for origin in ("EWR", "JFK")
        for hour in hours
    ]  # fmt: skip
    return events_of(clean(frame(flights), frame(weather)))


def departing_from(events: DatasetEvents, origins: list[str]) -> DatasetEvents:
    """The same flights, by turns from some airports."""
    flights = events.flight_events.copy()
    scheduled = flights["kind"] == "scheduled"
    flights.loc[scheduled, "origin"] = np.resize(origins, scheduled.sum())
    return replace(events, flight_events=flights)


def test_the_faults_are_about_the_busiest_station_and_carrier_and_the_least_busy_airport(events):
    assert (faults.station(events), faults.carrier(events), faults.closed(events)) == ("EWR", "UA", "LGA")
    elsewhere = departing_from(events, ["JFK"])
    assert faults.station(elsewhere) == faults.closed(elsewhere) == "JFK"


def test_where_no_airport_has_its_share_the_busiest_is_closed(events, monkeypatch):
    monkeypatch.setattr(faults, "LEAST_SHARE", 0.5)
    assert faults.closed(departing_from(events, ["LGA", "JFK", "EWR", "EWR"])) == "EWR"


@pytest.mark.parametrize("name", FAULTS)
def test_a_place_without_weather_has_every_fault_but_the_weathers(events, name):
    dry = replace(events, weather_events=events.weather_events[:0])
    assert FAULTS[name].is_possible(dry) == (not name.startswith("weather-"))
    if FAULTS[name].is_possible(dry):
        FAULTS[name].change(dry, ONSET)


def posted(events: DatasetEvents, after=ONSET, until=AFTER) -> list[dict]:
    return [event for batch in Feed(Dataset(events, {})).known_between(after, until) for event in batch]


def asked(events: DatasetEvents) -> list[dict]:
    batches = Feed(Dataset(events, {})).flights_between(ONSET, AFTER, HOUR)
    return [question for batch in batches for question in batch]


# A schedule that is sent again was sent long before: whether the feed still has the old one concerns nobody.
@pytest.mark.parametrize("name", sorted(FAULTS.keys() - {"carrier-renamed", "schedule-shifted"}))
def test_a_fault_changes_nothing_that_was_known_at_its_onset(events, name):
    long_before = BEFORE - timedelta(days=40)
    broken = FAULTS[name].change(events, ONSET)
    assert posted(broken, long_before, ONSET) == posted(events, long_before, ONSET)


@pytest.mark.parametrize("name", FAULTS)
def test_the_api_takes_what_a_broken_feed_sends(events, name):
    broken = FAULTS[name].change(events, ONSET)
    assert posted(broken)
    for event in posted(broken):
        load(EVENTS[event["type"]], event)


@pytest.mark.parametrize("name", FAULTS)
def test_a_fault_leaves_the_events_it_is_given_alone(events, name):
    before = (events.flight_events.copy(), events.weather_events.copy())
    FAULTS[name].change(events, ONSET)
    pd.testing.assert_frame_equal(events.flight_events, before[0])
    pd.testing.assert_frame_equal(events.weather_events, before[1])


def observations(events: DatasetEvents, airport: str) -> pd.DataFrame:
    weather = events.weather_events
    return weather[(weather["airport"] == airport) & (weather["known_at"] > ONSET)]


def test_a_stuck_station_repeats_its_last_values_and_the_others_go_on(events):
    broken = FAULTS["weather-stuck"].change(events, ONSET)
    stuck = observations(broken, "EWR")
    assert len(stuck) == len(observations(events, "EWR"))
    # The last observation known at ten is that of nine o'clock.
    assert stuck["temp_f"].unique().tolist() == [40.0 + 9 + 11]
    assert len(stuck[list(WEATHER_COLUMNS)].drop_duplicates()) == 1
    pd.testing.assert_frame_equal(observations(broken, "JFK"), observations(events, "JFK"))


def test_missing_weather_is_not_sent(events):
    kinds = Counter(event["type"] for event in posted(FAULTS["weather-missing"].change(events, ONSET)))
    assert kinds["weather"] == 0
    assert kinds["arrived"] == 6


def test_celsius_is_sent_as_fahrenheit(events):
    broken, whole = FAULTS["weather-celsius"].change(events, ONSET), events
    for airport in ("EWR", "JFK"):
        celsius = observations(broken, airport)["temp_f"].to_numpy()
        np.testing.assert_allclose(celsius * 9 / 5 + 32, observations(whole, airport)["temp_f"].to_numpy())


def test_a_renamed_carrier_is_published_asked_about_and_flown_under_its_new_code(events):
    broken = FAULTS["carrier-renamed"].change(events, ONSET)
    heard = [event["flight_id"] for event in posted(broken) if event["type"] != "weather"]
    assert not [name for name in heard if name.startswith("UA")]
    assert Counter(name[:2] for name in heard if "0411" in name) == {"ZW": 6, "AA": 2}  # with their schedules
    assert {(q["carrier"], q["flight"]) for q in asked(broken)} == {("ZW", 1545), ("ZW", 2), ("AA", 3)}
    new = [e for e in posted(broken) if e["type"] == "scheduled"]
    assert {e["flight_id"][:2] for e in new} == {e["carrier"] for e in new} == {"ZW"}


def test_a_closed_airport_cancels_three_hours_ahead_and_is_asked_about_no_more(events):
    broken = FAULTS["airport-closed"].change(events, ONSET)
    here = [event for event in posted(broken) if "-LGA-" in event.get("flight_id", "")]
    assert {event["type"] for event in here} == {"cancelled"}
    # Eleven in New York is 15:00 UTC.
    assert sorted({e["known_at"] for e in here}) == ["2013-04-11T12:00:00Z", "2013-04-12T12:00:00Z"]
    assert {question["origin"] for question in asked(broken)} == {"EWR"}


def test_doubled_traffic_gives_every_flight_a_twin_with_its_own_number_and_the_same_fate(events):
    broken = FAULTS["doubled-traffic"].change(events, ONSET)
    assert len(asked(broken)) == 2 * len(asked(events)) == 12
    outcomes = [(e["flight_id"][-12:], e["delay_minutes"]) for e in posted(broken) if e["type"] == "arrived"]
    assert all(count % 2 == 0 for count in Counter(outcomes).values())
    names = [e["flight_id"] for e in posted(broken) if e["type"] == "arrived"]
    assert len(names) == len(set(names)) == 12


def test_a_shifted_schedule_is_sent_again_two_hours_late_and_flown_by(events):
    broken = FAULTS["schedule-shifted"].change(events, ONSET)
    before, after = (
        {(e["flight_id"], e["type"]): e for e in posted(one) if e["type"] in ("departed", "arrived")}
        for one in (events, broken)
    )
    assert before.keys() == after.keys()
    for key, event in before.items():
        assert pd.Timestamp(after[key]["known_at"]) - pd.Timestamp(event["known_at"]) == 2 * HOUR
        assert after[key]["delay_minutes"] == event["delay_minutes"]
    # Eleven in New York is 15:00 UTC.
    assert {question["scheduled_departure"][11:16] for question in asked(broken)} == {"17:00"}


def test_late_labels_are_arrivals_reported_five_days_late(events):
    broken = FAULTS["labels-late"].change(events, ONSET)
    late = {e["flight_id"]: e for e in posted(broken) if e["type"] == "arrived"}
    for event in posted(events):
        if event["type"] == "arrived":
            one = late[event["flight_id"]]
            assert one["arrived_at"] == event["arrived_at"]
            known, before = (pd.Timestamp(e["known_at"]) for e in (one, event))
            assert known - before == timedelta(days=5)


def test_after_a_change_of_concept_every_flight_arrives_a_quarter_of_an_hour_later(events):
    broken = FAULTS["concept-change"].change(events, ONSET)
    before = {e["flight_id"]: e["delay_minutes"] for e in posted(events) if e["type"] == "arrived"}
    after = {e["flight_id"]: e["delay_minutes"] for e in posted(broken) if e["type"] == "arrived"}
    assert after == {name: delay + 15 for name, delay in before.items()}
    assert [e for e in posted(broken) if e["type"] == "departed"] == [
        e for e in posted(events) if e["type"] == "departed"
    ]  # fmt: skip
