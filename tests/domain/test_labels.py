import numpy as np
import pytest

from domain.labels import has_label, is_late
from tests.domain.worlds import NOON, Flight, flight_facts


@pytest.mark.parametrize(("delay", "late"), [(-30, False), (0, False), (14, False), (15, True), (600, True)])
def test_late_is_fifteen_minutes_or_more(delay, late):
    assert is_late(np.array([delay])).tolist() == [late]


def test_a_label_exists_once_the_arrival_is_known():
    facts = flight_facts([Flight(there=100)])
    assert has_label(facts, NOON + 99).tolist() == [False]
    assert has_label(facts, NOON + 100).tolist() == [True]


def test_cancelled_and_diverted_flights_never_have_a_label():
    facts = flight_facts([Flight(cancelled=60), Flight(gone=5, cancelled=300)])
    assert has_label(facts, 2**62).tolist() == [False, False]
