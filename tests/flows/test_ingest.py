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
    told = json.loads((inbox / "rejected" / "bad.csv.report.json").read_text())
    assert told["errors"] == [
        {"row": 3, "column": "DepDelay", "reason": "expected a whole number", "value": "soon"}
    ]


def test_an_inbox_that_nobody_made_is_empty(stack):
    assert ingest() == 0
