import math

from hypothesis import given, settings

from domain.features.congestion import KINDS, WINDOWS
from tests.domain.worlds import NOON, Flight, drawn_flights, flight_facts, state_of, value


def test_departures_count_from_the_minute_they_are_known_until_the_window_has_passed():
    flights = [Flight(departs=-70, gone=-60), Flight(departs=-65, gone=-55), Flight(departs=0, gone=5)]
    block = state_of(flights)
    assert value(block, "origin", "EWR", "departures_1h") == 1
    assert value(block, "origin", "EWR", "departures_3h") == 2


def test_delay_and_late_share_are_those_of_the_window():
    flights = [Flight(departs=-40, gone=-40), Flight(departs=-50, gone=-30), Flight(departs=-150, gone=-100)]
    block = state_of(flights)
    assert value(block, "origin", "EWR", "departure_delay_1h") == 10
    assert value(block, "origin", "EWR", "departure_late_share_1h") == 0.5
    assert value(block, "origin", "EWR", "departure_delay_3h") == 70 / 3


def test_a_carrier_is_distinguished_from_its_airport():
    flights = [Flight(carrier="UA", departs=-40, gone=-10), Flight(carrier="B6", departs=-40, gone=-40)]
    block = state_of(flights)
    assert value(block, "origin_carrier", "EWR-UA", "departure_delay_1h") == 30
    assert value(block, "origin_carrier", "EWR-B6", "departure_delay_1h") == 0
    assert value(block, "origin", "EWR", "departure_delay_1h") == 15


def test_no_departure_means_an_unknown_mean_not_a_punctual_one():
    block = state_of([Flight(departs=30)])
    assert value(block, "origin", "EWR", "departures_1h") == 0
    assert math.isnan(value(block, "origin", "EWR", "departure_delay_1h"))


@settings(max_examples=50, deadline=None)
@given(drawn_flights)
def test_counts_agree_with_counting_by_hand(flights):
    facts = flight_facts(flights)
    block = state_of(flights)
    for name, window in WINDOWS.items():
        counted = sum(
            known <= NOON < known + window and published <= NOON and NOON - 2880 < departure <= NOON + 180
            for known, published, departure in zip(
                facts.dep_known.tolist(),
                facts.scheduled_known.tolist(),
                facts.sched_dep.tolist(),
                strict=True,
            )
        )
        for kind in KINDS:
            table = block.tables[kind]
            total = table.values[0, :, table.columns.index(f"departures_{name}")].sum()
            assert total == counted
