from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.airports import AIRPORTS, bearing_degrees, distance_miles, local_date, offset_minutes, zone
from domain.clock import from_minute, minute_floor
from domain.errors import InvalidInput


@given(st.sampled_from(["EWR", "PHX", "HNL", "SJU", "ANC", "DEN"]), st.integers(9_000_000, 42_000_000))
def test_offsets_are_those_of_the_zone_database(airport, minute):
    offset = from_minute(minute).astimezone(ZoneInfo(zone(airport))).utcoffset()
    assert offset_minutes(airport, np.array([minute])).tolist() == [offset.total_seconds() / 60]


def test_the_airports_the_dataset_lacks_are_there():
    zones = [zone(code) for code in ("SJU", "BQN", "PSE", "STT")]
    assert zones == ["America/Puerto_Rico"] * 3 + ["America/St_Thomas"]


def test_a_date_is_local_to_the_airport():
    moment = minute_floor(datetime(2013, 7, 1, 3, 59, tzinfo=UTC))
    assert local_date("EWR", moment) == "20130630"
    assert local_date("SJU", moment) == "20130630"
    assert local_date("EWR", moment + 1) == "20130701"


def test_an_unknown_airport_has_no_date_and_says_what_is_expected():
    with pytest.raises(InvalidInput, match="origin: expected an airport whose time zone is known"):
        local_date("ZZZ", 0)


def test_distances_are_great_circles():
    assert distance_miles("JFK", "LAX") == pytest.approx(2475, rel=0.005)
    assert distance_miles("JFK", "LAX") == distance_miles("LAX", "JFK")
    assert bearing_degrees("JFK", "MIA") == pytest.approx(201, abs=2)


def test_every_airport_has_a_place_and_a_zone_that_exists():
    assert len(AIRPORTS) > 1000
    for airport in AIRPORTS.values():
        assert -90 <= airport.latitude <= 90
        assert -180 <= airport.longitude <= 180
        ZoneInfo(airport.zone)


@pytest.mark.parametrize(
    ("airport", "expected"),
    [("AZA", "America/Phoenix"), ("YUM", "America/Phoenix"), ("ADK", "America/Adak"), ("XWA", "America/Chicago"),
     ("BIH", "America/Los_Angeles"), ("ISN", "America/Chicago"), ("PFN", "America/Chicago"),
     ("SNP", "America/Nome"), ("LHR", "Europe/London")],
)  # fmt: skip
def test_airports_that_open_close_or_lie_abroad_are_known(airport, expected):
    assert zone(airport) == expected


@pytest.mark.parametrize(("year", "offset"), [(1988, -300), (2005, -300), (2006, -240), (2013, -240)])
def test_the_zone_rules_are_those_of_the_year_in_question(year, offset):
    """Indiana had no daylight saving before 2006."""
    july = minute_floor(datetime(year, 7, 1, tzinfo=UTC))
    assert offset_minutes("IND", np.array([july])).tolist() == [offset]


def test_a_spring_change_is_on_the_day_it_had_in_its_year():
    """The first Sunday of April until 2006, the second of March since."""
    noon = [minute_floor(datetime(year, 3, 20, 17, tzinfo=UTC)) for year in (2006, 2007)]
    assert offset_minutes("EWR", np.array(noon)).tolist() == [-300, -240]
