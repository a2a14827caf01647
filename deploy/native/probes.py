"""The health check of each part: it does for a client what clients need of it."""

import json
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from datetime import timedelta

from adapters.clock_store import ClockStore
from adapters.feature_store import FeatureStore
from adapters.postgres import Database
from adapters.prediction_log import PredictionLog
from adapters.settings import Settings
from domain.clock import from_minute
from domain.errors import NotReady

Probe = Callable[[Settings], None]
TIMEOUT_SECONDS = 5.0
SPOOL_LAG_SECONDS = 60.0
STATE_LAG = timedelta(minutes=15)


def fetch(address: str, timeout: float = TIMEOUT_SECONDS) -> tuple[int, bytes]:
    """Status and body of a GET, whatever the status.

    Raises
    ------
    NotReady
        If nobody answers.
    """
    try:
        with urllib.request.urlopen(address, timeout=timeout) as answer:  # noqa: S310  addresses of our settings
            return answer.status, answer.read()
    except urllib.error.HTTPError as error:
        return error.code, error.read()
    except OSError as error:
        raise NotReady(f"{address} does not answer: {error}") from error


def _expect(address: str, what: str) -> None:
    status, body = fetch(address)
    if status != 200:
        raise NotReady(f"{what} answers {status}: {body[:200].decode(errors='replace')}")


def postgres(settings: Settings) -> None:
    """It runs a query."""
    database = Database.from_settings(settings, max_connections=1)
    try:
        ClockStore(database).read()
    finally:
        database.close()


def mlflow(settings: Settings) -> None:
    """It answers a client's search, not only /health, which passes while the host check refuses everyone."""
    _expect(f"{settings.mlflow_address}/api/2.0/mlflow/registered-models/search?max_results=1", "MLflow")


def prefect_server(settings: Settings) -> None:
    """Its API is healthy."""
    _expect(f"{settings.prefect_address}/health", "Prefect")


def prefect_worker(settings: Settings) -> None:
    """A worker of the pool has sent a heartbeat."""
    request = urllib.request.Request(  # noqa: S310  an address of our settings
        f"{settings.prefect_address}/work_pools/ontime/workers/filter",
        data=b"{}",
        headers={"Content-Type": "application/json"},
    )
    try:
        with urllib.request.urlopen(request, timeout=TIMEOUT_SECONDS) as answer:  # noqa: S310
            workers = json.load(answer)
    except OSError as error:
        raise NotReady(f"Prefect does not tell of its workers: {error}") from error
    if not any(worker["status"] == "ONLINE" for worker in workers):
        raise NotReady("no worker of the pool ontime is online")


def api(settings: Settings) -> None:
    """It answers."""
    _expect(f"{settings.api_address}/health/live", "the API")


def api_ready(settings: Settings) -> None:
    """It can serve a prediction."""
    _expect(f"{settings.api_address}/health/ready", "the API")


def features(settings: Settings) -> None:
    """The newest state is not far behind the clock."""
    database = Database.from_settings(settings, max_connections=2)
    try:
        newest, now = FeatureStore(database).newest_tick(), ClockStore(database).read().now
    finally:
        database.close()
    if newest is None:
        raise NotReady("no state has been computed yet")
    if now - from_minute(newest) > STATE_LAG:
        raise NotReady(f"the newest state is of {from_minute(newest):%Y-%m-%d %H:%M}, the clock says {now}")


def watchman(settings: Settings) -> None:
    """It looks into the database."""
    database = Database.from_settings(settings, max_connections=1)
    try:
        connected = database.row("is_connected", {"application": "ontime-watchman"})
    finally:
        database.close()
    if not connected or not connected[0]:
        raise NotReady("the watchman is not connected to PostgreSQL")


def shipper(settings: Settings) -> None:
    """Nothing has waited long in the spool."""
    spooled = [path for path in settings.spool_dir.glob("*") if path.is_file()]
    waiting = [p for p in spooled if p.stat().st_size and time.time() - p.stat().st_mtime > SPOOL_LAG_SECONDS]
    database = Database.from_settings(settings, max_connections=1)
    try:
        log = PredictionLog(database)
        behind = [path.name for path in waiting if log.offset(path.name) < path.stat().st_size]
    finally:
        database.close()
    if behind:
        raise NotReady(f"{len(behind)} spool files wait to be shipped, first {behind[0]}")


PROBES: dict[str, Probe] = {
    "postgres": postgres,
    "prefect-server": prefect_server,
    "mlflow": mlflow,
    "features": features,
    "shipper": shipper,
    "watchman": watchman,
    "api": api,
    "prefect-worker": prefect_worker,
}


def wait_for(probe: Probe, settings: Settings, timeout: float) -> None:
    """Wait until a probe passes.

    Raises
    ------
    NotReady
        With the probe's last words, if it does not within `timeout` seconds.
    """
    deadline = time.monotonic() + timeout
    while True:
        try:
            probe(settings)
            return
        except NotReady:
            if time.monotonic() > deadline:
                raise
        time.sleep(0.2)
