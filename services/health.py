"""When a process without a port is healthy; the native stack and the containers ask the same.

python -m services.health shipper|features|watchman     # exit status 0 = healthy
"""

import argparse
import sys
import time
from collections.abc import Callable
from functools import partial

from adapters.clock_store import ClockStore
from adapters.event_store import EventStore
from adapters.feature_store import FeatureStore
from adapters.postgres import Database
from adapters.prediction_log import PredictionLog
from adapters.settings import Settings, settings
from adapters.spool_reader import SpoolReader, unshipped
from adapters.waiting import retry
from domain.clock import from_minute, minute_floor
from domain.errors import NotReady, OntimeError
from domain.features.grid import GRID_MINUTES, tick_of

UNSHIPPED_BYTES = 64 * 1024 * 1024
"""A second of full load is about 4 MB of spool."""
UNSHIPPED_SECONDS = 60.0
TICKS_BEHIND = 2
GRACE_SECONDS = 5.0
"""A simulated clock jumps; the state of where it is then follows at once."""
WATCHMAN = "ontime-watchman"
"""Name of its connections to PostgreSQL."""


def shipper(database: Database, own: Settings) -> None:
    """Check that little waits in the spool, and nothing for long.

    Raises
    ------
    NotReady
        If more does; says what.
    """
    waiting = unshipped(SpoolReader(own.spool_dir), PredictionLog(database).offset)
    behind = sum(file.bytes for file in waiting)
    if behind > UNSHIPPED_BYTES:
        raise NotReady(f"{behind} bytes of spool are not in the database")
    late = [file.name for file in waiting if time.time() - file.written > UNSHIPPED_SECONDS]
    if late:
        raise NotReady(f"{len(late)} spool files wait to be shipped, first {late[0]}")


def features(database: Database, own: Settings) -> None:
    """Check that the newest state is that of the clock, or follows soon. Without an event there is none to compute.

    Raises
    ------
    NotReady
        If it is behind.
    """
    if not EventStore(database).has_events():
        return
    retry(lambda: _require_newest(database), NotReady, GRACE_SECONDS, pause=0.2)


def _require_newest(database: Database) -> None:
    now = ClockStore(database).read().now
    newest = FeatureStore(database).newest_tick()
    if newest is None:
        raise NotReady("no state has been computed yet")
    if tick_of(minute_floor(now)) - newest > TICKS_BEHIND * GRID_MINUTES:
        shown = f"{from_minute(newest):%Y-%m-%d %H:%M}, the clock says {now:%Y-%m-%d %H:%M}"
        raise NotReady(f"the newest state is of {shown}")


def watchman(database: Database, own: Settings) -> None:
    """Check that it is connected to PostgreSQL.

    Raises
    ------
    NotReady
        If it is not: nobody sees that a day was not monitored.
    """
    connected = database.row("is_connected", {"application": WATCHMAN})
    if not connected or not connected[0]:
        raise NotReady("the watchman is not connected to PostgreSQL")


def _check(check: Callable[[Database, Settings], None], own: Settings) -> None:
    database = Database.from_settings(own, max_connections=1, application="ontime-health")
    try:
        check(database, own)
    finally:
        database.close()


CHECKS: dict[str, Callable[[Settings], None]] = {
    check.__name__: partial(_check, check) for check in (features, shipper, watchman)
}
"""By name; each raises NotReady with what is wrong."""


def main() -> None:
    """Check the process that the command line names."""
    parser = argparse.ArgumentParser(prog="python -m services.health", description=__doc__)
    parser.add_argument("name", choices=sorted(CHECKS))
    try:
        CHECKS[parser.parse_args().name](settings())
    except OntimeError as error:
        sys.exit(f"ontime: {error}")


if __name__ == "__main__":
    main()
