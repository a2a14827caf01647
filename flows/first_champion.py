"""Train a first champion where none serves yet."""

from datetime import timedelta

from adapters.championship import Championship
from adapters.clock_store import ClockStore
from adapters.deployments import Deployments
from adapters.label_store import LabelStore
from adapters.model_keys import ModelKeys
from adapters.model_registry import CHAMPION, ModelRegistry
from adapters.postgres import Database
from adapters.settings import Settings
from adapters.snapshots import Snapshot
from adapters.terminal import Say, step_progress
from domain.errors import OntimeError
from training import run as training_run
from training.retraining import RetrainPlan
from training.split import last_days


def train_first(settings: Settings, say: Say) -> int:
    """Train and promote a first champion on the days before the clock's; return the version that serves."""
    database = Database.from_settings(settings)
    try:
        keys = ModelKeys.of_trainer(settings)
        registry = ModelRegistry.from_settings(settings, keys)
        serving = registry.alias(CHAMPION)
        if serving is not None:
            say(f"version {serving} serves already")
            return serving
        now = ClockStore(database).read().now
        newest = LabelStore(database).newest_day(now)
        if newest is None:
            expected = "ontime ingest --dataset, files in the inbox, or wait for arrivals"
            raise OntimeError(f"there is no label to train on yet: {expected}")
        until = min(now.date() - timedelta(days=1), newest)
        request = training_run.TrainingRequest(
            *last_days(until, RetrainPlan().window_days), now, "first champion"
        )
        data = Snapshot.now(database)
        trained, verdict = training_run.train_first(
            data,
            registry,
            keys,
            request,
            step_progress(say),
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
