import math

from tests.domain.worlds import Flight, state_of, value

# The boundary of the day of NOON (16:00 UTC) is 08:00 UTC: eight hours before.
BOUNDARY = -8 * 60


def landed(there: int, arr_delay: int, **more) -> Flight:
    return Flight(departs=there - 240 - arr_delay, there=there, arr_delay=arr_delay, **more)


def test_thirty_day_history_stops_at_the_boundary_of_the_day():
    flights = [landed(BOUNDARY, 30), landed(BOUNDARY + 5, 200), landed(BOUNDARY - 600, 0)]
    block = state_of(flights)
    assert value(block, "carrier", "UA", "late_share_30d") == 0.5
    assert value(block, "route", "EWR-IAH", "arrival_delay_30d") == 15


def test_history_moves_when_the_boundary_does():
    flights = [landed(BOUNDARY + 5, 200), landed(BOUNDARY - 600, 0)]
    before = state_of(flights, at=BOUNDARY + 1435)
    after = state_of(flights, at=BOUNDARY + 1440)
    assert value(before, "dest", "IAH", "arrival_delay_30d") == 0
    assert value(after, "dest", "IAH", "arrival_delay_30d") == 100


def test_history_forgets_flights_of_more_than_thirty_days_ago():
    month = 30 * 1440
    flights = [
        Flight(departs=BOUNDARY - month, there=BOUNDARY - month + 240, arr_delay=100),
        Flight(departs=BOUNDARY - month + 1, there=BOUNDARY - month + 241, arr_delay=0),
    ]
    assert value(state_of(flights), "carrier", "UA", "arrival_delay_30d") == 0


def test_flights_without_an_arrival_say_nothing():
    block = state_of([Flight(departs=BOUNDARY - 600, gone=BOUNDARY - 590, cancelled=BOUNDARY - 100)])
    assert math.isnan(value(block, "carrier", "UA", "late_share_30d"))
    assert value(block, "carrier", "UA", "arrivals_6h") == 0


def test_late_means_fifteen_minutes():
    block = state_of([landed(-10, 14), landed(-20, 15)])
    assert value(block, "dest", "IAH", "late_share_6h") == 0.5


def test_recent_arrivals_count_for_six_hours():
    flights = [landed(-359, 10), landed(-360, 90), landed(5, 300)]
    block = state_of(flights)
    assert value(block, "carrier", "UA", "arrivals_6h") == 1
    assert value(block, "carrier", "UA", "arrival_delay_6h") == 10


def test_hours_are_local_to_the_origin():
    # Scheduled 240 minutes before arrival: 07:00 UTC less four hours and some, 03:00 in New York in April.
    block = state_of([Flight(departs=BOUNDARY - 60 - 240, there=BOUNDARY - 60)])
    assert block.tables["origin_hour"].entities == ("EWR@23",)
