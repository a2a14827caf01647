"""Exit 0 when a service without a port does its work: `service_health.py shipper|features|watchman`."""

import logging
import sys
import time

from adapters.clock_store import ClockStore
from adapters.event_store import EventStore
from adapters.feature_store import FeatureStore
from adapters.postgres import Database
from adapters.prediction_log import PredictionLog
from adapters.settings import settings
from adapters.spool import SpoolReader
from domain.clock import minute_floor
from domain.errors import OntimeError
from domain.features.grid import GRID_MINUTES, tick_of

logger = logging.getLogger(__name__)

# A second of full load is about 4 MB of spool.
SPOOL_BYTES_BEHIND = 64 * 1024 * 1024
TICKS_BEHIND = 2


def shipper(database: Database) -> str | None:
    """Say how far the shipper is behind, when it is too far."""
    log = PredictionLog(database)
    files = SpoolReader(settings().spool_dir).files()
    behind = sum(file.stat().st_size - log.offset(file.name) for file in files)
    return f"{behind} bytes of spool are not in the database" if behind > SPOOL_BYTES_BEHIND else None


def features(database: Database) -> str | None:
    """Say how old the newest state is, when it is too old. Without any event there is nothing to compute."""
    if not EventStore(database).has_events():
        return None
    deadline = time.monotonic() + 5
    while True:
        behind = _ticks_behind(database)
        if behind <= TICKS_BEHIND:
            return None
        # A simulated clock jumps; the state of where it is now follows at once.
        if time.monotonic() > deadline:
            return f"the newest state is {behind} ticks behind the clock"
        time.sleep(0.5)


def watchman(database: Database) -> str | None:
    """Report when nobody watches for missed monitoring runs."""
    connected = database.row("is_connected", {"application": "ontime-watchman"})
    return None if connected and connected[0] else "the watchman is not connected"


def _ticks_behind(database: Database) -> int:
    now = tick_of(minute_floor(ClockStore(database).read().now))
    newest = FeatureStore(database).newest_tick()
    return (now - newest) // GRID_MINUTES if newest is not None else TICKS_BEHIND + 1


def main() -> int:
    """Look once."""
    database = Database.from_settings(settings(), max_connections=1, application="ontime-health")
    try:
        problem = {"shipper": shipper, "features": features, "watchman": watchman}[sys.argv[1]](database)
    except OntimeError as error:
        problem = str(error)
    finally:
        database.close()
    if problem:
        logger.error(problem)
    return 1 if problem else 0


if __name__ == "__main__":
    sys.exit(main())
