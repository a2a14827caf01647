"""The health check of each part: it does for a client what clients need of it."""

import json
import time
import urllib.error
import urllib.request
from collections.abc import Callable

from adapters.clock_store import ClockStore
from adapters.postgres import Database
from adapters.settings import Settings
from domain.errors import NotReady
from services.health import CHECKS

Probe = Callable[[Settings], None]
TIMEOUT_SECONDS = 5.0


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


PROBES: dict[str, Probe] = {
    "postgres": postgres,
    "prefect-server": prefect_server,
    "mlflow": mlflow,
    **CHECKS,
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
