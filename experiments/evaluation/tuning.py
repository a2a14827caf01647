"""`tune`: search for tree parameters on the dataset's months before the test months, and write a report."""

import socket
from datetime import UTC, date, datetime
from pathlib import Path
from urllib.parse import urlsplit

from adapters.engine import Engine, LocalEngine, engine_of
from adapters.model_keys import ModelKeys
from adapters.model_registry import CHAMPION, ModelRegistry
from adapters.settings import PROJECT_ROOT, Settings
from adapters.terminal import Say
from data.dataset import load_dataset
from data.facts import FactsInMemory, facts_of
from experiments import measured
from training.train import TreeParameters
from training.training_set import HEADLINE_LEAD, TrainingSet, build
from training.tune import tune

FIRST_DAY, LAST_DAY = date(2013, 1, 1), date(2013, 8, 31)
"""The months after them are for tests: no choice may look at them."""
AS_OF = datetime(2013, 9, 2, tzinfo=UTC)
AT_ONCE = 4
"""Trials of a round on Dask, however many workers there are: what a search finds depends on it."""


def run_tuning(settings: Settings, budget: float, until: date, say: Say) -> Path:
    """Search for `budget` seconds and write `tuning.json`; interrupted, it goes on with its next run."""
    with engine_of(settings) as engine:
        return _run_on(engine, settings, budget, until, say)


def _run_on(engine: Engine, settings: Settings, budget: float, until: date, say: Say) -> Path:
    folder = PROJECT_ROOT / settings.state_dir / "tuning"
    folder.mkdir(parents=True, exist_ok=True)
    rows = _rows(PROJECT_ROOT / settings.state_dir / "data", until, say, engine)
    registry = _registry(settings, folder, say)
    with registry.runs.open(f"tuning until {until}") as parent:
        parent.tags({"data_hash": rows.data_hash, "contract_hash": rows.contract_hash})
        found = tune(
            rows,
            folder / "optuna.db",
            budget,
            start=champion_parameters(settings, say),
            report=lambda message, left: say(f"  {message}; {left:.0f} s left"),
            child=lambda name: registry.runs.open(name, parent=parent.run_id),
            engine=engine,
            at_once=1 if isinstance(engine, LocalEngine) else AT_ONCE,
        )
        parent.parameters(found.best)
        parent.metrics(found.best_measures | {"log_loss_gained": found.as_dict()["log_loss_gained"]})
    report = measured.write(settings, "tuning", found.as_dict(), "make tune", rows.data_hash)
    say(
        f"log-loss on the folds {found.library_measures['log_loss']:.5f} by the library's defaults, "
        f"{found.start_measures['log_loss']:.5f} as the search starts, "
        f"{found.best_measures['log_loss']:.5f} at best (trial {found.best_trial} of {found.trials}): {report}"
    )
    return report


def _rows(data_dir: Path, until: date, say: Say, engine: Engine) -> TrainingSet:
    say(f"  training set of {FIRST_DAY} to {until}")
    store = FactsInMemory(*facts_of(load_dataset(data_dir).events))
    return build(store, FIRST_DAY, until, AS_OF, leads=(HEADLINE_LEAD,), extra_leads=0, engine=engine)


def champion_parameters(settings: Settings, say: Say) -> TreeParameters:
    """Return those of the champion, where a stack runs and has one; otherwise those of the code."""
    if not _answers(settings):
        return TreeParameters()
    registry = ModelRegistry.from_settings(settings)
    version = registry.alias(CHAMPION)
    if version is None:
        return TreeParameters()
    say(f"  starts from the parameters of the champion, version {version}")
    return TreeParameters.from_dict(registry.load(version).manifest.parameters)


def _answers(settings: Settings) -> bool:
    address = urlsplit(settings.mlflow_address)
    try:
        socket.create_connection((address.hostname or "", address.port or 80), timeout=2).close()
    except OSError:
        return False
    return True


def _registry(settings: Settings, folder: Path, say: Say) -> ModelRegistry:
    """Return the stack's MLflow where it answers, otherwise a file beside the trials."""
    where = settings.mlflow_address if _answers(settings) else f"sqlite:///{folder / 'mlflow.db'}"
    say(f"  runs are recorded in {where}")
    # Under a name of its own: a retrain closes what runs of its model were left open. And a search signs nothing.
    name, cache = f"{settings.model_name}-tuning", settings.model_cache_dir
    return ModelRegistry(where, name, cache, ModelKeys.public(), settings.mlflow_auth)
