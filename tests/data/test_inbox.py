import json
import os
import zipfile
from pathlib import Path

import pandas as pd
import pytest

from data.dataset import Dataset
from data.inbox import DONE, REJECTED, Progress, take_inbox, waiting
from data.nycflights13 import read_table
from tests.data.public_files import PREZIP, SELECTED, asos_row, bts_row, write_asos, write_bts, write_rows

MONTH = 11
"""November: a change of clocks, and midnights."""


@pytest.fixture(scope="module")
def month(dataset: Dataset) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The raw flights and weather of one month."""
    flights, weather = read_table("flights"), read_table("weather")
    # The one reading that the cleaning takes for a fault is in no month's file.
    return flights[flights["month"] == MONTH], weather[weather["month"] == MONTH]


def same_events(one: pd.DataFrame, other: pd.DataFrame, keys: list[str]) -> None:
    columns = [name for name in other.columns if name != "source"]
    frames = [frame[columns].sort_values(keys, ignore_index=True) for frame in (one, other)]
    pd.testing.assert_frame_equal(*frames, check_dtype=False)


@pytest.mark.parametrize("names", [PREZIP, SELECTED], ids=["prezipped", "selected"])
def test_a_month_in_the_public_format_gives_the_datasets_own_events(names, month, dataset, inbox, store):
    write_bts(inbox / "flights.csv", month[0], names)
    write_asos(inbox / "weather.csv", month[1])
    flights, weather = take_inbox(store, inbox, 0.01)
    assert (flights.status, flights.format, flights.conflicts) == ("done", "bts", 0), flights
    assert (weather.status, weather.format) == ("done", "asos"), weather
    events = dataset.events
    own = events.flight_events[events.flight_events["flight_id"].str[-8:-2] == f"2013{MONTH}"]
    same_events(store.frame("flight_events"), own, ["flight_id", "kind"])
    hours = set(pd.to_datetime(month[1]["time_hour"], utc=True))
    own = events.weather_events[events.weather_events["observed_at"].isin(hours)]
    same_events(store.frame("weather_events"), own, ["airport", "observed_at"])


def test_the_same_file_again_and_rows_that_overlap_add_nothing(inbox, store):
    rows = [bts_row(Flight_Number_Reporting_Airline=str(number)) for number in range(1, 6)]
    for name, some in (("a.csv", rows[:3]), ("b.csv", rows[:3]), ("c.csv", rows)):
        write_rows(inbox / name, some)
    first, again, overlapping = take_inbox(store, inbox, 0.01)
    assert (first.accepted, first.duplicates) == (9, 0)
    assert (again.accepted, again.duplicates) == (0, 9)
    assert (overlapping.accepted, overlapping.duplicates) == (6, 9)
    assert {path.name for path in (inbox / DONE).glob("*.csv")} == {"a.csv", "b.csv", "c.csv"}
    assert waiting(inbox) == []


def test_two_files_of_one_name_are_both_kept(inbox, store):
    for number in ("1", "2"):
        write_rows(inbox / "a.csv", [bts_row(Flight_Number_Reporting_Airline=number)])
        take_inbox(store, inbox, 0.01)
    assert len(list((inbox / DONE).glob("a*.csv"))) == 2
    assert len(list((inbox / DONE).glob("a*.report.json"))) == 2


BAD_FLIGHTS = {
    "FlightDate": ["2013-02-30", "yesterday", ""],
    "Reporting_Airline": ["UAL", ""],
    "Flight_Number_Reporting_Airline": ["0", "x1", "12345", "1e19", ""],
    "Origin": ["EW", "ewr", ""],
    "Dest": ["EWR", "1AH"],
    "CRSDepTime": ["2401", "1160", "-5", "M", ""],
    "CRSArrTime": ["12:00", "1010"],
    "DepDelay": ["10.5", "late", "99999", "inf", "1e19"],
    "ArrDelay": ["-inf", "-900"],
    "AirTime": ["2", "5000"],
    "Cancelled": ["2", "yes", "", "1.00"],
    "Diverted": ["", "1.00"],
}


@pytest.mark.parametrize(("column", "value"), [(c, v) for c, values in BAD_FLIGHTS.items() for v in values])
def test_a_bad_flight_rejects_its_file_and_names_the_place(column, value, inbox, store):
    write_rows(inbox / "bad.csv", [bts_row(), bts_row(Flight_Number_Reporting_Airline="7") | {column: value}])
    [report] = take_inbox(store, inbox, 0.01)
    assert report.status == "rejected"
    assert store.calls == []
    [written] = (inbox / REJECTED).glob("*.report.json")
    kept = json.loads(written.read_text())
    assert (inbox / REJECTED / "bad.csv").exists()
    assert {error["row"] for error in kept["errors"]} == {3}
    named = {error["column"] for error in kept["errors"]}
    assert column in named or named <= {"row", "ArrDelay", "DepDelay"}
    assert all(error["reason"] for error in kept["errors"])


@pytest.mark.parametrize(
    ("column", "value"),
    [("valid", "2013-04-11"), ("valid", "2013-13-11 10:00"), ("station", "Newark"), ("tmpf", "warm")],
)  # fmt: skip
def test_a_bad_observation_rejects_its_file_and_names_the_place(column, value, inbox, store):
    write_rows(inbox / "bad.csv", [asos_row(), asos_row(valid="2013-04-11 16:51") | {column: value}])
    [report] = take_inbox(store, inbox, 0.01)
    assert report.status == "rejected"
    assert store.calls == []
    assert {(error["row"], error["column"]) for error in report.errors} == {(3, column)}


def test_a_file_that_is_no_table_is_set_aside_with_a_reason(inbox, store):
    (inbox / "empty.csv").write_text("")
    (inbox / "binary.csv").write_bytes(b"\xff\xfe\x00\x01")
    (inbox / "notes.txt").write_text("hello\nworld\n")
    write_rows(inbox / "no_rows.csv", [bts_row()]).write_text(",".join(bts_row()) + "\n")
    write_rows(inbox / "lacking.csv", [{"FlightDate": "2013-04-11", "CRSDepTime": "1100"}])
    reports = take_inbox(store, inbox, 0.01)
    assert {report.status for report in reports} == {"rejected"}
    assert len(reports) == 5
    assert all(report.errors[0]["reason"] for report in reports)
    assert store.calls == []


def test_a_file_that_breaks_its_reader_holds_up_no_other(inbox, store, monkeypatch):
    def break_down(*parts):
        raise KeyError("a bug")

    monkeypatch.setattr("data.asos.read_weather", break_down)
    write_rows(inbox / "a.csv", [asos_row()])
    write_rows(inbox / "b.csv", [bts_row()])
    weather, flights = take_inbox(store, inbox, 0.01)
    assert (weather.status, flights.status) == ("rejected", "done")
    assert "KeyError" in weather.errors[0]["reason"]


def test_a_row_with_more_fields_than_the_header_rejects_the_file(inbox, store):
    path = write_rows(inbox / "a.csv", [asos_row()])
    path.write_text(path.read_text() + ",".join([*asos_row().values(), "more", "and more"]) + "\n")
    [report] = take_inbox(store, inbox, 0.01)
    assert report.status == "rejected"


def test_a_zip_of_one_table_is_read(inbox, store, tmp_path):
    table = write_rows(tmp_path / "flights.csv", [bts_row()])
    with zipfile.ZipFile(inbox / "on_time.zip", "w") as archive:
        archive.write(table, "flights.csv")
        archive.writestr("readme.html", "<p>about</p>")
    [report] = take_inbox(store, inbox, 0.01)
    assert (report.status, report.accepted) == ("done", 3)


def test_what_is_still_being_written_waits(inbox, store):
    write_rows(inbox / "a.csv.part", [bts_row()])
    write_rows(inbox / ".a.csv", [bts_row()])
    assert take_inbox(store, inbox, 0.01) == []


class Meanwhile(Progress):
    """Has another file of the same name put in place of the one that is being appended."""

    def __init__(self, other: Path, place: Path):
        self.other, self.place = other, place

    def appended(self, done: int, total: int) -> None:
        if self.other.exists():
            self.other.replace(self.place)


def test_a_file_put_in_place_of_the_one_being_appended_waits_and_is_taken_next(inbox, store, tmp_path):
    path = write_rows(inbox / "a.csv", [bts_row()])
    before = path.stat()
    other = write_rows(tmp_path / "other.csv", [bts_row(Flight_Number_Reporting_Airline="1546")])
    # Size and time alone do not show that it is another.
    os.utime(other, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert other.stat().st_size == before.st_size
    assert take_inbox(store, inbox, 0.01, Meanwhile(other, path)) == []
    assert waiting(inbox) == [path]
    [report] = take_inbox(store, inbox, 0.01)
    assert (report.status, report.accepted, len(store.keys)) == ("done", 3, 6)


class Removing(Progress):
    """Has a file removed when another, or it itself, begins to be read."""

    def __init__(self, when: str, gone: Path):
        self.when, self.gone = when, gone

    def begins(self, file: Path) -> None:
        if file.name == self.when:
            self.gone.unlink()


@pytest.mark.parametrize("when", ["a.csv", "b.csv"])
def test_a_file_that_is_taken_away_holds_up_no_other(when, inbox, store):
    for name in ("a.csv", "b.csv", "c.csv"):
        write_rows(inbox / name, [bts_row()])
    reports = take_inbox(store, inbox, 0.01, Removing(when, inbox / "b.csv"))
    assert [(report.file, report.status) for report in reports] == [("a.csv", "done"), ("c.csv", "done")]


def test_a_file_that_is_taken_away_while_it_is_appended_has_no_report(inbox, store, tmp_path):
    path = write_rows(inbox / "a.csv", [bts_row()])
    assert take_inbox(store, inbox, 0.01, Meanwhile(path, tmp_path / "elsewhere.csv")) == []
    assert list((inbox / DONE).iterdir()) == []


def test_a_death_between_appending_and_moving_leaves_a_whole(inbox, store, monkeypatch):
    rows = [bts_row(Flight_Number_Reporting_Airline=str(number)) for number in range(1, 50)]
    write_rows(inbox / "a.csv", rows)
    monkeypatch.setattr("data.ingest.CHUNK_ROWS", 40)
    store.dies_after = 2
    with pytest.raises(KeyboardInterrupt):
        take_inbox(store, inbox, 0.01)
    assert [path.name for path in waiting(inbox)] == ["a.csv"]
    store.dies_after = None
    [report] = take_inbox(store, inbox, 0.01)
    assert (report.accepted, report.duplicates) == (147 - 80, 80)
    assert len(store.keys) == 147


def test_a_flight_twice_with_another_outcome_is_a_contradiction(inbox, store):
    write_rows(inbox / "a.csv", [bts_row(), bts_row(), bts_row(ArrDelay="6.00")])
    [report] = take_inbox(store, inbox, 0.01)
    assert report.status == "rejected"
    assert "another outcome" in report.errors[0]["reason"]
    write_rows(inbox / "a.csv", [bts_row(), bts_row()])
    [report] = take_inbox(store, inbox, 0.01)
    assert (report.status, report.accepted) == ("done", 3)


def test_a_flight_cancelled_after_it_left_the_gate_is_not_known_to_be_earlier(inbox, store):
    row = bts_row(Cancelled="1.00", ArrDelay="", AirTime="", DepDelay="90.00")
    write_rows(inbox / "a.csv", [row])
    take_inbox(store, inbox, 0.01)
    events = store.frame("flight_events").set_index("kind")
    assert set(events.index) == {"scheduled", "departed", "cancelled"}
    left = events.loc["departed", "known_at"]
    assert events.loc["cancelled", "known_at"] == left + pd.Timedelta(minutes=60)


def test_of_several_reports_of_an_hour_the_routine_one_counts(inbox, store):
    rows = [
        asos_row(valid="2013-04-11 15:48", tmpf="40.0", mslp="M"),
        asos_row(valid="2013-04-11 15:53", tmpf="41.0", station="KEWR"),
        asos_row(valid="2013-04-11 15:51", tmpf="42.0", mslp="M"),
    ]
    write_rows(inbox / "a.csv", rows)
    take_inbox(store, inbox, 0.01)
    [event] = store.frame("weather_events").to_dict("records")
    assert (event["temp_f"], event["airport"]) == (41.0, "EWR")
    assert event["observed_at"] == pd.Timestamp("2013-04-11T15:00Z")
    assert event["known_at"] == pd.Timestamp("2013-04-11T15:54Z")


def test_flights_of_unknown_airports_are_left_out_and_counted(inbox, store):
    write_rows(inbox / "a.csv", [bts_row(), bts_row(Flight_Number_Reporting_Airline="2", Dest="XXX")])
    [report] = take_inbox(store, inbox, 0.01)
    assert report.accepted == 3
    assert [f["rows"] for f in report.cleaning["findings"] if "missing from the table" in f["what"]] == [1]
