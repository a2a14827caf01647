"""A whole stack of its own inside the checkout: started, taught a month of 2013, and one day replayed."""

import os
import secrets
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from adapters.championship import Championship
from adapters.clock_store import ClockStore
from adapters.deployments import ANY, Deployments
from adapters.event_store import EventStore
from adapters.label_store import LabelStore
from adapters.model_keys import ModelKeys
from adapters.model_registry import ModelRegistry
from adapters.postgres import Database
from adapters.prefect_client import PrefectClient
from adapters.settings import PROJECT_ROOT, Settings, read_settings
from adapters.waiting import retry
from data.dataset import load_dataset
from deploy.native.manager import Stack
from deploy.native.selection import PORTS_ABOVE
from domain.errors import NotReady
from flows.ingestion import ingest_dataset
from replay.client import ApiClient, api_client
from replay.driver import DayCount, Replay, morning_after
from replay.feed import Feed
from services.health import api_ready
from tests.compose_secrets import make_compose_secrets
from tests.session import free_port
from training.run import TrainingRequest, train_candidate
from training.split import SplitPolicy
from training.train import TreeParameters

PORTS = ("POSTGRES", "API", "MLFLOW", "PREFECT", "SUPERVISOR")
BEGINS = datetime(2013, 2, 1, 8, 55, tzinfo=UTC)
"""Five minutes before the first step of the day, which asks about the flights of five in the morning."""
DAY = date(2013, 2, 1)
NEXT_DAY = date(2013, 2, 2)
SMALL = TreeParameters(n_trees=30, num_leaves=7)


def unheard(text: str) -> None:
    """Say nothing."""


@dataclass
class World:
    """A running stack and the ways to it."""

    settings: Settings
    stack: Stack
    database: Database
    api: ApiClient
    prefect: PrefectClient
    feed: Feed
    replay: Replay
    first_day: DayCount

    def train(self, reason: str, seed: int) -> int:
        """Train and register a small version on January; returns its number."""
        request = TrainingRequest(
            date(2013, 1, 1), date(2013, 1, 30), ClockStore(self.database).read().now, reason,
            leads=(60,), extra_leads=0, parameters=SMALL, split=SplitPolicy(3, 21), seed=seed,
        )  # fmt: skip
        events, labels = EventStore(self.database), LabelStore(self.database)
        return train_candidate(
            events, self.registry(), ModelKeys.of_trainer(self.settings), request, label_store=labels
        ).version

    def registry(self) -> ModelRegistry:
        return ModelRegistry.of_trainer(self.settings)

    def championship(self) -> Championship:
        return Championship(self.registry(), Deployments(self.database))


@pytest.fixture(scope="package")
def own_settings(dataset_dir: Path) -> Iterator[Settings]:
    """Settings of a stack that nobody else has, in the environment as well; its state is removed afterwards."""
    state_dir = PROJECT_ROOT / "var" / f"test-{secrets.token_hex(4)}"
    shutil.copytree(dataset_dir, state_dir / "data")
    variables = {f"ONTIME_{name}_PORT": str(free_port(PORTS_ABOVE)) for name in PORTS}
    variables["ONTIME_STATE_DIR"] = str(state_dir)
    variables["ONTIME_INBOX_DIR"] = str(state_dir / "inbox")
    # `make down` and `make status` are about a Compose stack too: about none that somebody runs.
    variables["COMPOSE_PROJECT_NAME"] = f"ontime-{state_dir.name}"
    with pytest.MonkeyPatch.context() as patch:
        for name in [name for name in os.environ if name.startswith("ONTIME_")]:
            patch.delenv(name)
        for name, value in variables.items():
            patch.setenv(name, value)
        # As `make up` does: a native stack that starts later takes them.
        make_compose_secrets(state_dir / "secrets")
        yield read_settings(variables)
    shutil.rmtree(state_dir, ignore_errors=True)


@pytest.fixture(scope="package")
def world(own_settings: Settings) -> Iterator[World]:
    """The stack after its first day."""
    stack = Stack(own_settings)
    try:
        stack.start_servers(unheard)
        database = Database.from_settings(own_settings)
        try:
            yield from _live(own_settings, stack, database)
        finally:
            database.close()
    finally:
        stack.stop(unheard)


def _live(settings: Settings, stack: Stack, database: Database) -> Iterator[World]:
    ClockStore(database).set_simulated(BEGINS)
    ingest_dataset(settings, BEGINS, unheard)
    stack.start_services(unheard)
    feed, api = Feed(load_dataset(settings.state_dir / "data")), api_client(settings)
    replay = Replay(database, api, feed)
    try:
        prefect = PrefectClient(settings.prefect_address, settings.prefect_auth)
        world = World(settings, stack, database, api, prefect, feed, replay, DayCount(DAY))
        world.championship().promote(world.train("first champion", seed=1), ANY, "test", "first champion")
        retry(lambda: api_ready(settings), NotReady, seconds=60, pause=0.2)
        world.first_day = replay.replay_day(DAY)
        replay.advance(morning_after(DAY))
        yield world
    finally:
        replay.close()
