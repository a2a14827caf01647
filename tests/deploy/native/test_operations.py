"""The commands of operations that train, on a native stack of their own and on Dask; minutes long.

`make test-stack` runs them, though they need no engine: `make test` has a smaller stack in tests/e2e.
"""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pandas as pd
import pytest

from deploy.native.processes import of_stack
from tests.documented import documented
from tests.session import free_port, settings_of_a_new_stack, without_settings

pytestmark = [pytest.mark.stack, pytest.mark.long, pytest.mark.timeout(2400)]
ONE_OF = 25
"""So many flights of the dataset are trained on where it is not about the model."""


@pytest.fixture
def environment(tmp_path: Path) -> Iterator[dict[str, str]]:
    """Of a user whose stack nobody else has."""
    own = without_settings() | settings_of_a_new_stack(tmp_path)
    own["ONTIME_DASK_SCHEDULER"] = f"tcp://127.0.0.1:{free_port()}"
    yield own
    documented("make dask-down").run(own)
    documented("make down").run(own)
    assert of_stack(tmp_path / "state") == []


def test_a_new_stack_is_given_its_data_a_champion_and_a_retrain_and_goes_to_dask(
    environment: dict[str, str], dataset_dir: Path, tmp_path: Path
):
    shutil.copytree(dataset_dir, tmp_path / "state" / "data")
    documented("make local").run(environment)
    documented(".venv/bin/ontime clock").run(environment, "--at", "2013-04-01T12:00:00")
    assert "events" in documented(".venv/bin/ontime ingest --dataset").run(environment).stdout
    assert "version 1 serves" in documented("make train-first").run(environment).stdout
    assert "flow retrain finished" in documented("make retrain").run(environment).stdout

    documented("make down").run(environment)
    documented("make dask-up WORKERS=2").run(environment)
    assert "every part of the stack answers" in documented("make local ENGINE=dask").run(environment).stdout
    assert "flow retrain finished" in documented("make retrain").run(environment).stdout
    log = tmp_path / "state" / "log" / "prefect-worker.log"
    assert "no Dask scheduler answers" not in log.read_text()
    documented("make dask-down").run(environment)
    refused = documented("make retrain").run(environment, check=False)
    assert refused.returncode != 0, "it did not ask the workers, which are gone"


@pytest.fixture
def few_flights(dataset_dir: Path, tmp_path: Path) -> Path:
    """The dataset's year with one of so many of its flights."""
    folder = tmp_path / "state" / "data"
    shutil.copytree(dataset_dir, folder)
    (file,) = folder.glob("*/flights.parquet")
    events = pd.read_parquet(file)
    kept = pd.util.hash_array(events["flight_id"].to_numpy(dtype=object)) % ONE_OF == 0
    events[kept].reset_index(drop=True).to_parquet(file)
    return folder


@pytest.mark.usefixtures("few_flights")
def test_training_sets_trees_and_trials_are_computed_by_workers(environment: dict[str, str], tmp_path: Path):
    study = tmp_path / "state" / "study"
    documented("make dask-up WORKERS=2").run(environment)
    alone = documented("make train ENGINE=dask").run(environment).stdout
    assert "AUC " in alone
    model = (study / "model" / "model.txt").read_text()
    together = documented("make train ENGINE=dask FIT_ENGINE=dask").run(environment).stdout
    assert together.splitlines()[-1] != alone.splitlines()[-1]
    assert (study / "model" / "model.txt").read_text() != model
    said = documented("make tune ENGINE=dask BUDGET=600", {"600": "5"}).run(environment).stdout
    assert "at best (trial" in said
    documented("make dask-down").run(environment)
    assert documented("make train ENGINE=dask").run(environment, check=False).returncode != 0
