import numpy as np
import pytest

from domain.features.memory import SHRINKAGE, weights
from tests.domain.worlds import Flight, state_of, value


def flown(number: int, days: range, delay: int, **changes) -> list[Flight]:
    """One flight number on some days before NOON's, always as late."""
    return [
        Flight(number=number, departs=-1440 * day, gone=-1440 * day + 5, there=-1440 * day + 240 + delay,
               arr_delay=delay, **changes)
        for day in days
    ]  # fmt: skip


def test_a_number_that_is_always_late_is_remembered_beside_one_that_never_is():
    block = state_of(flown(1, range(2, 28), 60) + flown(2, range(2, 28), -10))
    late, punctual = (value(block, "flight", f"UA{n}-EWR", "usual_late_share") for n in (1, 2))
    assert late > 0.8
    assert punctual < 0.2
    assert value(block, "flight", "UA1-EWR", "usual_delay") > 40
    assert 40 < value(block, "flight", "UA1-EWR", "usual_loss") < 55


def test_what_one_flight_tells_is_drawn_to_its_carriers_route():
    block = state_of(flown(1, range(2, 28), 0) + flown(2, range(2, 3), 60))
    alone = value(block, "flight", "UA2-EWR", "usual_late_share")
    route = value(block, "carrier_route", "UA:EWR-IAH", "usual_late_share")
    expected = (weights(np.array([1]))[0] + 1024 * SHRINKAGE["flight"] * route) / (
        weights(np.array([1]))[0] + 1024 * SHRINKAGE["flight"]
    )
    assert alone == pytest.approx(expected)


def test_the_newest_days_count_most():
    worsening = state_of(flown(1, range(2, 9), 60) + flown(1, range(20, 27), 0))
    improving = state_of(flown(1, range(2, 9), 0) + flown(1, range(20, 27), 60))
    rising, falling = (value(b, "flight", "UA1-EWR", "usual_late_share") for b in (worsening, improving))
    assert rising > 0.6 > 0.4 > falling


def test_a_number_long_flown_and_one_flown_for_a_month_weigh_the_same():
    """Counts do not grow through the year: days beyond thirty change nothing."""
    month, year = (state_of(flown(1, range(2, last), 30)) for last in (30, 200))
    for kind, name in (("flight", "UA1-EWR"), ("carrier_route", "UA:EWR-IAH"), ("carrier_hour", "UA:EWR@12")):
        column = "usual_late_share"
        assert value(month, kind, name, column) == value(year, kind, name, column)


def test_hours_of_a_carrier_are_distinguished():
    evening = [
        Flight(departs=-1440 * d + 360, gone=-1440 * d + 400, there=-1440 * d + 660, arr_delay=60, number=9)
        for d in range(2, 28)
    ]
    block = state_of(flown(1, range(2, 28), 0) + evening)
    shares = [value(block, "carrier_hour", f"UA:EWR@{hour}", "usual_late_share") for hour in (12, 18)]
    assert shares[0] < 0.4 < shares[1]
