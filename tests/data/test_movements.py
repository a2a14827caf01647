"""The example of a reader of other data: docs/other-data.md."""

from collections import Counter
from pathlib import Path

import pandas as pd
import pytest

from adapters.settings import PROJECT_ROOT
from data import movements
from data.inbox import take_inbox

HEADER = (
    "carrier,flight,leg,origin,dest,scheduled_departure,scheduled_arrival,actual_departure,actual_arrival,"
    "air_time,cancelled"
)
ROW = "LH,400,,FRA,JFK,2024-03-01T09:55Z,2024-03-01T18:35Z,2024-03-01T10:07Z,2024-03-01T18:21Z,489,0"


def write(path: Path, *rows: str) -> Path:
    path.write_text("\n".join([HEADER, *rows]) + "\n")
    return path


def test_a_table_of_movements_becomes_events(store, inbox):
    cancelled = "LH,402,,FRA,EWR,2024-03-01T16:10Z,2024-03-02T01:15Z,,,,1"
    write(inbox / "march.csv", ROW, cancelled)
    [report] = take_inbox(store, inbox, 0.01)
    assert (report.status, report.format, report.accepted) == ("done", "movements", 5), report
    events = store.frame("flight_events").set_index("kind")
    assert events.loc["arrived", "flight_id"] == "LH400-FRA-20240301"
    assert events.loc["departed", "delay_minutes"] == 12
    assert (events.loc["arrived", "delay_minutes"], events.loc["arrived", "air_time_minutes"]) == (-14, 489)
    assert events.loc["arrived", "known_at"] == pd.Timestamp("2024-03-01T18:21Z")
    assert events.loc["cancelled", "flight_id"] == "LH402-FRA-20240301"


def test_the_date_of_a_flight_is_that_of_its_airports_clocks(store, inbox):
    evening = ROW.replace("T09:55Z", "T23:30Z").replace("03-01T18:35", "03-02T08:10").replace(
        "T10:07Z", "T23:31Z").replace("03-01T18:21", "03-02T08:09")  # fmt: skip
    write(inbox / "a.csv", evening, evening.replace("LH,400,,", "LH,400,2,"))
    take_inbox(store, inbox, 0.01)
    assert set(store.frame("flight_events")["flight_id"]) == {"LH400-FRA-20240302", "LH400-FRA-2-20240302"}


def test_a_row_that_does_not_fit_is_set_aside_with_its_reason(store, inbox):
    good = [ROW.replace("LH,400", f"LH,{n}") for n in range(1, 20)]
    bad = (
        ROW.replace("2024-03-01T09:55Z", "01.03.2024 9:55"),
        ROW.replace("FRA", "QQQ"),
        ROW.replace("LH", "DLH"),
    )
    write(inbox / "a.csv", *good, *bad)
    [report] = take_inbox(store, inbox, 0.2)
    assert (report.status, report.rows_set_aside, report.accepted) == ("done", 3, 3 * 19)
    rows = (inbox / "rejected" / "a.csv.rows.csv").read_text()
    for reason in ("like 2024-03-01T14:05Z", "no airport of the table", "expected two letters or digits"):
        assert reason in rows


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"2024-": "2084-"}, "expected a year from 1987 to 2050"),
        ({",489,0": ",489,1"}, "a cancelled flight has no arrival"),
        ({",489,0": ",489,2"}, "expected 0 or 1"),
        ({",489,0": ",1e19,0"}, "expected a whole number"),
        ({"18:21Z,489": "10:07Z,"}, "a flight arrives after it departs"),
    ],
    ids=str,
)
def test_what_no_flight_is_is_set_aside_with_its_reason(changes, reason, store, inbox):
    bad = ROW
    for old, new in changes.items():
        bad = bad.replace(old, new)
    write(inbox / "a.csv", *[ROW.replace("LH,400", f"LH,{n}") for n in range(1, 20)], bad)
    [report] = take_inbox(store, inbox, 0.2)
    assert (report.status, report.rows_set_aside, report.accepted) == ("done", 1, 3 * 19)
    assert reason in (inbox / "rejected" / "a.csv.rows.csv").read_text()


def test_flags_may_be_words_in_any_case(store, inbox):
    never = "LH,402,,FRA,EWR,2024-03-01T16:10Z,2024-03-02T01:15Z,,,,TRUE"
    rows = [ROW.removesuffix("0") + "False", never, never.replace("402", "403").replace("TRUE", "true")]
    write(inbox / "a.csv", *rows)
    [report] = take_inbox(store, inbox, 0.01)
    assert (report.status, report.rows_set_aside) == ("done", 0), report
    assert Counter(store.frame("flight_events")["kind"])["cancelled"] == 2


def test_a_row_that_stands_there_twice_is_one_flight(store, inbox):
    write(inbox / "a.csv", ROW, ROW)
    [report] = take_inbox(store, inbox, 0.01)
    assert (report.status, report.rows_set_aside, report.accepted) == ("done", 0, 3)
    assert any(f["what"] == "repeated rows" and f["rows"] == 1 for f in report.cleaning["findings"])


def test_a_flight_under_way_when_the_table_was_written_is_not_diverted_yet(store, inbox):
    under_way = "LH,404,,FRA,JFK,2024-03-01T10:00Z,2024-03-01T18:40Z,2024-03-01T10:10Z,,,0"
    overdue = "LH,406,,FRA,MUC,2024-03-01T10:00Z,2024-03-01T11:00Z,2024-03-01T10:10Z,,,0"
    write(inbox / "a.csv", ROW, under_way, overdue)
    take_inbox(store, inbox, 0.01)
    events = store.frame("flight_events").set_index("flight_id")["kind"]
    assert sorted(events["LH404-FRA-20240301"]) == ["departed", "scheduled"]
    assert sorted(events["LH406-FRA-20240301"]) == ["departed", "diverted", "scheduled"]


def test_a_row_that_does_not_fit_says_nothing_of_when_the_table_was_written(store, inbox):
    under_way = "LH,404,,FRA,JFK,2024-03-01T10:00Z,2024-03-01T18:40Z,2024-03-01T10:10Z,,,0"
    days_late = ROW.replace("LH,400", "LH,408").replace("03-01T18:21Z", "03-11T18:21Z")
    good = [ROW.replace("LH,400", f"LH,{n}") for n in range(1, 20)]
    write(inbox / "a.csv", *good, under_way, days_late)
    [report] = take_inbox(store, inbox, 0.2)
    assert (report.status, report.rows_set_aside) == ("done", 1)
    events = store.frame("flight_events").set_index("flight_id")["kind"]
    assert sorted(events["LH404-FRA-20240301"]) == ["departed", "scheduled"]


def test_the_example_of_the_page_is_the_reader_and_is_short():
    page = (PROJECT_ROOT / "docs" / "other-data.md").read_text()
    code = [line for line in Path(movements.__file__).read_text().splitlines() if line.strip()]
    assert "data/movements.py" in page
    assert HEADER in page
    assert ROW in page
    assert len(code) <= 95
