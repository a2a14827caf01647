from hypothesis import given, settings

from domain.features.entities import group_by_hour, group_flights, sector
from tests.domain.worlds import Flight, drawn_flights, flight_facts


def test_neighbouring_origins_share_the_sky_to_one_destination():
    assert sector("JFK", "LAX") == sector("EWR", "LAX") == sector("LGA", "SFO")


def test_opposite_and_farther_destinations_lie_in_other_sectors():
    assert len({sector("JFK", dest) for dest in ("LAX", "BOS", "MIA", "ORD", "DCA")}) == 5


def test_an_airport_whose_place_is_unknown_lies_in_no_sector():
    assert sector("JFK", "ZZZ") == ""
    groups = group_flights(flight_facts([Flight(dest="ZZZ")]))["sector"]
    assert groups.names == ()
    assert groups.code.tolist() == [-1]


@settings(max_examples=50, deadline=None)
@given(drawn_flights)
def test_each_flight_is_found_under_the_name_its_own_codes_give(flights):
    facts = flight_facts(flights)
    groups = group_flights(facts)
    rows = sorted(flights, key=lambda f: f.departs)
    expected = {
        "origin": [f.origin for f in rows],
        "origin_carrier": [f"{f.origin}-{f.carrier}" for f in rows],
        "carrier": [f.carrier for f in rows],
        "dest": [f.dest for f in rows],
        "route": [f"{f.origin}-{f.dest}" for f in rows],
    }
    for kind, names in expected.items():
        assert [groups[kind].names[c] for c in groups[kind].code] == names


def test_an_origin_without_a_zone_has_an_hour_of_its_own():
    assert group_by_hour(flight_facts([Flight(origin="ZZZ")])).names == ("ZZZ@24",)
