from pathlib import Path

import pytest

from data.dataset import Dataset, load_dataset
from data.events import DatasetEvents
from tests.data.stores import MemoryStore


@pytest.fixture(scope="session")
def dataset(dataset_dir) -> Dataset:
    """The whole dataset, cleaned once for the session."""
    return load_dataset(dataset_dir)


@pytest.fixture(scope="session")
def dataset_events(dataset: Dataset) -> DatasetEvents:
    return dataset.events


@pytest.fixture
def inbox(tmp_path) -> Path:
    folder = tmp_path / "inbox"
    folder.mkdir()
    return folder


@pytest.fixture
def store() -> MemoryStore:
    return MemoryStore()
