"""When a part of the stack is healthy; the native stack, the containers and the watchman ask the same.

A check does for a client what clients need of the part.

    python -m services.health shipper|features|watchman     # exit status 0 = healthy
"""

import argparse
import sys
import time
from collections.abc import Callable, Iterable
from typing import Any

from adapters.asking import NO_ANSWER, ask
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
ANSWER_SECONDS = 5.0
POSTGRES_SECONDS = 10.0
"""After which a server that takes a question and is silent, as behind somebody's lock of a table, is not healthy."""
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
    tick = tick_of(minute_floor(now))
    # Not what a clock that went back since has not reached again.
    newest = FeatureStore(database).newest_tick(tick)
    if newest is None:
        raise NotReady("no state has been computed yet")
    if tick - newest > TICKS_BEHIND * GRID_MINUTES:
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


def postgres(database: Database, own: Settings) -> None:
    """Check that it runs a query."""
    ClockStore(database).read()


def mlflow(database: Database, own: Settings) -> None:
    """Check that it answers a client's search, not only /health, which passes while the host check refuses everyone."""
    address = f"{own.mlflow_address}/api/2.0/mlflow/registered-models/search?max_results=1"
    _answer(address, "MLflow", login=own.mlflow_auth)


def prefect_server(database: Database, own: Settings) -> None:
    """Check that its API lets its clients in; health alone is answered to everybody."""
    _answer(f"{own.prefect_address}/admin/version", "Prefect", login=own.prefect_auth)


def prefect_worker(database: Database, own: Settings) -> None:
    """Check that a worker of the pool has sent a heartbeat, and that the pool gives it runs."""
    worker_online(own)
    pool = _answer(f"{own.prefect_address}/work_pools/ontime", "Prefect", login=own.prefect_auth)
    if pool["is_paused"]:
        raise NotReady("Prefect's work pool is paused: no run starts until somebody resumes it")


def worker_online(own: Settings) -> None:
    """Check that a worker of the pool has sent a heartbeat: all that a start can bring about."""
    address = f"{own.prefect_address}/work_pools/ontime/workers/filter"
    workers = _answer(address, "Prefect", body={}, login=own.prefect_auth)
    if not any(worker["status"] == "ONLINE" for worker in workers):
        raise NotReady("no worker of the pool ontime is online")


def api(database: Database, own: Settings) -> None:
    """Check that it answers."""
    _answer(f"{own.api_address}/health/live", "the API")


def api_ready(own: Settings) -> None:
    """Check that the API can serve a prediction."""
    _answer(f"{own.api_address}/health/ready", "the API")


def _answer(address: str, what: str, body: Any = None, login: str | None = None) -> Any:
    status, said = ask(address, body, seconds=ANSWER_SECONDS, login=login)
    if status == NO_ANSWER:
        raise NotReady(f"{address} does not answer: {said}")
    if status != 200:
        raise NotReady(f"{what} answers {status}: {str(said)[:200]}")
    return said


CHECKS: dict[str, Callable[[Database, Settings], None]] = {
    "postgres": postgres,
    "prefect-server": prefect_server,
    "mlflow": mlflow,
    "features": features,
    "shipper": shipper,
    "watchman": watchman,
    "api": api,
    "prefect-worker": prefect_worker,
}
"""By the name of the part; each raises NotReady with what is wrong."""


def check(name: str, own: Settings) -> None:
    """Check a part over a connection of its own.

    Raises
    ------
    NotReady
        If it is not healthy; says why.
    """
    database = Database.from_settings(
        own, max_connections=1, application="ontime-health", patience=POSTGRES_SECONDS
    )
    try:
        CHECKS[name](database, own)
    finally:
        database.close()


def problems(database: Database, own: Settings, names: Iterable[str]) -> dict[str, str]:
    """Return what is wrong with each of some parts that are not healthy."""
    found = {}
    for name in names:
        try:
            CHECKS[name](database, own)
        except (OntimeError, OSError) as error:
            found[name] = str(error)
    return found


def main() -> None:
    """Check the process that the command line names."""
    parser = argparse.ArgumentParser(prog="python -m services.health", description=__doc__)
    parser.add_argument("name", choices=sorted(CHECKS))
    try:
        check(parser.parse_args().name, settings())
    except OntimeError as error:
        sys.exit(f"ontime: {error}")


if __name__ == "__main__":
    main()
