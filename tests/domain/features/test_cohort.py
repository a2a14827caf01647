import math

import numpy as np
from hypothesis import given, settings

from domain.features.cohort import KINDS, WIDE_KINDS
from tests.domain.worlds import Flight, drawn_flights, state_of, value


def test_a_flight_still_at_the_gate_is_as_late_as_it_has_waited():
    block = state_of([Flight(departs=-40)])
    assert value(block, "origin", "EWR", "cohort_lateness_1h") == 40
    assert value(block, "origin", "EWR", "cohort_late_share_3h") == 1
    assert value(block, "origin", "EWR", "cohort_waiting_1h") == 1


def test_a_flight_that_left_keeps_the_lateness_it_left_with():
    block = state_of([Flight(departs=-50, gone=-45)])
    assert value(block, "origin", "EWR", "cohort_lateness_1h") == 5
    assert value(block, "origin", "EWR", "cohort_waiting_1h") == 0


def test_a_departure_not_yet_known_still_waits():
    early, later = (
        state_of([Flight(departs=-20, gone=5)], at=0),
        state_of([Flight(departs=-20, gone=5)], at=5),
    )
    assert value(early, "origin", "EWR", "cohort_waiting_1h") == 1
    assert value(later, "origin", "EWR", "cohort_waiting_1h") == 0


def test_the_window_is_of_scheduled_times_whenever_the_flight_left():
    flights = [Flight(departs=-60, gone=-1), Flight(departs=-179, gone=-170), Flight(departs=-180, gone=-1)]
    block = state_of(flights)
    assert math.isnan(value(block, "origin", "EWR", "cohort_lateness_1h"))
    assert value(block, "origin", "EWR", "cohort_3h") == 2
    assert value(block, "origin", "EWR", "cohort_lateness_max_3h") == 59


def test_a_cancelled_flight_leaves_its_cohort_once_that_is_known():
    flights = [Flight(departs=-65, cancelled=-5), Flight(departs=-65, cancelled=10)]
    block = state_of(flights)
    assert value(block, "route", "EWR-IAH", "cohort_waiting_3h") == 1
    assert value(block, "origin", "EWR", "cohort_3h") == 1


def test_a_flight_about_to_leave_is_in_no_cohort():
    block = state_of([Flight(departs=5)])
    assert value(block, "carrier", "UA", "cohort_3h") == 0
    assert math.isnan(value(block, "carrier", "UA", "cohort_lateness_max_3h"))


@settings(max_examples=50, deadline=None)
@given(drawn_flights)
def test_every_kind_of_entity_shares_out_the_same_flights(flights):
    block = state_of(flights)
    # An airport without a place lies in no sector.
    for column, kinds in (("cohort_3h", WIDE_KINDS), ("cohort_waiting_3h", set(KINDS) - {"sector"})):
        totals = {
            kind: block.tables[kind].values[0, :, block.tables[kind].columns.index(column)].sum()
            for kind in kinds
        }
        assert len(set(totals.values())) == 1


@settings(max_examples=50, deadline=None)
@given(drawn_flights)
def test_the_short_window_is_part_of_the_long_one(flights):
    table = state_of(flights, n_ticks=3).tables["origin"]
    short, long = (table.values[:, :, table.columns.index(f"cohort_waiting_{w}")] for w in ("1h", "3h"))
    assert np.all(short <= long)


def test_an_unknown_place_is_in_no_sector_but_everywhere_else():
    block = state_of([Flight(departs=-40), Flight(dest="ZZZ", departs=-40)])
    (sector,) = block.tables["sector"].entities
    assert value(block, "sector", sector, "cohort_waiting_3h") == 1
    assert value(block, "network", "all", "cohort_3h") == 2


def test_the_network_counts_the_flights_of_every_airport():
    block = state_of([Flight(departs=-40), Flight(origin="JFK", dest="SJU", carrier="B6", departs=-20)])
    assert value(block, "network", "all", "cohort_lateness_1h") == 30
    assert value(block, "network", "all", "cohort_waiting_1h") == 2


def test_the_long_window_says_how_the_day_went():
    block = state_of([Flight(departs=-719, gone=-619), Flight(departs=-720, gone=-720)])
    assert value(block, "origin", "EWR", "cohort_lateness_12h") == 100
    assert value(block, "origin", "EWR", "cohort_late_share_12h") == 1


def test_the_excess_is_over_what_is_usual_at_the_airport_and_hour():
    # Thirty days ago to yesterday, this hour was usually 10 minutes late.
    usual = [Flight(departs=-40 - 1440 * d, gone=-30 - 1440 * d, there=200 - 1440 * d) for d in (1, 2, 3)]
    block = state_of([*usual, Flight(departs=-40)])
    assert value(block, "origin", "EWR", "cohort_lateness_3h") == 40
    assert value(block, "origin", "EWR", "cohort_excess_3h") == 30
    assert value(block, "network", "all", "cohort_excess_3h") == 30


def test_an_hour_without_a_past_is_usually_on_time():
    assert value(state_of([Flight(departs=-40)]), "origin", "EWR", "cohort_excess_3h") == 40
