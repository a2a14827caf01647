import math

from tests.domain.worlds import Flight, state_of, value


def test_the_queue_holds_who_should_have_gone_and_has_not():
    flights = [Flight(departs=-30), Flight(departs=-10), Flight(departs=-20, gone=-5), Flight(departs=10)]
    block = state_of(flights)
    assert value(block, "origin", "EWR", "queue") == 2
    assert value(block, "origin", "EWR", "queue_wait") == 20


def test_a_flight_leaves_the_queue_when_it_goes_or_is_cancelled():
    flights = [Flight(departs=-60, gone=5), Flight(departs=-60, cancelled=10)]
    sizes = [value(state_of(flights, at=at), "origin", "EWR", "queue") for at in (0, 5, 10)]
    assert sizes == [2, 1, 0]


def test_a_flight_nobody_spoke_of_again_does_not_wait_for_ever():
    assert value(state_of([Flight(departs=-719)]), "origin", "EWR", "queue") == 1
    assert value(state_of([Flight(departs=-720)]), "origin", "EWR", "queue") == 0


def test_an_empty_queue_has_no_wait():
    assert math.isnan(value(state_of([Flight(departs=5)]), "origin", "EWR", "queue_wait"))


def test_flights_of_the_coming_hour_are_counted_also_those_that_are_cancelled_before():
    flights = [Flight(departs=5), Flight(departs=60), Flight(departs=65), Flight(departs=30, cancelled=-10)]
    block = state_of(flights)
    assert value(block, "origin", "EWR", "coming_1h") == 3
    assert value(block, "origin_carrier", "EWR-UA", "coming_1h") == 3


def test_cancellations_count_for_six_hours():
    flights = [Flight(departs=-400, cancelled=-359), Flight(departs=-420, cancelled=-360)]
    assert value(state_of(flights), "origin", "EWR", "cancelled_6h") == 1


def test_a_cancellation_counts_from_an_hour_after_the_scheduled_departure_however_early_it_was_known():
    flights = [Flight(departs=-30, cancelled=-600), Flight()]
    counts = [
        value(state_of(flights, at=at), "origin", "EWR", "cancelled_6h") for at in (0, 25, 30, 385, 390)
    ]
    assert counts == [0, 0, 1, 1, 0]


def test_cancellations_are_counted_by_airport_and_everywhere():
    block = state_of([Flight(departs=-80, cancelled=-10), Flight(origin="JFK", departs=-80, cancelled=-5)])
    counts = [("origin", "EWR", 1), ("origin", "JFK", 1), ("network", "all", 2)]
    for kind, entity, expected in counts:
        assert value(block, kind, entity, "cancelled_6h") == expected
