import json
from datetime import UTC, date, datetime

import numpy as np
import pandas as pd
import pytest

from adapters.event_store import EventStore
from adapters.postgres import Database
from data import ingest as module
from data.dataset import Dataset
from data.events import DatasetEvents
from data.facts import facts_of
from data.ingest import ingest
from data.ingest_report import write_report
from domain.clock import minute_floor
from domain.errors import InvalidInput
from tests.data.stores import MemoryStore
from training.training_set import build

START, UNTIL = datetime(2013, 1, 1, tzinfo=UTC), datetime(2013, 1, 4, 5, tzinfo=UTC)


@pytest.fixture
def few_days(dataset: Dataset, monkeypatch) -> DatasetEvents:
    """The dataset cut to the flights of its first days, whatever the cache says."""
    flights, weather = dataset.events.flight_events, dataset.events.weather_events
    cut = DatasetEvents(
        flights[flights["flight_id"].str[-8:] < "20130106"],
        weather[weather["known_at"] < pd.Timestamp(UNTIL)],
    )
    monkeypatch.setattr(module, "load_dataset", lambda cache_dir: Dataset(cut, dataset.cleaning))
    return cut


def test_ingesting_twice_adds_nothing_the_second_time(few_days):
    store = MemoryStore()
    first, second = ingest(store, UNTIL), ingest(store, UNTIL)
    assert first.accepted == sum(first.events.values()) > 5_000
    assert (second.accepted, second.duplicates) == (0, first.accepted)


def test_two_ingests_that_meet_equal_one(few_days):
    middle = datetime(2013, 1, 2, 5, tzinfo=UTC)
    apart, together = MemoryStore(), MemoryStore()
    ingest(apart, middle)
    ingest(apart, UNTIL, since=middle)
    ingest(together, UNTIL)
    assert apart.keys == together.keys


def test_nothing_known_later_is_ingested(few_days):
    report = ingest(MemoryStore(), START)
    assert set(report.events) == {"scheduled", "weather"}


def test_progress_is_reported_after_each_piece(few_days, monkeypatch):
    monkeypatch.setattr(module, "CHUNK_ROWS", 1000)
    reported: list[tuple[int, int]] = []
    store = MemoryStore()
    ingest(store, UNTIL, progress=lambda done, total: reported.append((done, total)))
    assert max(store.calls) == 1000
    assert [done for done, _ in reported] == np.cumsum(store.calls).tolist()
    assert reported[-1][0] == reported[-1][1]


def test_the_report_says_what_was_done_and_why(few_days, tmp_path):
    report = ingest(MemoryStore(), UNTIL, since=START)
    write_report(tmp_path / "reports" / "ingest.json", report, [])
    written = json.loads((tmp_path / "reports" / "ingest.json").read_text())["dataset"]
    assert written["dataset"] == "nycflights13"
    assert written["cleaning"]["rows_read"]["flights"] == 336_776
    assert any("2400" in line and "midnight" in line for line in report.lines())


@pytest.mark.parametrize(
    ("since", "until", "field"),
    [
        (None, UNTIL.replace(tzinfo=None), "until"),
        (START.replace(tzinfo=None), UNTIL, "since"),
        (UNTIL, START, "since"),
    ],
)
def test_moments_that_make_no_sense_are_refused(since, until, field):
    with pytest.raises(InvalidInput, match=f"^{field}:"):
        ingest(MemoryStore(), until, since)


@pytest.mark.integration
def test_a_training_set_from_postgres_equals_one_from_the_files_to_the_bit(few_days, postgres: Database):
    store = EventStore(postgres)
    report = ingest(store, UNTIL)
    assert (report.conflicts, report.duplicates) == (0, 0)
    assert ingest(store, UNTIL).accepted == 0
    days = (date(2013, 1, 2), date(2013, 1, 3))
    stored = build(store, *days, UNTIL)
    assert len(stored) > 3_000
    assert stored.data_hash == build(Files(few_days), *days, UNTIL).data_hash


class Files:
    """The dataset's events as facts, without a database."""

    def __init__(self, events: DatasetEvents) -> None:
        self.flights, self.weather = facts_of(events)

    def facts(self, known_by: datetime, scheduled_from: datetime):
        moment = minute_floor(known_by)
        return self.flights.known_by(moment), self.weather.known_by(moment)
