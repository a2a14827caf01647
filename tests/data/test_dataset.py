import json

import pandas as pd
import pytest

import data.dataset as module
from data.dataset import Dataset, load_dataset
from data.events import events_of
from data.nycflights13 import clean
from tests.data.raw import frame, raw_flight, raw_weather


@pytest.fixture
def cleanings(monkeypatch) -> list[int]:
    """Counts how often the dataset is cleaned; a dataset of one flight."""
    calls: list[int] = []

    def one_flight() -> Dataset:
        calls.append(1)
        cleaned = clean(frame([raw_flight()]), frame([raw_weather()]))
        return Dataset(events_of(cleaned), cleaned.report.as_dict())

    monkeypatch.setattr(module, "_clean", one_flight)
    return calls


def test_the_dataset_is_cleaned_once_and_read_back_the_same(cleanings, tmp_path):
    first, second = load_dataset(tmp_path), load_dataset(tmp_path)
    assert len(cleanings) == 1
    fresh = load_dataset()
    for kept in (first, second):
        pd.testing.assert_frame_equal(kept.events.flight_events, fresh.events.flight_events)
        pd.testing.assert_frame_equal(kept.events.weather_events, fresh.events.weather_events)
        assert kept.cleaning == json.loads(json.dumps(fresh.cleaning))


def test_other_code_or_another_version_cleans_again(cleanings, tmp_path, monkeypatch):
    load_dataset(tmp_path)
    monkeypatch.setattr(module.nycflights13, "package_version", lambda: "9.9")
    load_dataset(tmp_path)
    assert len(cleanings) == 2


@pytest.mark.parametrize("name", ["flights.parquet", "weather.parquet", "cleaning.json"])
@pytest.mark.parametrize("share", [0.0, 0.5])
def test_a_kept_file_that_was_cut_short_is_made_again(cleanings, tmp_path, name, share):
    whole = load_dataset(tmp_path)
    (file,) = tmp_path.glob(f"*/{name}")
    file.write_bytes(file.read_bytes()[: int(share * file.stat().st_size)])
    pd.testing.assert_frame_equal(load_dataset(tmp_path).events.flight_events, whole.events.flight_events)
    assert len(cleanings) == 2
    assert load_dataset(tmp_path).cleaning == whole.cleaning
    assert len(cleanings) == 2


def test_a_keeping_that_was_interrupted_is_not_trusted(cleanings, tmp_path):
    load_dataset(tmp_path)
    (report,) = tmp_path.glob("*/cleaning.json")
    report.unlink()
    load_dataset(tmp_path)
    assert len(cleanings) == 2
