"""The health check of each part: it does for a client what clients need of it."""

from collections.abc import Callable
from typing import Any

from adapters.clock_store import ClockStore
from adapters.postgres import Database
from adapters.settings import Settings
from deploy.asking import NO_ANSWER, ask
from domain.errors import NotReady
from services.health import CHECKS

Probe = Callable[[Settings], None]
TIMEOUT_SECONDS = 5.0


def _answer(address: str, what: str, body: Any = None, login: str | None = None) -> Any:
    status, said = ask(address, body, seconds=TIMEOUT_SECONDS, login=login)
    if status == NO_ANSWER:
        raise NotReady(f"{address} does not answer: {said}")
    if status != 200:
        raise NotReady(f"{what} answers {status}: {str(said)[:200]}")
    return said


def postgres(settings: Settings) -> None:
    """Check that it runs a query."""
    database = Database.from_settings(settings, max_connections=1)
    try:
        ClockStore(database).read()
    finally:
        database.close()


def mlflow(settings: Settings) -> None:
    """Check that it answers a client's search, not only /health, which passes while the host check refuses everyone."""
    address = f"{settings.mlflow_address}/api/2.0/mlflow/registered-models/search?max_results=1"
    _answer(address, "MLflow", login=settings.mlflow_auth)


def prefect_server(settings: Settings) -> None:
    """Check that its API lets its clients in; health alone is answered to everybody."""
    _answer(f"{settings.prefect_address}/admin/version", "Prefect", login=settings.prefect_auth)


def prefect_worker(settings: Settings) -> None:
    """Check that a worker of the pool has sent a heartbeat."""
    address = f"{settings.prefect_address}/work_pools/ontime/workers/filter"
    workers = _answer(address, "Prefect", body={}, login=settings.prefect_auth)
    if not any(worker["status"] == "ONLINE" for worker in workers):
        raise NotReady("no worker of the pool ontime is online")


def api(settings: Settings) -> None:
    """Check that it answers."""
    _answer(f"{settings.api_address}/health/live", "the API")


def api_ready(settings: Settings) -> None:
    """Check that it can serve a prediction."""
    _answer(f"{settings.api_address}/health/ready", "the API")


PROBES: dict[str, Probe] = {
    "postgres": postgres,
    "prefect-server": prefect_server,
    "mlflow": mlflow,
    **CHECKS,
    "api": api,
    "prefect-worker": prefect_worker,
}
