"""Days and run moments wherever home is: New York as ever, and where the local day is far from the UTC day."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest

from adapters.settings import settings
from domain import airports
from domain.clock import minute_floor
from monitoring import windows

HOMES = ("JFK", "PHX", "LAX", "ANC", "HNL", "PPG", "LHR", "DEL", "SYD", "AKL", "APW", "CHT")


@pytest.fixture(params=HOMES)
def home(request, monkeypatch):
    there = replace(settings(), home_airport=request.param)
    monkeypatch.setattr(windows, "settings", lambda: there)
    return request.param


@pytest.mark.parametrize("day", [date(2013, 1, 15), date(2013, 7, 15), date(2013, 12, 31)])
def test_a_day_is_monitored_when_it_has_been_over_for_five_or_six_hours(home, day):
    moment = windows.run_moment(day)
    shown = airports.local_minute(home, minute_floor(moment))
    midnight = minute_floor(datetime(day.year, day.month, day.day, tzinfo=UTC) + timedelta(days=1))
    assert shown - midnight in (300, 360)  # by the clock on the wall, in summer an hour more


def test_the_newest_complete_day_is_the_one_whose_moment_has_come(home):
    for day in (date(2013, 3, 31), date(2013, 10, 27)):
        moment = windows.run_moment(day)
        assert windows.last_complete_day(moment) == day
        assert windows.last_complete_day(moment - timedelta(minutes=1)) == day - timedelta(days=1)
