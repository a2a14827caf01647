"""What the command line does on a running stack."""

import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

from adapters.championship import Championship
from adapters.clock_store import ClockStore
from adapters.deployments import Deployments
from adapters.event_store import EventStore
from adapters.label_store import LabelStore
from adapters.model_registry import CHAMPION, ModelRegistry
from adapters.postgres import Database
from adapters.prefect_client import PrefectClient
from adapters.settings import PROJECT_ROOT, Settings
from adapters.snapshots import Snapshot
from data.dataset import load_dataset
from data.inbox import take_inbox
from data.ingest import ingest
from domain.errors import OntimeError
from ontime.stack import layout
from replay.client import ApiClient
from replay.driver import TICK, Replay
from replay.feed import Feed
from training import run as training_run
from training.retraining import RetrainPlan
from training.split import last_days

Say = Callable[[str], None]
FEED_ENDS = datetime(2014, 1, 2, tzinfo=UTC)


def ingest_dataset(settings: Settings, until: datetime | None, say: Say) -> None:
    """Append the dataset's events known by a moment, the clock's by default, and the inbox; write the report."""
    database = Database.from_settings(settings)
    try:
        moment = until or ClockStore(database).read().now
        report = ingest(
            EventStore(database), moment, cache_dir=settings.state_dir / "data", progress=_events_told(say)
        )
        files = take_inbox(EventStore(database), settings.inbox_dir, _events_told(say))
    finally:
        database.close()
    report.write(settings.reports_dir / "ingest.json")
    for line in [*report.lines(), *(file.line() for file in files)]:
        say(line)


def _events_told(say: Say) -> Callable[[int, int], None]:
    started = time.monotonic()

    def tell(done: int, total: int) -> None:
        left = (time.monotonic() - started) * (total - done) / max(done, 1)
        say(f"  {done:,} of {total:,} events, {left:.0f} s left")

    return tell


def train_first(settings: Settings, say: Say) -> int:
    """Train and promote a first champion on the days before the clock's; gives the version that serves."""
    database = Database.from_settings(settings)
    try:
        registry = ModelRegistry.from_settings(settings)
        serving = registry.alias(CHAMPION)
        if serving is not None:
            say(f"version {serving} serves already")
            return serving
        now = ClockStore(database).read().now
        newest = LabelStore(database).newest_day(now)
        if newest is None:
            raise OntimeError("there is no label to train on yet: ingest the dataset, or wait for arrivals")
        until = min(now.date() - timedelta(days=1), newest)
        request = training_run.TrainingRequest(
            *last_days(until, RetrainPlan().window_days), now, "first champion"
        )
        data = Snapshot.now(database)
        trained, verdict = training_run.train_first(
            data,
            registry,
            settings.signing_key,
            request,
            _steps_told(say),
            data,
        )
        if not verdict.passed:
            raise OntimeError(f"the first candidate does not pass the gate: {verdict.reason}")
        evidence = {"gate": verdict.evidence(), "run_id": trained.run_id}
        Championship(registry, Deployments(database)).promote(
            trained.version, None, "train", "first champion: nothing served before", evidence
        )
        headline = trained.evaluation.headline
        say(
            f"version {trained.version} serves; on its newest days AUC {headline['auc']:.3f}, "
            f"log-loss {headline['log_loss']:.3f}"
        )
        return trained.version
    finally:
        database.close()


def rebuild_run(settings: Settings, run_id: str, say: Say) -> bool:
    """Make a recorded training run again and say what is the same; whether all of it is."""
    from training.rebuild import rebuild

    database = Database.from_settings(settings)

    def stores(last_rows: Mapping[str, int] | None) -> tuple[Snapshot, Snapshot]:
        data = Snapshot(database, last_rows) if last_rows else Snapshot.now(database)
        return data, data

    try:
        registry = ModelRegistry.from_settings(settings)
        rebuilt = rebuild(registry, stores, settings.signing_key, run_id, _steps_told(say))
    finally:
        database.close()
    for line in rebuilt.lines():
        say(line)
    return rebuilt.same


def _steps_told(say: Say) -> Callable[[str, float], None]:
    last = ""

    def tell(step: str, share: float) -> None:
        nonlocal last
        if step != last:
            say(f"  {step}")
        last = step

    return tell


def run_deployment(settings: Settings, flow: str, parameters: dict[str, Any], say: Say) -> None:
    """Let Prefect run a flow and wait for its end."""
    client = PrefectClient(settings.prefect_address, auth=settings.prefect_auth)
    run = client.start(flow, parameters)
    say(
        f"flow {flow} runs as {run.name}: {settings.prefect_address.removesuffix('/api')}/runs/flow-run/{run.run_id}"
    )
    client.wait(run)
    say(f"flow {flow} finished")


def api_client(
    settings: Settings, revive: Callable[[], None] = lambda: None, address: str | None = None
) -> ApiClient:
    """A client with the stack's keys, of the API here or at another address, like http://gateway:8080."""
    where = urlsplit(address or settings.api_address)
    return ApiClient(where.hostname or "127.0.0.1", where.port or 80, _keys(settings), revive)


def _keys(settings: Settings) -> dict[str, str]:
    """The stack's keys by scope."""
    return {
        name.removesuffix(".key"): (settings.api_keys_dir / name).read_text().strip() for name in layout.KEYS
    }


def play_feed(settings: Settings, address: str, pace: float, say: Say) -> None:
    """Play the dataset as live events, a tick every `pace` seconds, from the stack's clock on."""
    database = Database.from_settings(settings)
    replay = Replay(
        database, api_client(settings, address=address), Feed(load_dataset(settings.state_dir / "data"))
    )
    try:
        moment = ClockStore(database).read().now
        while moment < FEED_ENDS:
            began = time.monotonic()
            moment += TICK
            replay.tell_until(moment)
            if moment.minute == 0:
                say(f"{moment:%Y-%m-%d %H:%M} UTC")
            time.sleep(max(0.0, pace - (time.monotonic() - began)))
    finally:
        replay.close()
        database.close()


def run_load(settings: Settings, seconds: int, users: int) -> int:
    """Load the API on loopback with Locust, without a page; gives its exit status."""
    command = [
        sys.executable, "-m", "locust", "-f", "tests/load/locustfile.py", "--headless", "--only-summary",
        "--users", str(users), "--spawn-rate", str(users), "--run-time", f"{seconds}s",
        "--host", settings.api_address, "--stop-timeout", "5",
    ]  # fmt: skip
    return subprocess.call(command, cwd=PROJECT_ROOT, env=layout.environment(settings))
