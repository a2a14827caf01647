import math
from datetime import UTC, date, datetime

import pytest

from domain.clock import minute_floor
from domain.features.catalogue import POSITION
from domain.features.schedule import FEATURES, code_number, holidays
from domain.features.vectors import assemble
from tests.domain.worlds import NOON, query, state_of


def feature(name: str, **changes) -> float:
    asked = query(**changes)
    return float(assemble(asked, state_of([]), asked.as_of)[0, POSITION[name]])


def at(*when: int) -> int:
    return minute_floor(datetime(*when, tzinfo=UTC))  # type: ignore[misc]


def test_minutes_before_and_after_midnight_are_close_on_the_circle():
    before, after = at(2013, 4, 11, 3, 55), at(2013, 4, 11, 4, 5)
    for part in ("sine", "cosine"):
        name = f"departure_hour_{part}"
        assert feature(name, sched_dep=before) == pytest.approx(feature(name, sched_dep=after), abs=0.05)


def test_the_weekday_is_that_of_the_local_day():
    assert feature("weekday", sched_dep=at(2013, 4, 15, 3, 30)) == 6  # still Sunday in New York
    assert feature("weekday", sched_dep=at(2013, 4, 15, 4, 30)) == 0


def test_holidays_of_2013_are_where_the_calendar_has_them():
    assert [(d.month, d.day) for d in holidays(2013)] == [
        (1, 1), (1, 21), (2, 18), (5, 27), (7, 4), (9, 2), (10, 14), (11, 28), (12, 25),
    ]  # fmt: skip
    assert all(holidays(year) == sorted(holidays(year)) for year in range(1987, 2051))
    assert holidays(2027)[3] == date(2027, 5, 31)


def test_distance_to_holidays_counts_both_ways_and_ends_at_a_week():
    eve = at(2013, 11, 27, 17)
    assert feature("days_until_holiday", sched_dep=eve) == 1
    assert feature("days_since_holiday", sched_dep=eve) == 7
    assert feature("days_since_holiday", sched_dep=at(2013, 11, 28, 17)) == 0


def test_lead_block_and_distance_come_from_the_question():
    assert feature("lead_minutes") == 60
    assert feature("block_minutes") == 240
    assert feature("distance_miles") == pytest.approx(1400, abs=10)
    assert feature("scheduled_speed") == pytest.approx(1400 / 240, abs=0.1)


def test_codes_need_no_vocabulary():
    assert feature("carrier_code") == code_number("UA") == 30 * 36 + 10
    assert len({code_number(c) for c in ("EWR", "ewq", "JFK", "9E", "E9")}) == 5


@pytest.mark.parametrize(
    "name", ["departure_minute_local", "departure_hour_sine", "weekday", "distance_miles"]
)
def test_an_unknown_airport_leaves_unknown_what_needs_its_place(name):
    assert math.isnan(feature(name, origin="ZZZ"))


def test_a_code_of_other_characters_is_unknown_not_an_error():
    assert math.isnan(feature("carrier_code", carrier="U?"))


def test_every_feature_of_the_family_has_a_value_for_an_ordinary_flight():
    for f in FEATURES:
        assert not math.isnan(feature(f.name)), f.name
    assert at(2013, 4, 10, 16) == NOON
