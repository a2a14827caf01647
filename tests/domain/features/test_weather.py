import math

import pytest

from domain.airports import AIRPORTS, distance_miles
from domain.features import weather
from tests.domain.worlds import Observation, state_of, value


def seen(observed: int, airport: str = "EWR", known: int | None = None, **measures: float) -> Observation:
    return Observation(airport, observed, observed + 52 if known is None else known, measures)


def at_noon(*observations: Observation, at: int = 0):
    return state_of([], at=at, observations=observations)


def test_an_hour_is_known_only_when_it_was_observed_not_at_its_label():
    row = seen(0, temp_f=50.0)
    assert at_noon(row, at=50).tables["weather"].entities == ()
    assert value(at_noon(row, at=55), "weather", "EWR", "temp_f") == 50


def test_the_newest_known_observation_wins():
    block = at_noon(seen(-180, temp_f=40.0), seen(-120, temp_f=45.0), seen(0, temp_f=60.0))
    assert value(block, "weather", "EWR", "temp_f") == 45


def test_a_late_report_of_an_old_hour_does_not_replace_a_newer_one():
    block = at_noon(seen(-120, temp_f=45.0), seen(-240, known=-5, temp_f=10.0))
    assert value(block, "weather", "EWR", "temp_f") == 45


def test_an_observation_of_six_hours_ago_is_no_longer_the_weather():
    assert value(at_noon(seen(-411, temp_f=45.0)), "weather", "EWR", "temp_f") == 45
    assert math.isnan(value(at_noon(seen(-412, temp_f=45.0)), "weather", "EWR", "temp_f"))


def test_what_came_late_is_as_old_as_it_is():
    """A file of last month in a live stack: all of it becomes known at one minute."""
    lately = [seen(-60 * hours, known=-60 * hours + 52, precip_in=0.0) for hours in range(1, 26)]
    late = [
        seen(-60 * hours, known=-1, precip_in=0.1, temp_f=20.0, wind_gust_mph=60.0)
        for hours in range(48, 720, 7)
    ]
    block = at_noon(*lately, *late)
    assert value(block, "weather", "EWR", "precip_in_sum_24h") == 0
    assert math.isnan(value(block, "weather", "EWR", "temp_f"))
    assert math.isnan(value(block, "weather", "EWR", "wind_gust_mph_max_6h"))
    assert math.isnan(value(at_noon(seen(-2880, known=-1, temp_f=20.0)), "weather", "EWR", "temp_f"))


def test_the_rain_of_a_silence_is_counted_in_its_hours_once_it_is_known():
    silent = [seen(-60 * hours, known=-1, precip_in=0.1) for hours in range(1, 13)]
    assert value(at_noon(*silent), "weather", "EWR", "precip_in_sum_6h") == pytest.approx(0.6)
    assert value(at_noon(*silent), "weather", "EWR", "precip_in_sum_12h") == pytest.approx(1.2)


def test_trends_compare_with_what_was_known_three_hours_ago():
    block = at_noon(seen(-240, pressure_mb=1010.0), seen(-60, pressure_mb=1004.5))
    assert value(block, "weather", "EWR", "pressure_mb_trend_3h") == -5.5


@pytest.mark.parametrize(
    ("direction", "east", "north"),
    [(90.0, 10.0, 0.0), (360.0, 0.0, 10.0), (180.0, 0.0, -10.0), (270.4, -10.0, 0.0)],
)
def test_wind_is_split_into_where_it_comes_from(direction, east, north):
    block = at_noon(seen(-60, wind_dir_deg=direction, wind_speed_mph=10.0))
    assert value(block, "weather", "EWR", "wind_from_east") == pytest.approx(east, abs=1e-9)
    assert value(block, "weather", "EWR", "wind_from_north") == pytest.approx(north, abs=1e-9)


def test_a_calm_has_no_direction_and_no_component():
    block = at_noon(seen(-60, wind_speed_mph=0.0))
    assert value(block, "weather", "EWR", "wind_from_east") == 0


def test_a_wind_of_unknown_direction_has_unknown_components():
    block = at_noon(seen(-60, wind_speed_mph=8.0))
    assert math.isnan(value(block, "weather", "EWR", "wind_from_north"))


def test_the_worst_weather_nearby_counts_and_the_far_does_not():
    block = at_noon(
        seen(-60, visibility_mi=10.0, wind_gust_mph=20.0),
        seen(-60, "JFK", visibility_mi=0.5, wind_gust_mph=15.0),
        seen(-60, "LAX", visibility_mi=0.1, wind_gust_mph=70.0),
    )
    assert value(block, "weather", "EWR", "visibility_mi_nearby") == 0.5
    assert value(block, "weather", "JFK", "wind_gust_mph_nearby") == 20
    assert value(block, "weather", "LAX", "visibility_mi_nearby") == 0.1


EVERYWHERE = (*sorted(AIRPORTS)[::20], "???")
"""Some hundreds of places on both hemispheres, both sides of the date line included, and one that nobody knows."""


def test_the_stations_nearby_are_those_within_a_hundred_miles():
    found = weather._nearby(EVERYWHERE)
    for name, positions in zip(EVERYWHERE, found, strict=True):
        miles = {other: distance_miles(name, other) for other in EVERYWHERE}
        near = [
            other
            for other in EVERYWHERE
            if other == name or (miles[other] is not None and miles[other] <= 100)
        ]
        assert [EVERYWHERE[p] for p in positions] == near


def test_distances_between_the_stations_of_a_country_are_not_measured_at_every_tick(monkeypatch):
    measured = []
    monkeypatch.setattr(
        weather, "distance_miles", lambda *ends: measured.append(ends) or distance_miles(*ends)
    )
    weather._nearby.cache_clear()
    weather._nearby(EVERYWHERE)
    assert len(measured) < len(EVERYWHERE) ** 2 / 20
    measured.clear()
    weather._nearby(EVERYWHERE)
    assert not measured


def test_a_station_fallen_silent_still_has_its_neighbours():
    block = at_noon(seen(-600, visibility_mi=10.0), seen(-60, "JFK", visibility_mi=2.0))
    assert math.isnan(value(block, "weather", "EWR", "visibility_mi"))
    assert value(block, "weather", "EWR", "visibility_mi_nearby") == 2
