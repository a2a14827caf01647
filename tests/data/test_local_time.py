"""Local clock times and instants, over changes of clocks and midnights, against the standard library."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from data.local_time import instants
from domain.airports import AIRPORTS
from domain.clock import from_minute, minute_floor

CODES = ("EWR", "IAH", "DEN", "PHX", "LAX", "HNL", "ANC", "SJU")
MINUTES = st.integers(
    minute_floor(datetime(2012, 1, 1, tzinfo=UTC)), minute_floor(datetime(2015, 1, 1, tzinfo=UTC))
)


def near_a_change() -> st.SearchStrategy[int]:
    """Minutes within three hours of a change of American clocks."""
    changes = ["2013-03-10T07:00", "2013-11-03T06:00", "2013-03-10T10:00", "2013-11-03T09:00"]
    minutes = [minute_floor(datetime.fromisoformat(c).replace(tzinfo=UTC)) for c in changes]
    return st.builds(lambda change, off: change + off, st.sampled_from(minutes), st.integers(-180, 180))


def wall_of(airport: str, minute: int) -> int:
    """Minutes since 1970-01-01 00:00 on the airport's clock."""
    local = from_minute(minute).astimezone(ZoneInfo(AIRPORTS[airport].zone))
    return minute_floor(local.replace(tzinfo=UTC))


def found(airport: str, wall: int) -> tuple[int, int, bool]:
    result = instants(pd.Series([airport]), np.array([wall]))
    return int(result.first[0]), int(result.second[0]), bool(result.skipped[0])


@settings(deadline=None)
@given(st.sampled_from(CODES), MINUTES | near_a_change())
def test_an_instant_comes_back_from_its_local_time(airport, minute):
    first, second, skipped = found(airport, wall_of(airport, minute))
    assert minute in (first, second)
    assert not skipped
    fold = from_minute(minute).astimezone(ZoneInfo(AIRPORTS[airport].zone)).fold
    assert minute == (second if fold else first)
    assert (first != second) == (second - first == 60)


@settings(deadline=None)
@given(st.sampled_from(CODES), MINUTES | near_a_change())
def test_a_local_time_that_is_skipped_is_read_on_the_clock_before(airport, wall):
    first, second, skipped = found(airport, wall)
    naive = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(minutes=wall)
    zone = ZoneInfo(AIRPORTS[airport].zone)
    expected = minute_floor(naive.replace(tzinfo=zone, fold=0).astimezone(UTC))
    assert first == expected
    assert skipped == (wall_of(airport, first) != wall)
    if skipped:
        assert second == first


@pytest.mark.parametrize(
    ("airport", "local", "utc", "repeated"),
    [
        ("EWR", "2013-11-03T01:30", "2013-11-03T05:30", True),
        ("EWR", "2013-03-10T02:30", "2013-03-10T07:30", False),
        ("PHX", "2013-11-03T01:30", "2013-11-03T08:30", False),
        ("SJU", "2013-07-01T00:00", "2013-07-01T04:00", False),
    ],
)
def test_times_worked_out_by_hand(airport, local, utc, repeated):
    wall = minute_floor(datetime.fromisoformat(local).replace(tzinfo=UTC))
    first, second, _ = found(airport, wall)
    assert first == minute_floor(datetime.fromisoformat(utc).replace(tzinfo=UTC))
    assert (second != first) == repeated
