"""The inbox over a real PostgreSQL."""

import os
import subprocess
import sys
from datetime import UTC, datetime, timedelta

import pytest

from adapters.event_store import EventStore
from adapters.label_store import LabelStore
from adapters.settings import PROJECT_ROOT
from data.inbox import take_inbox, waiting
from tests.data.public_files import asos_row, bts_row, write_rows

pytestmark = pytest.mark.integration
TAKE = """
import data.ingest
from adapters.event_store import EventStore
from adapters.postgres import Database
from adapters.settings import settings
from data.inbox import Progress, take_inbox
data.ingest.CHUNK_ROWS = 30
database = Database.from_settings(settings())
class Held(Progress):
    def appended(self, done, total):
        print(done, flush=True)
        input()
take_inbox(EventStore(database), settings().inbox_dir, 0.01, Held())
"""


def test_a_process_killed_half_way_leaves_what_the_next_one_makes_whole(
    postgres, stack_environment, tmp_path
):
    inbox, store = tmp_path / "inbox", EventStore(postgres)
    inbox.mkdir()
    rows = [bts_row(Flight_Number_Reporting_Airline=str(number)) for number in range(1, 51)]
    write_rows(inbox / "flights.csv", rows)
    process = subprocess.Popen(
        [sys.executable, "-c", TAKE],
        cwd=PROJECT_ROOT,
        env=os.environ | stack_environment,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout.readline() == "30\n"
    process.kill()
    process.communicate()
    assert store.count() == 30
    assert [path.name for path in waiting(inbox)] == ["flights.csv"]
    [report] = take_inbox(store, inbox, 0.01)
    assert (report.accepted, report.duplicates, report.conflicts) == (120, 30, 0)
    assert store.count() == 150


def test_what_a_file_says_otherwise_is_a_correction_known_from_now_on(postgres, tmp_path):
    store = EventStore(postgres)
    for name, delay in (("a.csv", "5.00"), ("b.csv", "6.00")):
        write_rows(
            tmp_path / name, [bts_row(ArrDelay=delay), bts_row(Flight_Number_Reporting_Airline=delay[0])]
        )
    first, second = take_inbox(store, tmp_path, 0.01)
    assert (first.accepted, second.accepted) == (6, 4)
    assert (second.duplicates, second.conflicts) == (2, 0)
    [difference] = second.differences
    assert difference.event == "UA1545-EWR-20130411 arrived"
    assert difference.reason == "revises another event_time, delay_minutes"
    assert "UA1545-EWR-20130411 arrived" in second.line()
    label = LabelStore(postgres).current("UA1545-EWR-20130411")
    assert (label.arr_delay_minutes, label.corrected) == (6, True)
    flown = datetime(2013, 4, 12, tzinfo=UTC)
    flights, _ = store.facts(flown, flown - timedelta(days=2))
    assert flights.arr_delay.tolist() == [5, 5, 5], "what was known then stays"
    (tmp_path / "done" / "a.csv").rename(tmp_path / "again.csv")
    [again] = take_inbox(store, tmp_path, 0.01)
    assert (again.accepted, again.duplicates) == (0, 6), "an old file is no news"


@pytest.mark.parametrize("name", ["april (1).csv", "april-corrected.csv"])
def test_a_correction_named_after_its_file_is_taken_after_it(name, postgres, tmp_path):
    for file, delay in ((name, "40.00"), ("april.csv", "5.00")):
        write_rows(tmp_path / file, [bts_row(ArrDelay=delay)])
    reports = take_inbox(EventStore(postgres), tmp_path, 0.01)
    assert [report.file for report in reports] == ["april.csv", name]
    label = LabelStore(postgres).current(FLIGHT)
    assert (label.arr_delay_minutes, label.corrected) == (40, True)


CANCELLED = {"Cancelled": "1.00", "DepTime": "", "DepDelay": "", "ArrTime": "", "ArrDelay": "", "AirTime": ""}
FLIGHT = "UA1545-EWR-20130411"


def taken(store, folder, name, **changes):
    write_rows(folder / name, [bts_row(**changes)])
    [report] = take_inbox(store, folder, 0.01)
    return report


def test_a_flight_that_a_later_file_has_as_flown_is_reinstated_and_an_old_file_is_no_news(postgres, tmp_path):
    store = EventStore(postgres)
    taken(store, tmp_path, "a.csv", **CANCELLED)
    assert store.called_off([FLIGHT]) == {FLIGHT}
    report = taken(store, tmp_path, "b.csv", ArrDelay="40.00")
    assert (report.accepted, report.conflicts) == (3, 0)  # departure, arrival, reinstatement
    assert [(d.event, d.reason) for d in report.differences] == [
        (f"{FLIGHT} reinstated", "it arrived after all")
    ]
    assert store.called_off([FLIGHT]) == set()
    assert LabelStore(postgres).current(FLIGHT).arr_delay_minutes == 40
    assert taken(store, tmp_path, "c.csv", **CANCELLED).accepted == 0
    assert store.called_off([FLIGHT]) == set()


def test_a_flight_that_a_later_file_has_as_cancelled_is_listed_with_the_label_that_stays(postgres, tmp_path):
    store = EventStore(postgres)
    taken(store, tmp_path, "a.csv", ArrDelay="40.00")
    report = taken(store, tmp_path, "b.csv", **CANCELLED)
    assert [(d.event, d.reason) for d in report.differences] == [
        (f"{FLIGHT} cancelled", "stored beside its arrival, whose label stays")
    ]
    assert f"{FLIGHT} cancelled" in report.line()
    again = taken(store, tmp_path, "c.csv", ArrDelay="40.00")
    assert (again.accepted, store.called_off([FLIGHT])) == (0, {FLIGHT})
    assert [d.event for d in again.differences] == [f"{FLIGHT} arrived"]


def test_weather_is_appended_with_the_moment_it_became_known(postgres, tmp_path):
    write_rows(tmp_path / "weather.csv", [asos_row(), asos_row(valid="2013-04-11 16:54")])
    take_inbox(EventStore(postgres), tmp_path, 0.01)
    with postgres.transaction() as cursor:
        cursor.execute(
            "SELECT to_char(known_at AT TIME ZONE 'UTC', 'HH24:MI'), source FROM weather_events ORDER BY 1"
        )
        assert cursor.fetchall() == [("15:52", "asos"), ("16:55", "asos")]
