from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.clock import from_minute, minute_floor

moments = st.datetimes(timezones=st.just(UTC))


@given(moments)
def test_the_floor_is_less_than_a_minute_before_the_moment(moment):
    assert timedelta(0) <= moment - from_minute(minute_floor(moment)) < timedelta(minutes=1)


@given(st.integers(0, 10**8))
def test_a_whole_minute_is_its_own_floor(minute):
    assert minute_floor(from_minute(minute)) == minute


def test_zones_do_not_change_the_minute():
    new_york = datetime(2013, 4, 1, 8, 0, tzinfo=timezone(timedelta(hours=-4)))
    assert minute_floor(new_york) == minute_floor(datetime(2013, 4, 1, 12, 0, tzinfo=UTC))


def test_a_moment_without_a_zone_is_refused():
    with pytest.raises(ValueError, match="time zone"):
        minute_floor(datetime(2013, 4, 1))  # noqa: DTZ001  what the test is about
