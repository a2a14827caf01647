from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.clock import from_minute, minute_ceil, minute_floor

moments = st.datetimes(timezones=st.just(UTC))


@given(moments)
def test_floor_and_ceil_enclose_the_moment_within_a_minute(moment):
    low, high = from_minute(minute_floor(moment)), from_minute(minute_ceil(moment))
    assert low <= moment <= high
    assert high - low in (timedelta(0), timedelta(minutes=1))


@given(st.integers(0, 10**8))
def test_a_whole_minute_is_its_own_floor_and_ceil(minute):
    assert minute_floor(from_minute(minute)) == minute_ceil(from_minute(minute)) == minute


def test_zones_do_not_change_the_minute():
    new_york = datetime(2013, 4, 1, 8, 0, tzinfo=timezone(timedelta(hours=-4)))
    assert minute_floor(new_york) == minute_floor(datetime(2013, 4, 1, 12, 0, tzinfo=UTC))


@pytest.mark.parametrize("convert", [minute_floor, minute_ceil])
def test_a_moment_without_a_zone_is_refused(convert):
    with pytest.raises(ValueError, match="time zone"):
        convert(datetime(2013, 4, 1))  # noqa: DTZ001  what the test is about
