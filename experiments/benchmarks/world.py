"""A small world that the API serves without MLflow or Prefect: its own PostgreSQL, real flights, a full-size model.

The clock stands at a busy moment of July 2013, and the state of that moment is stored. The model has as many trees and
leaves as a retrain gives, fitted to that week: what it says is worth little, what it costs is what production's costs.
"""

import os
import secrets
import shutil
import socket
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np

from adapters import model_artifact
from adapters.api_keys import ApiKeys
from adapters.clock_store import ClockStore
from adapters.feature_store import FeatureStore
from adapters.migrations import migrate
from adapters.model_keys import ModelKeys
from adapters.postgres import Database
from adapters.postgres_admin import create_databases
from adapters.settings import PREFIX, Settings
from data.dataset import Dataset, load_dataset
from data.facts import FactsInMemory, facts_of
from deploy.native.embedded_postgres import LISTEN_ADDRESS, EmbeddedPostgres
from deploy.native.layout import environment
from deploy.secret_files import add_public_key
from domain.clock import minute_floor
from domain.features.state import compute_block
from domain.features.vectors import assemble
from domain.flights import FlightFacts, Floats, Queries, WeatherFacts
from replay.feed import Feed
from training import run
from training.split import SplitPolicy
from training.train import TreeParameters

NOW = datetime(2013, 7, 10, 14, tzinfo=UTC)
FITTED = (date(2013, 6, 12), date(2013, 7, 8))
DATABASE = "bench"
VERSION = 1
NOWHERE = "http://127.0.0.1:9"
"""The discard port: nothing listens there."""
FULL_SIZE = TreeParameters()
SPLIT = SplitPolicy(evaluation_days=3, minimum_fit_days=19)


@dataclass(frozen=True)
class World:
    """What a benchmark starts processes in, and asks them about."""

    folder: Path
    database: Database
    server: EmbeddedPostgres
    key: str
    """May predict and ingest."""
    flights: list[dict[str, Any]]
    """Bodies that ask about one flight each, from now: those of the day ahead."""
    variables: dict[str, str]
    """The environment of a process of this world."""
    mlflow_port: int
    """Where MLflow would be; nothing listens there."""
    dataset: Dataset

    @property
    def spool(self) -> Path:
        """Return where its API's workers write."""
        return self.folder / "spool"


@contextmanager
def serving_world(
    settings: Settings, folder: Path, parameters: TreeParameters = FULL_SIZE, durable: bool = False
) -> Iterator[World]:
    """Make a world in a folder, or the one that is there again; its PostgreSQL runs as long as the block.

    Parameters
    ----------
    settings : Settings
        Say where the cleaned dataset is.
    parameters : TreeParameters
        Of the model, where the folder has none yet.
    durable : bool
        Whether PostgreSQL keeps what it was given when it is killed.
    """
    if not (folder / "secrets" / "predict.key").exists():
        shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True, exist_ok=True)
    _secret(folder / "secrets" / "postgres_password")
    _secret(folder / "secrets" / "model_signing_key")
    add_public_key(folder / "secrets" / "model_signing_key", folder / "secrets" / "model_public_keys")
    dataset = load_dataset(settings.state_dir / "data")
    with EmbeddedPostgres(
        folder / "postgres", free_port(), folder / "secrets" / "postgres_password", durable=durable
    ) as server:
        is_new = not (folder / "secrets" / "predict.key").exists()
        if is_new:
            create_databases(server.parameters, [DATABASE])
        database = Database(server.parameters.to_database(DATABASE))
        try:
            if is_new:
                migrate(database)
                _fill(database, dataset, folder, parameters)
                (folder / "secrets" / "predict.key").write_text(
                    ApiKeys(database).create("bench", ["predict", "ingest", "admin"])
                )
            mlflow_port = free_port()
            yield World(
                folder,
                database,
                server,
                (folder / "secrets" / "predict.key").read_text(),
                flights_ahead(dataset, NOW),
                _variables(settings, folder, server.port, mlflow_port),
                mlflow_port,
                dataset,
            )
        finally:
            database.close()


def flights_ahead(dataset: Dataset, moment: datetime) -> list[dict[str, Any]]:
    """Return the flights of the day after a moment, as bodies of questions from now."""
    found = Feed(dataset).flights_between(moment, moment + timedelta(hours=23), timedelta(0))
    return [{name: f[name] for name in f if name != "as_of"} for batch in found for f in batch]


def vectors(world: World, flights: Sequence[Mapping[str, Any]]) -> Floats:
    """Return the vectors of questions from now, as the API assembles them, shape (n, n_features)."""
    minute = minute_floor(NOW)
    state = FeatureStore(world.database).load(minute)
    assert state is not None  # noqa: S101  made with the world
    moments = {
        name: np.array([minute_floor(datetime.fromisoformat(f[name])) for f in flights])
        for name in ("scheduled_departure", "scheduled_arrival")
    }
    queries = Queries(
        carrier=np.array([f["carrier"] for f in flights]),
        number=np.array([f["flight"] for f in flights]),
        origin=np.array([f["origin"] for f in flights]),
        dest=np.array([f["dest"] for f in flights]),
        sched_dep=moments["scheduled_departure"],
        sched_arr=moments["scheduled_arrival"],
        as_of=np.full(len(flights), minute),
    )
    return assemble(queries, state, np.full(len(flights), state.first_tick))


def free_port() -> int:
    """Return a loopback port that is free now."""
    with socket.socket() as probe:
        probe.bind((LISTEN_ADDRESS, 0))
        return int(probe.getsockname()[1])


def _secret(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    if not path.exists():
        path.write_text(secrets.token_urlsafe(32))


def _fill(database: Database, dataset: Dataset, folder: Path, parameters: TreeParameters) -> None:
    flights, weather = facts_of(dataset.events)
    ClockStore(database).set_simulated(NOW)
    save_state(database, flights, weather)
    request = run.TrainingRequest(
        *FITTED, NOW, "bench", leads=(60,), extra_leads=0, parameters=parameters, split=SPLIT
    )
    keys = ModelKeys.of((folder / "secrets" / "model_signing_key").read_text())
    made = run.make_model(FactsInMemory(flights, weather), request)
    made.write(folder / "models" / str(VERSION), keys)
    model_artifact.verify(folder / "models" / str(VERSION), keys)
    (folder / "models" / "last_served").write_text(str(VERSION))


def save_state(database: Database, flights: FlightFacts, weather: WeatherFacts) -> None:
    """Store the state of now."""
    minute = minute_floor(NOW)
    FeatureStore(database).seal(minute)
    FeatureStore(database).save(compute_block(flights.known_by(minute), weather.known_by(minute), minute, 1))


def _variables(settings: Settings, folder: Path, postgres_port: int, mlflow_port: int) -> dict[str, str]:
    own = {
        "state_dir": folder,
        "postgres_port": postgres_port,
        "postgres_host": LISTEN_ADDRESS,
        "postgres_user": "ontime",
        "postgres_database": DATABASE,
        "mlflow_url": f"http://{LISTEN_ADDRESS}:{mlflow_port}",
        "prefect_url": NOWHERE,
        "log_level": "ERROR",
    }
    kept = {name: value for name, value in environment(settings).items() if not name.startswith(PREFIX)}
    return {
        **kept,
        "PATH": os.environ["PATH"],
        **{f"{PREFIX}{name.upper()}": str(value) for name, value in own.items()},
    }
