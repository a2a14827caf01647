"""What a stack needs before days can be replayed on it: a clock, the history, a champion; each where it is missing."""

from datetime import UTC, datetime

from adapters.clock_store import ClockStore
from adapters.event_store import EventStore
from adapters.model_registry import CHAMPION, ModelRegistry
from adapters.postgres import Database
from adapters.settings import Settings
from adapters.terminal import Say
from data.dataset import Dataset
from deploy.native.guard import Guard
from deploy.native.manager import Stack
from flows.first_champion import train_first
from flows.ingestion import ingest_dataset
from replay.background import Background

BEGINS = datetime(2013, 4, 1, 7, 55, tzinfo=UTC)
"""Five to four in New York: the first step of the first day asks about the flights of five."""
EARLIEST = datetime(2012, 1, 1, tzinfo=UTC)


def begin(
    settings: Settings, stack: Stack, guard: Guard, database: Database, dataset: Dataset, phase: Say
) -> None:
    """Bring a stack whose servers are up to the morning of 1 April with a champion, or leave it where it is.

    Each step is safe to repeat, so that no killed part ends it.
    """

    def detail(text: str) -> None:
        phase(f"    {text}")

    guard.persist(lambda: _begin_clock(database))
    history = dataset.events.between(EARLIEST, BEGINS)
    if guard.persist(EventStore(database).count) < len(history.flight_events):
        phase("reading January to March into the event log")
        guard.persist(lambda: ingest_dataset(settings, BEGINS, detail))
    services = Background(lambda: guard.persist(lambda: stack.start_services(phase)))
    guard.persist(stack.wait_for_mlflow)
    if guard.persist(lambda: ModelRegistry.from_settings(settings).alias(CHAMPION)) is None:
        phase("training a first champion on January to March")
        guard.persist(lambda: train_first(settings, detail))
    services.result()
    guard.persist(stack.wait_for_predictions)


def _begin_clock(database: Database) -> None:
    clock = ClockStore(database)
    if clock.read().mode == "system":
        clock.set_simulated(BEGINS)
