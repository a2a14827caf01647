import csv
from datetime import UTC, datetime

from data.airports import LACKING, airport_rows
from data.nycflights13 import read_table
from domain.airports import AIRPORTS, TABLE, zone_offsets
from domain.clock import minute_floor


def test_the_committed_table_is_what_the_command_makes():
    with TABLE.open(newline="") as file:
        committed = [
            (r["code"], float(r["latitude"]), float(r["longitude"]), r["zone"]) for r in csv.DictReader(file)
        ]
    assert committed == airport_rows(read_table("flights"), read_table("airports"))


def changes(zone: str, year: int) -> list[tuple[int, int]]:
    """A zone's changes of offset in a year."""
    first, last = (minute_floor(datetime(y, 1, 1, tzinfo=UTC)) for y in (year, year + 1))
    table = zone_offsets(zone)
    pairs = zip(table.since.tolist(), table.minutes.tolist()[1:], strict=True)
    return [(minute, offset) for minute, offset in pairs if first <= minute < last]


def test_the_datasets_airports_are_where_the_dataset_has_them_and_keep_its_time():
    flights, airports = read_table("flights"), read_table("airports").set_index("faa")
    codes = {*flights["origin"], *flights["dest"]}
    assert len(codes) == 107
    for code in codes - LACKING.keys():
        place = airports.loc[code]
        own = AIRPORTS[code]
        assert (own.latitude, own.longitude) == (round(float(place["lat"]), 4), round(float(place["lon"]), 4))
        assert changes(own.zone, 2013) == changes(place["tzone"], 2013), code
    assert all(AIRPORTS[code][:2] == place for code, place in LACKING.items())
