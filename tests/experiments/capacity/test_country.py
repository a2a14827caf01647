"""The generated country: repeatable, like the dataset, and taken by the real event log and refresher."""

from dataclasses import replace
from datetime import UTC, date, datetime

import numpy as np
import pandas as pd
import pytest

from adapters.clock_store import ClockStore
from adapters.event_store import EventStore
from adapters.feature_store import FeatureStore
from data.dataset import load_dataset
from data.facts import facts_of
from domain.airports import AIRPORTS
from domain.clock import minute_floor
from domain.errors import InvalidInput
from domain.features.state import compute_block
from experiments.capacity.country import Country, events_of_country
from services.refresher import Refresher

COUNTRY = Country(airports=20, flights_per_day=300, first=date(2013, 6, 9), days=33)
NOW = datetime(2013, 7, 10, 14, tzinfo=UTC)


@pytest.fixture(scope="module")
def dataset(dataset_dir):
    return load_dataset(dataset_dir)


@pytest.fixture(scope="module")
def events(dataset):
    return events_of_country(COUNTRY, dataset, NOW)


def test_the_same_seed_gives_the_same_events_and_another_gives_others(dataset, events):
    again = events_of_country(COUNTRY, dataset, NOW)
    pd.testing.assert_frame_equal(again.flight_events, events.flight_events)
    pd.testing.assert_frame_equal(again.weather_events, events.weather_events)
    other = events_of_country(replace(COUNTRY, seed=1), dataset, NOW)
    assert set(other.flight_events["flight_id"]) != set(events.flight_events["flight_id"])


def test_it_is_as_large_as_asked_for_and_known_by_its_moment(events):
    flights = events.flight_events
    scheduled = flights[flights["kind"] == "scheduled"]
    assert len(scheduled) == COUNTRY.flights_per_day * COUNTRY.days
    assert scheduled["flight_id"].is_unique
    assert {*scheduled["origin"], *scheduled["dest"]} <= set(AIRPORTS)
    assert len(set(events.weather_events["airport"])) == COUNTRY.airports
    assert flights["known_at"].is_monotonic_increasing
    assert flights["known_at"].max() <= NOW
    assert (scheduled["origin"] != scheduled["dest"]).all()
    largest = scheduled["origin"].value_counts()
    assert largest.iloc[0] > 3 * largest.iloc[-1]


def test_it_is_as_late_as_the_dataset(dataset, events):
    def late(frame):
        return (frame.loc[frame["kind"] == "arrived", "delay_minutes"] >= 15).mean()

    assert late(events.flight_events) == pytest.approx(late(dataset.events.flight_events), abs=0.02)


@pytest.mark.parametrize("airports", [1, 1_000_000])
def test_airports_that_are_not_there_are_refused(dataset, airports):
    with pytest.raises(InvalidInput, match="airports"):
        events_of_country(replace(COUNTRY, airports=airports), dataset, NOW)


@pytest.mark.integration
def test_the_refresher_computes_its_state_as_memory_does(postgres, events):
    counts = EventStore(postgres).append_frame(events.flight_events, events.weather_events)
    assert (counts.duplicates, counts.conflicts) == (0, 0)
    ClockStore(postgres).set_simulated(NOW)
    tick = minute_floor(NOW)
    assert Refresher(postgres).refresh() == tick
    stored = FeatureStore(postgres).load(tick)
    wanted = compute_block(*facts_of(events), tick, 1)
    assert stored.tables.keys() == wanted.tables.keys()
    for kind, table in wanted.tables.items():
        assert stored.tables[kind].entities == table.entities
        np.testing.assert_array_equal(stored.tables[kind].values, table.values, err_msg=kind)
