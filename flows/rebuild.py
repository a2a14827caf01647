"""Repeat a recorded training run and compare."""

from collections.abc import Mapping

from adapters.engine import engine_of
from adapters.model_keys import ModelKeys
from adapters.model_registry import ModelRegistry
from adapters.postgres import Database
from adapters.settings import Settings
from adapters.snapshots import Snapshot
from adapters.terminal import Say, step_progress
from training.rebuild import rebuild


def rebuild_run(settings: Settings, run_id: str, say: Say) -> bool:
    """Repeat a recorded training run and report what is the same; return whether all of it is."""
    database = Database.from_settings(settings)

    def stores(last_rows: Mapping[str, int] | None) -> tuple[Snapshot, Snapshot]:
        data = Snapshot(database, last_rows) if last_rows else Snapshot.now(database)
        return data, data

    try:
        keys = ModelKeys.of_trainer(settings)
        registry = ModelRegistry.from_settings(settings, keys)
        with engine_of(settings) as engine:
            rebuilt = rebuild(registry, stores, keys, run_id, step_progress(say), engine)
    finally:
        database.close()
    for line in rebuilt.lines():
        say(line)
    return rebuilt.same
