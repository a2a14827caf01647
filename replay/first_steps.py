"""What a stack needs before days can be replayed on it: a clock, the history, a champion; each where it is missing."""

from datetime import UTC, datetime, timedelta

from adapters.clock_store import ClockStore
from adapters.event_store import EventStore
from adapters.model_registry import CHAMPION, ModelRegistry
from adapters.postgres import Database
from adapters.settings import Settings, settings
from adapters.terminal import Say
from data.dataset import Dataset
from data.site import Site, site_of
from deploy.native.guard import Guard
from deploy.native.manager import Stack
from domain.airports import instant
from flows.first_champion import train_first
from flows.ingestion import ingest_dataset
from replay.background import Background

FIRST_HOUR = 4
BEFORE = timedelta(minutes=5)
EARLIEST = datetime(1987, 1, 1, tzinfo=UTC)


def begins_at(site: Site) -> datetime:
    """Return five to four at home on the first day: the first step of the day asks about the flights of five.

    Examples
    --------
    >>> begins_at(NEW_YORK).isoformat()
    '2013-04-01T07:55:00+00:00'
    """
    return instant(settings().home_airport, site.replay_from, FIRST_HOUR) - BEFORE


def begin(
    settings: Settings, stack: Stack, guard: Guard, database: Database, dataset: Dataset, phase: Say
) -> None:
    """Bring a stack whose servers are up to the site's first morning with a champion, or leave it where it is.

    Each step is safe to repeat, so that no killed part ends it.
    """

    def detail(text: str) -> None:
        phase(f"    {text}")

    site = site_of(settings.state_dir / "data")
    begins, fitted = (
        begins_at(site),
        f"{site.first_day:%d %B} to {site.replay_from - timedelta(days=1):%d %B}",
    )
    guard.persist(lambda: _begin_clock(database, begins))
    history = dataset.events.between(EARLIEST, begins)
    if guard.persist(EventStore(database).count) < len(history.flight_events):
        phase(f"reading {fitted} into the event log")
        guard.persist(lambda: ingest_dataset(settings, begins, detail))
    services = Background(lambda: guard.persist(lambda: stack.start_services(phase)))
    guard.persist(stack.wait_for_mlflow)
    if guard.persist(lambda: ModelRegistry.from_settings(settings).alias(CHAMPION)) is None:
        phase(f"training a first champion on {fitted}")
        guard.persist(lambda: train_first(settings, detail))
    services.result()
    guard.persist(stack.wait_for_predictions)


def _begin_clock(database: Database, begins: datetime) -> None:
    clock = ClockStore(database)
    if clock.read().mode == "system":
        clock.set_simulated(begins)
