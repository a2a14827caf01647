import csv

from data.airports import airport_rows
from data.nycflights13 import read_table
from domain.airports import TABLE


def test_the_committed_table_is_what_the_command_makes():
    with TABLE.open(newline="") as file:
        committed = [
            (r["code"], float(r["latitude"]), float(r["longitude"]), r["zone"]) for r in csv.DictReader(file)
        ]
    assert committed == airport_rows(read_table("airports"))


def test_every_destination_of_the_dataset_is_in_the_table(dataset_events):
    codes = {row[0] for row in airport_rows(read_table("airports"))}
    assert set(dataset_events.flight_events["dest"].dropna()) <= codes
