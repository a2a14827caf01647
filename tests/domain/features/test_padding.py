import math

import pytest

from tests.domain.worlds import Flight, state_of, value

BOUNDARY = -8 * 60


def flown(there: int, dep_delay: int, arr_delay: int, block: int = 240, **more) -> Flight:
    departs = there - arr_delay - block
    return Flight(
        departs=departs, block=block, gone=departs + dep_delay, there=there, arr_delay=arr_delay, **more
    )


def test_elapsed_time_is_gate_to_gate():
    block = state_of([flown(BOUNDARY - 60, dep_delay=20, arr_delay=5, air_time=190)])
    assert value(block, "route", "EWR-IAH", "elapsed_30d") == 225
    assert value(block, "route", "EWR-IAH", "air_time_30d") == 190
    assert value(block, "route", "EWR-IAH", "en_route_loss_30d") == -15


def test_air_time_is_known_with_the_arrival_not_before():
    block = state_of([flown(5, dep_delay=0, arr_delay=0, air_time=200)])
    assert math.isnan(value(block, "dest", "IAH", "en_route_loss_3h"))


def test_headwind_shows_as_air_time_above_the_routes_own():
    usual = [flown(BOUNDARY - 60 * i, 0, 0, air_time=200) for i in (10, 20, 30)]
    today = [flown(-30, dep_delay=0, arr_delay=20, air_time=220)]
    block = state_of([*usual, *today])
    sector = block.tables["sector"].entities[0]
    assert value(block, "sector", sector, "air_time_excess_3h") == pytest.approx(0.1, abs=1e-12)
    assert value(block, "sector", sector, "elapsed_excess_3h") == 20
    assert value(block, "origin", "EWR", "en_route_loss_3h") == 20


def test_a_route_without_history_lends_no_excess():
    block = state_of([flown(-30, dep_delay=0, arr_delay=20, air_time=220)])
    assert value(block, "dest", "IAH", "en_route_loss_3h") == 20
    assert math.isnan(value(block, "dest", "IAH", "air_time_excess_3h"))
    assert math.isnan(value(block, "dest", "IAH", "elapsed_excess_3h"))


def test_an_arrival_whose_air_time_was_not_recorded_counts_without_it():
    usual = [flown(BOUNDARY - 600, 0, 0, air_time=200)]
    block = state_of([*usual, flown(-30, dep_delay=10, arr_delay=0)])
    assert value(block, "dest", "IAH", "en_route_loss_3h") == -10
    assert math.isnan(value(block, "dest", "IAH", "air_time_excess_3h"))


def test_windows_end_after_three_and_twelve_hours():
    block = state_of([flown(-179, 0, 10), flown(-181, 0, 50), flown(-719, 0, 30), flown(-721, 0, 90)])
    assert value(block, "dest", "IAH", "en_route_loss_3h") == 10
    assert value(block, "dest", "IAH", "en_route_loss_12h") == 30


def test_a_flight_that_came_back_is_not_taken_for_wind():
    block = state_of([flown(-30, dep_delay=0, arr_delay=900)])
    assert value(block, "dest", "IAH", "en_route_loss_3h") == 120


def test_an_hours_excess_is_over_the_means_of_its_flights_routes():
    # The route takes 230 minutes at this hour and 210 four hours earlier: 220 on the mean.
    day = 1440
    flights = [
        Flight(departs=-day, gone=-day, there=-day + 230, arr_delay=-10),
        Flight(departs=-day - 240, gone=-day - 240, there=-day - 30, arr_delay=-30),
    ]
    block = state_of(flights)
    assert value(block, "origin_hour", "EWR@12", "elapsed_excess_30d") == 10
    assert value(block, "origin_hour", "EWR@08", "elapsed_excess_30d") == -10
    assert value(block, "origin_carrier", "EWR-UA", "elapsed_excess_30d") == 0
