"""Commands that measure: data, model, features, policies, rules. They need no stack, and leave files and pages."""

from datetime import datetime
from typing import Annotated

import typer

from adapters.settings import settings
from adapters.terminal import say

studies = typer.Typer()


@studies.command(name="data-report")
def data_report() -> None:
    """Measure the dataset and what is done to it: a page, its figures, and the numbers as JSON. Needs no stack."""
    from experiments.data_report.command import write_data_report

    write_data_report(settings(), say)


@studies.command()
def train(
    rebuild: Annotated[
        str, typer.Option(metavar="RUN_ID", help="Make this MLflow run again and compare; registers nothing.")
    ] = "",
) -> None:
    """Train on January to August 2013 and test on the rest, without a stack; or make a run of the stack again.

    A rebuild ends with status 1 when the training set or the model is not the recorded one.
    """
    if rebuild:
        from ontime.work import rebuild_run

        raise typer.Exit(0 if rebuild_run(settings(), rebuild, say) else 1)
    from experiments.evaluation import command as study

    study.train(settings(), say)


@studies.command()
def evaluate() -> None:
    """Judge the model that `train` left on September to December, beside others; writes the report."""
    from experiments.evaluation import command as study

    study.evaluate(settings(), say)


@studies.command()
def ablation() -> None:
    """Fit without each family of features, to see what each is worth."""
    from experiments.evaluation import command as study

    study.ablation(settings(), say)


@studies.command()
def refits() -> None:
    """Fit before every month, to see what that is worth beside a model that stays what it was."""
    from experiments.evaluation import command as study

    study.refits(settings(), say)


@studies.command()
def bench_training() -> None:
    """Measure what a training set costs: the year once, three and ten times over."""
    from experiments.benchmarks.command import bench_training as bench

    bench(settings(), say)


@studies.command()
def bench_engines() -> None:
    """Measure one piece of the features' arithmetic in numpy, DuckDB and Polars."""
    from experiments.benchmarks.command import bench_engines as bench

    bench(settings(), say)


@studies.command()
def audit() -> None:
    """Look for facts of the future in every vector of the year; exit status 1 when there are some."""
    from experiments.evaluation import command as study

    raise typer.Exit(0 if study.audit_features(settings(), say) else 1)


@studies.command()
def bench_features() -> None:
    """Measure what each feature costs online, in microseconds."""
    from experiments.benchmarks.command import bench_features as bench

    bench(settings(), say)


@studies.command()
def walkthrough() -> None:
    """Execute the notebook docs/walkthrough.ipynb anew."""
    from experiments.evaluation import command as study

    study.make_walkthrough(settings(), say)


@studies.command()
def policies(
    fast: Annotated[bool, typer.Option("--fast", help="Two months and few trees: whether it runs.")] = False,
    exact: Annotated[
        bool, typer.Option("--exact", help="As many trees as production: an hour more.")
    ] = False,
) -> None:
    """Compare retrain policies over 2013; needs no stack. Exit status 1 when ours does not meet its goals."""
    from experiments.retrain_policies.command import compare_policies

    raise typer.Exit(0 if compare_policies(settings(), fast, exact, say) or fast else 1)


@studies.command(name="bench-monitoring")
def bench_monitoring(
    sizes: Annotated[str, typer.Option(help="Predictions in the log, ascending, with commas.")] = "",
    port: Annotated[int, typer.Option(help="Of the PostgreSQL that is filled for it.")] = 15433,
) -> None:
    """Measure what a night costs with 10,000 to 10 million predictions in the log; needs no stack."""
    from experiments.benchmarks.monitoring import SIZES, bench

    wanted = tuple(sorted(int(size) for size in sizes.split(","))) if sizes else SIZES
    say(f"written to {bench(settings(), wanted, port, say)}")


@studies.command(name="monitoring-report")
def monitoring_report() -> None:
    """Write docs/reports/monitoring.md from what the commands measured."""
    from experiments.alert_rules.report import write_report

    say(f"written to {write_report(settings())}")


@studies.command(name="calibrate-alerts")
def calibrate_alerts() -> None:
    """Count the pages of the alert rules on the dataset's year as it was, and write which bounds would widen."""
    from experiments.alert_rules.calibration import calibrate

    say(f"written to {calibrate(settings(), say)}")


@studies.command()
def tune(
    budget: Annotated[float, typer.Option(help="Seconds to search; run again, it goes on.")] = 600,
    until: Annotated[datetime, typer.Option(help="Last day of the folds.")] = datetime(2013, 8, 31),  # noqa: DTZ001
) -> None:
    """Search for better tree parameters on forward-chaining folds; writes reports/tuning.json."""
    from experiments.evaluation.tuning import run_tuning

    run_tuning(settings(), budget, until.date(), say)
