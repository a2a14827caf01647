import json

import pytest

from flows.ingest import ingest
from tests.data.public_files import asos_row, bts_row, write_rows

pytestmark = pytest.mark.integration


@pytest.fixture
def inbox(stack):
    folder = stack.settings.inbox_dir
    folder.mkdir(parents=True)
    return folder


def test_the_flow_takes_what_is_in_the_inbox_once(stack, inbox):
    for _ in range(2):
        write_rows(inbox / "flights.csv", [bts_row()])
        write_rows(inbox / "weather.csv", [asos_row()])
        taken = ingest()
        assert stack.events.count() == 3
        assert sorted(path.name for path in inbox.glob("*.csv")) == []
    assert taken == 0


def test_a_bad_file_is_set_aside_and_the_good_one_counts(stack, inbox):
    write_rows(inbox / "bad.csv", [bts_row(), bts_row(Flight_Number_Reporting_Airline="2", DepDelay="soon")])
    write_rows(inbox / "good.csv", [bts_row()])
    assert ingest() == 3
    written = json.loads((inbox / "rejected" / "bad.csv.report.json").read_text())
    assert written["errors"] == [
        {"row": 3, "column": "DepDelay", "reason": "expected a whole number", "value": "soon"}
    ]


def test_rows_that_were_set_aside_are_reported_until_a_file_is_whole(stack, inbox):
    rows = [bts_row(Flight_Number_Reporting_Airline=str(number)) for number in range(1, 151)]
    write_rows(inbox / "april.csv", [*rows, bts_row(Flight_Number_Reporting_Airline="901", DepDelay="soon")])
    assert ingest() == 450
    day = stack.clock.read().now.date()
    [alert] = stack.monitoring.alerts(day, day, open_only=True)
    assert (alert.rule, alert.severity) == ("files were rejected", "warning")
    assert alert.message.endswith("docs/runbook.md#files-were-rejected")
    assert "1 rows set aside in rejected/april.csv.rows.csv: line 152, DepDelay" in alert.message
    aside = inbox / "rejected" / "april.csv.rows.csv"
    (inbox / "mended.csv").write_text(aside.read_text().replace("1110,soon", "1110,10.00"))
    assert ingest() == 3
    assert stack.monitoring.alerts(day, day, open_only=True) == []


def test_an_inbox_that_nobody_made_is_empty(stack):
    assert ingest() == 0
