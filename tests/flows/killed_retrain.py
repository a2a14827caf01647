"""Retrains that are killed at a step: run as a program, with its stack in the environment.

It reads steps, a line each. For each it forks a child that retrains and promotes, and that ends by SIGKILL just
before or just after the step; at the line "nothing" it goes through. Answers a line each: how the child ended.
"""

import gc
import importlib
import io
import os
import signal
import sys
from datetime import date
from functools import partial
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from matplotlib.figure import Figure

from adapters.championship import Championship
from adapters.deployments import ANY
from adapters.model_registry import CHALLENGER, ModelRegistry
from adapters.monitoring_store import MonitoringStore
from adapters.training_runs import Run
from flows import parts as flow_parts
from flows import retrain as flow
from tests.forks import end_of
from training import run
from training.gate import GatePolicy
from training.retraining import RetrainPlan
from training.split import SplitPolicy
from training.train import TreeParameters

RETRAIN_DAY = date(2013, 4, 10)
AS_USED = (
    "IPython", "graphviz", "hypothesis", "matplotlib.backends.backend_agg", "matplotlib.pyplot", "mlflow.lightgbm",
    "mlflow.tracking", "pandera.pandas",
)  # fmt: skip
"""What a retrain imports as it is used: once here, and not again in every child."""
STEPS = {
    "the training set": (run, "build"),
    "the fit": (run, "begin_fit"),
    "the evaluation": (run, "evaluate"),
    "the run's parameters": (Run, "parameters"),
    "the run's artifacts": (Run, "folder"),
    "the version": (ModelRegistry, "register"),
    "the gate": (flow, "gate_candidate"),
    "the challenger's alias": (ModelRegistry, "set_alias"),
    "the decision": (MonitoringStore, "record_decision"),
    "the promotion": (Championship, "promote"),
    "the champion's alias": (Championship, "_move"),
}


def end() -> None:
    """Die as under `kill -9`: nothing is cleaned up."""
    os.kill(os.getpid(), signal.SIGKILL)


def kill_at(step: str) -> None:
    """Make the step the last thing this process does."""
    when, name = step.split(" ", 1)
    owner, attribute = STEPS[name]
    real = getattr(owner, attribute)

    def last(*arguments: object, **named: object) -> None:
        if when == "after":
            real(*arguments, **named)
        end()

    setattr(owner, attribute, last)


def small(trees: int) -> None:
    """Let the flow train a small model on a month."""
    parameters = TreeParameters(n_trees=trees, min_data_in_leaf=20, feature_fraction=0.5)
    request = flow.TrainingRequest
    flow.TrainingRequest = lambda **named: request(**named | {"parameters": parameters})
    gate = GatePolicy(
        minimum_rows=100, minimum_slice_rows=10_000, lowest_auc=0.5, largest_microseconds=1e6,
        largest_worse_than_baseline=1.0,
    )  # fmt: skip
    split = SplitPolicy(evaluation_days=5, minimum_fit_days=16)
    flow.PLAN = RetrainPlan(window_days=32, split=split, gate=gate)


def retrain_and_promote(step: str) -> None:
    """Do what a run does when a retrain pays; die at the step."""
    small(trees=15)
    own = flow_parts.parts()
    if step != "nothing":
        kill_at(step)
    assert flow.retrain("a test", RETRAIN_DAY)
    challenger = own.registry.alias(CHALLENGER)
    own.championship.promote(challenger, ANY, "test", "the retrain passed")


def first_champion() -> None:
    """Promote a weak version."""
    small(trees=2)
    assert flow.retrain("first", RETRAIN_DAY)
    own = flow_parts.parts()
    own.championship.promote(own.registry.alias(CHALLENGER), None, "test", "first champion")


def warm_up() -> None:
    """Do once what every child would do again: load what a retrain uses, and read the fonts of its plots."""
    for name in AS_USED:
        importlib.import_module(name)
    figure = Figure()
    figure.suptitle("0")
    figure.savefig(io.BytesIO())
    gc.freeze()


def main() -> None:
    """Answer each line with how its child ended."""
    warm_up()
    for line in sys.stdin:
        step = line.strip()
        status = end_of(first_champion if step == "first champion" else partial(retrain_and_promote, step))
        print({0: "done", -signal.SIGKILL: "killed"}.get(status, "failed"), flush=True)  # noqa: T201


if __name__ == "__main__":
    main()
