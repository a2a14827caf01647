"""The leg before a turn, by what was announced; the families' laws are in test_optional."""

import numpy as np
import pytest
from hypothesis import given, settings

from domain.features import aircraft, estimate
from domain.features.grid import Ticks, slow_boundary
from domain.features.scene import Scene
from domain.features.turns import KIND
from tests.domain.worlds import NOON, Flight, drawn_flights, flight_facts, no_weather

INBOUND = Flight(origin="IAH", dest="EWR", departs=-300, block=240, number=7, tails=((-900, "N1"),))
"""Scheduled to arrive an hour before noon."""
TURN = Flight(departs=60, number=8, tails=((-600, "N1"),))


def states(flights, at=0, family=aircraft):
    """Columns of each turn at a minute, by its name."""
    facts = flight_facts(flights)
    ticks = Ticks(NOON + at, 1)
    scene = Scene(ticks, slow_boundary(ticks.first), facts, no_weather(facts.network))
    names = [column.name for column in family.COLUMNS[KIND]]
    values = family.compute(scene)[KIND][0]
    return {
        turn: dict(zip(names, row, strict=True))
        for turn, row in zip(scene.turns.names, values.tolist(), strict=True)
    }


def turn_of(flights, at=0, family=aircraft):
    return states(flights, at, family)[f"UA8-EWR@{NOON + 60}"]


def test_an_aircraft_that_is_there_leaves_its_turn_what_the_schedule_gives_less_its_delay():
    there = Flight(**vars(INBOUND) | {"gone": -290, "there": -40, "arr_delay": 20})
    found = turn_of([there, TURN])
    assert found == {
        "minutes": 120, "slack": 100, "inbound_delay": 20, "inbound_gone": 1, "inbound_there": 1, "inbound_here": 1,
    }  # fmt: skip


def test_an_aircraft_on_its_way_is_as_late_as_it_left_and_not_there_yet():
    flying = Flight(**vars(INBOUND) | {"gone": -200})
    assert turn_of([flying, TURN])["inbound_delay"] == 100
    assert turn_of([flying, TURN])["slack"] == 20
    overdue = Flight(**vars(INBOUND) | {"gone": -300})
    assert turn_of([overdue, TURN])["inbound_delay"] == 60
    assert turn_of([overdue, TURN])["inbound_there"] == 0


def test_an_aircraft_that_waits_is_as_late_as_it_has_waited_or_is_expected_to_be():
    assert turn_of([INBOUND, TURN])["inbound_delay"] == 300
    expected = Flight(**vars(INBOUND) | {"departs": -30, "estimates": ((-60, 50), (-20, 90), (5, 200))})
    assert turn_of([expected, TURN])["inbound_delay"] == 90


def test_an_assignment_counts_from_when_it_is_known_until_another_one_is():
    late = Flight(**vars(INBOUND) | {"gone": -100, "tails": ((-900, "N1"),)})
    early = {"gone": -300, "there": -70, "arr_delay": -10, "number": 9, "tails": ((-900, "N2"),)}
    good = Flight(**vars(INBOUND) | early)
    swapped = Flight(**vars(TURN) | {"tails": ((-600, "N1"), (-10, "N2"))})
    assert turn_of([late, good, swapped], at=-15)["inbound_delay"] == 200
    assert turn_of([late, good, swapped], at=-10)["inbound_delay"] == -10


def test_the_leg_before_is_the_last_that_is_not_called_off():
    earlier = Flight(
        origin="BOS", dest="EWR", departs=-700, block=60, gone=-700, there=-640, tails=((-900, "N1"),)
    )
    off = Flight(**vars(INBOUND) | {"cancelled": -5})
    assert turn_of([earlier, off, TURN])["minutes"] == 700
    assert turn_of([earlier, off, TURN], at=-10)["minutes"] == 120


def test_nothing_is_known_of_a_turn_without_an_assignment_or_a_leg_before():
    unassigned = Flight(**vars(TURN) | {"tails": ()})
    for flights in ([INBOUND, unassigned], [TURN], [Flight(**vars(INBOUND) | {"tails": ((5, "N1"),)}), TURN]):
        assert np.isnan(list(turn_of(flights).values())).all()


def test_tomorrows_flight_of_a_number_is_another_turn():
    tomorrow = Flight(**vars(TURN) | {"departs": 60 + 1440})
    assert set(states([TURN, tomorrow])) == {f"UA8-EWR@{NOON + 60}"}


def test_the_newest_estimate_known_counts():
    expected = Flight(**vars(TURN) | {"estimates": ((-30, 20), (-10, 45), (5, 300))})
    assert turn_of([expected], family=estimate) == {"estimated_delay": 45}
    assert turn_of([expected], at=-20, family=estimate) == {"estimated_delay": 20}
    assert np.isnan(turn_of([TURN], family=estimate)["estimated_delay"])


@settings(max_examples=60, deadline=None)
@given(drawn_flights)
def test_legs_agree_with_a_plain_reading(flights):
    facts = flight_facts(flights)
    found = states(flights)
    expected = dict(_plain(facts))
    assert {name: state["minutes"] for name, state in found.items() if not np.isnan(state["minutes"])} == (
        pytest.approx(expected)
    )


def _plain(facts):
    """Scheduled room of each turn at noon, row by row."""
    counting = [
        row for row in range(len(facts)) if facts.scheduled_known[row] <= NOON < facts.superseded[row]
    ]
    for row in counting:
        tail, departs = _tail(facts, row), facts.sched_dep[row]
        if not NOON <= departs <= NOON + 180 or tail is None:
            continue
        legs = [
            (facts.sched_dep[leg], leg)
            for leg in counting
            if _tail(facts, leg) == tail
            and departs - 1440 <= facts.sched_dep[leg] < departs
            and facts.cancelled_known[leg] > NOON
        ]
        if legs:
            name = facts.flight_id[row].rsplit("-", 1)[0]
            yield f"{name}@{departs}", float(departs - facts.sched_arr[max(legs)[1]])


def _tail(facts, row):
    said = facts.announced
    known = [
        (said.known[i], said.sequence[i], said.tail[i])
        for i in range(len(said))
        if said.flight_id[i] == facts.flight_id[row]
        and said.kind[i] == "aircraft_assigned"
        and said.known[i] <= NOON
    ]
    return max(known)[2] if known else None
