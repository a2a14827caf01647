import numpy as np

from domain.features import daily as module
from domain.features.daily import daily_of
from domain.features.grid import slow_boundary
from domain.flights import Network
from tests.domain.worlds import NOON, Flight, flight_facts

BOUNDARY = slow_boundary(NOON)
LANDED = [Flight(departs=-2000 - 60 * i, gone=-2000 - 60 * i, there=-1760 - 60 * i) for i in range(5)]
LATER = Flight(departs=-300, gone=-290, there=-60, arr_delay=40)


def test_what_becomes_known_after_the_boundary_is_not_in_the_days():
    days = daily_of(flight_facts([*LANDED, LATER]), BOUNDARY)
    assert len(days.flights) == len(LANDED)


def test_the_ticks_of_a_day_share_one_computation():
    asked = []

    def compute(days):
        asked.append(days)
        return len(days.flights)

    first = daily_of(flight_facts(LANDED), BOUNDARY)
    second = daily_of(flight_facts([*LANDED, LATER]), BOUNDARY)
    assert first.once(compute) == second.once(compute) == len(LANDED)
    assert len(asked) == 1


def test_another_day_another_fact_or_another_network_is_never_mistaken_for_a_kept_one():
    kept = daily_of(flight_facts(LANDED), BOUNDARY)
    corrected = [*LANDED[:-1], Flight(departs=-2240, gone=-2240, there=-2000, arr_delay=7)]
    renamed = Network()
    renamed.airports.code("ZZZ")
    others = [
        daily_of(flight_facts(LANDED), BOUNDARY + 1440),
        daily_of(flight_facts(corrected), BOUNDARY),
        daily_of(flight_facts(LANDED[1:]), BOUNDARY),
        daily_of(flight_facts(LANDED, renamed), BOUNDARY),
    ]
    assert all(other is not kept for other in others)


def test_few_days_are_kept():
    for shift in range(5):
        daily_of(flight_facts(LANDED), BOUNDARY + 1440 * shift)
    assert len(module._kept) == module.KEPT


def test_days_without_a_flight_have_no_entity():
    days = daily_of(flight_facts([]), BOUNDARY)
    assert all(len(groups) == 0 for groups in days.groups.values())
    assert days.age_days.dtype == np.int64
