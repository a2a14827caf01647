from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.airports import (
    AIRPORTS,
    HOME_AIRPORT,
    bearing_degrees,
    distance_miles,
    instant,
    local_date,
    local_day,
    local_hours,
    local_minute,
    local_minutes,
    offset_minutes,
    zone,
)
from domain.clock import from_minute, minute_floor
from domain.errors import InvalidInput


@given(st.sampled_from(["EWR", "PHX", "HNL", "SJU", "ANC", "DEN"]), st.integers(9_000_000, 42_000_000))
def test_local_times_are_those_of_the_zone_database(airport, minute):
    local = from_minute(minute).astimezone(ZoneInfo(zone(airport)))
    offset = local.utcoffset().total_seconds() / 60
    assert offset_minutes(airport, np.array([minute])).tolist() == [offset]
    assert local_minute(airport, minute) == minute + offset
    assert local_hours(airport, np.array([minute])).tolist() == [local.hour]
    assert local_day(airport, minute) == local.date()


def at(*when: int) -> int:
    return minute_floor(datetime(*when, tzinfo=UTC))  # type: ignore[misc]


def test_times_of_day_are_local_to_the_origin_in_winter_and_summer():
    assert local_minute("EWR", at(2013, 1, 10, 17)) % 1440 == 12 * 60
    assert local_minute("EWR", at(2013, 7, 10, 16)) % 1440 == 12 * 60


def test_the_clock_change_happens_at_its_minute():
    assert local_minute("EWR", at(2013, 3, 10, 6, 59)) % 1440 == 119
    assert local_minute("EWR", at(2013, 3, 10, 7, 0)) % 1440 == 180


def test_phoenix_keeps_its_time_all_year():
    assert local_minute("PHX", at(2013, 7, 10, 12)) - at(2013, 7, 10, 12) == -420
    assert local_minute("PHX", at(2013, 1, 10, 12)) - at(2013, 1, 10, 12) == -420


def test_an_unknown_airport_has_no_local_time():
    assert local_minute("ZZZ", 0) is local_hours("ZZZ", np.array([0])) is None
    assert np.isnan(local_minutes(["ZZZ", "EWR"], np.array([0, 0]))).tolist() == [True, False]


@pytest.mark.parametrize(("month", "day", "hours"), [(3, 10, 23), (7, 1, 24), (11, 3, 25)])
def test_a_local_day_begins_at_its_midnight_also_where_the_clocks_change(month, day, hours):
    begins = instant(HOME_AIRPORT, date(2013, month, day))
    ends = instant(HOME_AIRPORT, date(2013, month, day + 1))
    assert ends - begins == timedelta(hours=hours)
    assert local_day(HOME_AIRPORT, minute_floor(begins)) == date(2013, month, day)
    assert local_day(HOME_AIRPORT, minute_floor(begins) - 1) == date(2013, month, day) - timedelta(days=1)


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


@pytest.mark.parametrize(
    ("airport", "year", "months"),
    [
        ("CAI", 2010, (8, 10)), ("IRJ", 2004, (5, 7)), ("TUC", 2004, (5, 7)), ("FTE", 2004, (5, 7)),
        ("FOR", 2000, (10, 11)), ("MAO", 2000, (10, 11)), ("REC", 2000, (10, 11)), ("MCZ", 2000, (10, 11)),
        ("CMN", 2015, (6, 8)),
    ],
)  # fmt: skip
def test_two_changes_within_a_month_are_both_known(airport, year, months):
    noons = np.arange(at(year, months[0], 1, 12), at(year, months[1], 28, 12), 1440)
    expected = [
        from_minute(noon).astimezone(ZoneInfo(zone(airport))).utcoffset().total_seconds() / 60
        for noon in noons.tolist()
    ]
    assert len(set(expected)) > 1
    assert offset_minutes(airport, noons).tolist() == expected


def test_a_spring_change_is_on_the_day_it_had_in_its_year():
    """The first Sunday of April until 2006, the second of March since."""
    noon = [minute_floor(datetime(year, 3, 20, 17, tzinfo=UTC)) for year in (2006, 2007)]
    assert offset_minutes("EWR", np.array(noon)).tolist() == [-300, -240]
