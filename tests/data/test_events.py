from datetime import UTC, datetime

import pandas as pd
import pytest

from data.events import FLIGHT_EVENT_COLUMNS, DatasetEvents, events_of
from data.nycflights13 import clean
from tests.data.raw import frame, raw_flight, raw_weather


def events(**changes) -> DatasetEvents:
    return events_of(clean(frame([raw_flight(**changes)]), frame([raw_weather()])))


def known(of: DatasetEvents, kind: str) -> pd.Timestamp:
    (moment,) = of.flight_events.loc[of.flight_events["kind"] == kind, "known_at"]
    return moment


def utc(*when: int) -> pd.Timestamp:
    return pd.Timestamp(datetime(*when, tzinfo=UTC))  # type: ignore[misc]


def test_a_schedule_is_known_thirty_days_before():
    assert known(events(), "scheduled") == utc(2013, 3, 12, 15, 0)


def test_a_departure_is_known_when_it_happens():
    assert known(events(), "departed") == utc(2013, 4, 11, 15, 10)


def test_an_arrival_is_known_at_the_scheduled_arrival_plus_its_delay():
    # Not at departure + air time + taxi, which lies up to hours before.
    arrived = events()
    assert known(arrived, "arrived") == utc(2013, 4, 11, 18, 55)
    row = arrived.flight_events.set_index("kind").loc["arrived"]
    assert (row["delay_minutes"], row["air_time_minutes"]) == (5, 200)


def test_a_cancellation_is_known_an_hour_after_the_scheduled_departure():
    gone = events(dep_time=None, dep_delay=None, arr_time=None, arr_delay=None, air_time=None)
    assert gone.flight_events["kind"].tolist() == ["scheduled", "cancelled"]
    assert known(gone, "cancelled") == utc(2013, 4, 11, 16, 0)


def test_a_diversion_is_known_an_hour_after_the_flight_should_have_arrived():
    gone = events(arr_time=None, arr_delay=None, air_time=None)
    assert gone.flight_events["kind"].tolist() == ["scheduled", "departed", "diverted"]
    assert known(gone, "diverted") == utc(2013, 4, 11, 20, 0)  # it left ten minutes late


def test_a_diversion_of_a_flight_that_leaves_late_is_known_as_much_later():
    gone = events(dep_time=2100, dep_delay=600, arr_time=None, arr_delay=None, air_time=None)
    assert known(gone, "departed") == utc(2013, 4, 12, 1)
    assert known(gone, "diverted") == utc(2013, 4, 12, 5, 50)


def test_no_flight_of_the_dataset_ends_before_it_leaves(dataset_events):
    events = dataset_events.flight_events
    known = {kind: rows.set_index("flight_id")["known_at"] for kind, rows in events.groupby("kind")}
    for end in ("arrived", "cancelled", "diverted"):
        left = known["departed"].reindex(known[end].index)
        assert not (known[end] <= left).any(), end


def test_weather_is_known_when_it_was_observed_not_at_the_hour_of_its_label():
    weather = events().weather_events.iloc[0]
    assert weather["observed_at"] == utc(2013, 4, 11, 15)
    assert weather["known_at"] == utc(2013, 4, 11, 15, 52)


def test_only_the_schedule_carries_the_flights_details():
    rows = events().flight_events.set_index("kind")
    assert rows.loc["scheduled", "dest"] == "IAH"
    assert rows.loc[["departed", "arrived"], "dest"].isna().all()


def test_the_dataset_gives_each_flight_a_schedule_and_one_end(dataset_events):
    kinds = dataset_events.flight_events["kind"].value_counts().to_dict()
    assert kinds == {
        "scheduled": 336_776, "departed": 328_521, "arrived": 327_346, "cancelled": 8_255, "diverted": 1_175,
    }  # fmt: skip
    assert tuple(dataset_events.flight_events.columns) == FLIGHT_EVENT_COLUMNS
    assert not dataset_events.flight_events.duplicated(["flight_id", "kind"]).any()


def test_events_come_in_the_order_in_which_they_became_known(dataset_events):
    assert dataset_events.flight_events["known_at"].is_monotonic_increasing
    assert dataset_events.weather_events["known_at"].is_monotonic_increasing


def test_no_event_but_a_schedule_is_known_before_it_happened(dataset_events):
    happened = dataset_events.flight_events[dataset_events.flight_events["kind"] != "scheduled"]
    assert (happened["known_at"] >= happened["event_time"]).all()


@pytest.mark.parametrize("cut", [utc(2013, 4, 11, 15, 10), utc(2013, 4, 11, 15, 52)])
def test_cutting_in_two_gives_every_event_once(dataset_events, cut):
    start, end = utc(2013, 4, 11, 15), utc(2013, 4, 11, 16)
    whole = dataset_events.between(start, end)
    parts = [dataset_events.between(start, cut), dataset_events.between(cut, end)]
    assert len(whole) == sum(len(part) for part in parts) > 100
    assert (parts[0].flight_events["known_at"] <= cut).all()
    assert (parts[1].weather_events["known_at"] > cut).all()
