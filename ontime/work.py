"""What the command line does on a running stack."""

import subprocess
import sys
from collections.abc import Mapping
from typing import Any

from adapters.model_registry import ModelRegistry
from adapters.postgres import Database
from adapters.prefect_client import PrefectClient
from adapters.settings import PROJECT_ROOT, Settings
from adapters.snapshots import Snapshot
from adapters.terminal import Say, steps_told
from deploy.native import layout


def rebuild_run(settings: Settings, run_id: str, say: Say) -> bool:
    """Make a recorded training run again and say what is the same; whether all of it is."""
    from training.rebuild import rebuild

    database = Database.from_settings(settings)

    def stores(last_rows: Mapping[str, int] | None) -> tuple[Snapshot, Snapshot]:
        data = Snapshot(database, last_rows) if last_rows else Snapshot.now(database)
        return data, data

    try:
        registry = ModelRegistry.from_settings(settings)
        rebuilt = rebuild(registry, stores, settings.signing_key, run_id, steps_told(say))
    finally:
        database.close()
    for line in rebuilt.lines():
        say(line)
    return rebuilt.same


def run_deployment(settings: Settings, flow: str, parameters: dict[str, Any], say: Say) -> None:
    """Let Prefect run a flow and wait for its end."""
    client = PrefectClient(settings.prefect_address, auth=settings.prefect_auth)
    run = client.start(flow, parameters)
    say(
        f"flow {flow} runs as {run.name}: {settings.prefect_address.removesuffix('/api')}/runs/flow-run/{run.run_id}"
    )
    client.wait(run)
    say(f"flow {flow} finished")


def run_load(settings: Settings, seconds: int, users: int) -> int:
    """Load the API on loopback with Locust, without a page; gives its exit status."""
    command = [
        sys.executable, "-m", "locust", "-f", "tests/load/locustfile.py", "--headless", "--only-summary",
        "--users", str(users), "--spawn-rate", str(users), "--run-time", f"{seconds}s",
        "--host", settings.api_address, "--stop-timeout", "5",
    ]  # fmt: skip
    return subprocess.call(command, cwd=PROJECT_ROOT, env=layout.environment(settings))
