"""Serve one version to nobody but this test: a throw-away API process with its own port, spool, cache and metrics.

    python -m deploy.pipeline.trial VERSION     # exit status 0 = it answers as it should

The version is downloaded, verified and test-loaded again. The process serves it as it would after a restart while
MLflow is away, so no alias moves; what it answers stays in a spool that no shipper reads.
"""

import json
import math
import os
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from adapters.asking import ask
from adapters.model_registry import ModelRegistry
from adapters.settings import PROJECT_ROOT, Settings, read_secret, settings
from adapters.spool_reader import SpoolReader
from adapters.waiting import retry
from domain.errors import NotReady, OntimeError

NOWHERE = "http://127.0.0.1:9"
"""The discard port: MLflow is away for the process on trial, so that it serves what its cache names."""
START_SECONDS = 120
ROUTES = (("UA", "EWR", "ORD", 30), ("B6", "JFK", "BOS", 180), ("DL", "LGA", "ATL", 1_200))
"""Carrier, origin, destination and minutes until the departure of the questions."""


@dataclass(frozen=True)
class Trial:
    """The process on trial, as a client sees it."""

    port: int
    key: str

    def ask(self, path: str, body: Any = None, key: str | None = None) -> tuple[int, Any]:
        """Return status and body of an answer."""
        return ask(f"http://127.0.0.1:{self.port}{path}", body, key or self.key)


def try_version(own: Settings, version: int) -> list[float]:
    """Serve a version and question it; its probabilities.

    Raises
    ------
    OntimeError
        If it is refused, does not become ready, or answers otherwise than it should; says which.
    """
    with (
        tempfile.TemporaryDirectory(prefix="ontime-trial-") as scratch,
        _serving(own, version, Path(scratch)) as trial,
    ):
        now = datetime.fromisoformat(_ready(trial, version)["clock"]["now"])
        found = [_probability(trial, version, flight) for flight in _flights(now)]
        _refuses(trial, next(_flights(now)))
        spool = SpoolReader(Path(scratch) / "spool")
        lines = sum(len(spool.lines(file)) for file in spool.files())
        if lines != len(found):
            raise OntimeError(f"{len(found)} predictions were answered, {lines} are in the spool")
    return found


@contextmanager
def _serving(own: Settings, version: int, scratch: Path) -> Iterator[Trial]:
    registry = ModelRegistry.from_settings(replace(own, model_cache_dir=scratch / "models"))
    registry.fetch(version)
    registry.remember_served(version)
    port = _free_port()
    log = scratch / "api.log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "gunicorn", "-c", "app/gunicorn_conf.py", "app:create_app()"],
            cwd=PROJECT_ROOT, env=_environment(scratch, port), stdout=output, stderr=output,
        )  # fmt: skip
    try:
        yield Trial(port, read_secret("api_keys_dir", own.api_keys_dir / "predict.key"))
    except NotReady as error:
        raise NotReady(f"{error}; it wrote: {log.read_text(errors='replace')[-800:]}") from error
    finally:
        process.terminate()
        try:
            process.wait(30)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _environment(scratch: Path, port: int) -> dict[str, str]:
    return os.environ | {
        "PYTHONPATH": str(PROJECT_ROOT),
        "ONTIME_MLFLOW_URL": NOWHERE,
        "ONTIME_MODEL_CACHE_DIR": str(scratch / "models"),
        "ONTIME_SPOOL_DIR": str(scratch / "spool"),
        "ONTIME_API_HOST": "127.0.0.1",
        "ONTIME_API_PORT": str(port),
        "ONTIME_API_WORKERS": "1",
        "PROMETHEUS_MULTIPROC_DIR": str(scratch / "metrics"),
        "OTEL_SDK_DISABLED": "true",
    }


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _ready(trial: Trial, version: int) -> dict[str, Any]:
    def ready() -> dict[str, Any]:
        status, body = trial.ask("/health/ready")
        if status == 200 and body["model_version"] == version:
            return dict(body)
        last = body if isinstance(body, str) else json.dumps(body)
        raise NotReady(f"version {version} does not become ready in {START_SECONDS} s: {last}")

    return retry(ready, NotReady, START_SECONDS, pause=0.3)


def _flights(now: datetime) -> Iterator[dict[str, Any]]:
    minute = now.replace(second=0, microsecond=0)
    for number, (carrier, origin, dest, lead) in enumerate(ROUTES, start=1):
        departure = minute + timedelta(minutes=lead)
        yield {
            "carrier": carrier, "flight": number, "origin": origin, "dest": dest,
            "scheduled_departure": departure.isoformat(),
            "scheduled_arrival": (departure + timedelta(hours=2)).isoformat(),
        }  # fmt: skip


def _probability(trial: Trial, version: int, flight: dict[str, Any]) -> float:
    status, body = trial.ask("/v1/predictions", flight)
    if status != 200:
        raise OntimeError(f"a question about {flight['carrier']} was answered with {status}: {body}")
    probability, served = float(body["probability"]), body["model"]["version"]
    if served != version or not (math.isfinite(probability) and 0.0 <= probability <= 1.0):
        raise OntimeError(f"expected a probability of version {version}, got {probability} of {served}")
    return probability


def _refuses(trial: Trial, flight: dict[str, Any]) -> None:
    """Check that a stranger and a flight from nowhere are refused as on any day."""
    wanted = {401: trial.ask("/v1/predictions", flight, key="a stranger's key"),
              422: trial.ask("/v1/predictions", flight | {"origin": "nowhere"})}  # fmt: skip
    for status, (got, body) in wanted.items():
        if got != status:
            raise OntimeError(f"expected status {status}, got {got}: {body}")


def main() -> None:
    """Try the version of the command line."""
    try:
        found = try_version(settings(), int(sys.argv[1]))
    except OntimeError as error:
        sys.exit(f"ontime: {error}")
    shown = ", ".join(f"{probability:.3f}" for probability in found)
    sys.stdout.write(f"smoke test passed: {len(found)} predictions ({shown}), 2 refusals\n")


if __name__ == "__main__":
    main()
