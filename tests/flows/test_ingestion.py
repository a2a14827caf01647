from datetime import UTC, datetime

import pytest

from adapters.event_store import EventStore
from flows.ingestion import ingest_dataset
from tests.data.public_files import bts_row, write_rows


@pytest.mark.integration
def test_the_command_reads_the_dataset_and_the_inbox(postgres, stack_settings):
    inbox = stack_settings.inbox_dir
    inbox.mkdir(parents=True)
    write_rows(inbox / "good.csv", [bts_row(Origin="DEN", Dest="SEA")])
    write_rows(inbox / "bad.csv", [bts_row(CRSDepTime="2500")])
    said: list[str] = []
    # A few days of schedules: what was known so early.
    ingest_dataset(stack_settings, datetime(2012, 12, 2, 12, tzinfo=UTC), said.append)
    assert any(line.startswith("good.csv: bts: ") and "3 accepted" in line for line in said)
    assert any(line.startswith("bad.csv: rejected: line 2, CRSDepTime") for line in said)
    assert EventStore(postgres).count() > 3
    assert (inbox / "done" / "good.csv").exists()
