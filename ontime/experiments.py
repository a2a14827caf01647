"""Commands that measure the product: model, features, policies, rules. They need no stack and write reports."""

from datetime import datetime
from typing import Annotated

import typer

from adapters.settings import PROJECT_ROOT, settings
from adapters.terminal import say
from deploy.native import selection
from deploy.native.selection import StackName
from ontime import sites

app = typer.Typer()


@app.command()
def evaluate(
    site: sites.Files = None,
    first: sites.FirstDay = None,
    last: sites.LastDay = None,
    keep: sites.Keep = False,
) -> None:
    """Evaluate the model that `train` made on September to December, beside others; writes the report."""
    if site is not None:
        own = sites.enter(site)
        from experiments.other_places import command as other_places

        page = other_places.page_of(own, keep)
        other_places.evaluate(own, sites.day(first), sites.day(last), say, page)
        return
    sites.refuse_days(first, last)
    from experiments.evaluation import command as evaluation

    evaluation.evaluate(settings(), say)


@app.command()
def ablation() -> None:
    """Fit without each family of features, to measure what each is worth."""
    from experiments.evaluation import command as evaluation

    evaluation.ablation(settings(), say)


@app.command()
def refits() -> None:
    """Fit before every month, to measure what that is worth beside a model that is never refitted."""
    from experiments.evaluation import command as evaluation

    evaluation.refits(settings(), say)


@app.command()
def cancellations() -> None:
    """Score the test's flights as a live feed would tell of cancellations: hours before the departure."""
    from experiments.evaluation import command as evaluation

    evaluation.cancellations(settings(), say)


@app.command()
def audit() -> None:
    """Check every vector of the year for data leakage; exit status 1 when there is any."""
    from experiments.evaluation import command as evaluation

    raise typer.Exit(0 if evaluation.audit_features(settings(), say) else 1)


@app.command()
def bench_features() -> None:
    """Measure what each feature costs online, in microseconds."""
    from experiments.benchmarks.command import bench_features as bench

    bench(settings(), say)


@app.command()
def bench(
    rounds: Annotated[int, typer.Option(min=1, help="Medians are over so many.")] = 9,
    seconds: Annotated[float, typer.Option(min=1, help="Of each rung in each round.")] = 2.0,
) -> None:
    """Measure what each step of a prediction costs beside bare Flask, batches and memory; needs no stack."""
    from experiments.benchmarks.report import write_performance
    from experiments.benchmarks.serving import bench as measure

    measure(settings(), rounds, seconds, say)
    say(f"written to {write_performance(settings())}")


@app.command()
def bench_peers(
    rounds: Annotated[int, typer.Option(min=1, help="Medians are over so many.")] = 5,
    seconds: Annotated[float, typer.Option(min=1, help="Of each server in each round.")] = 2.0,
) -> None:
    """Measure other servers beside the API: Granian, which is installed for it, and MLflow's own; needs no stack."""
    from experiments.benchmarks.peers import bench_peers as measure
    from experiments.benchmarks.report import write_performance

    measure(settings(), rounds, seconds, say)
    say(f"written to {write_performance(settings())}")


@app.command()
def bench_capacity() -> None:
    """Measure what one prediction, event, tick and training row costs, for `ontime capacity`; needs no stack."""
    from experiments.capacity.measure import bench as measure
    from experiments.capacity.report import write_page

    measure(settings(), say)
    say(f"written to {write_page(settings())}")


@app.command()
def simulate_country() -> None:
    """Run a generated country's ticks and predictions through the real refresher and API, beside the plan's figures."""
    from experiments.capacity.report import write_page
    from experiments.capacity.simulate import simulate

    simulate(settings(), say)
    say(f"written to {write_page(settings())}")


@app.command()
def notebook() -> None:
    """Execute the notebook docs/notebook.ipynb again."""
    from experiments.evaluation import command as evaluation

    evaluation.make_notebook(settings(), say)


@app.command()
def recording() -> None:
    """Run the demo, and draw what its terminal showed: docs/demo.svg."""
    from experiments.documents.recording import record

    say(f"written to {record(say).relative_to(PROJECT_ROOT)}")


@app.command()
def screenshots() -> None:
    """Replay a faulty day on the demo's stack, and take the pictures of docs/walkthrough.md."""
    from experiments.documents.screenshots import take

    selection.require_demo()
    take(selection.enter(StackName.DEMO), say)


@app.command()
def slides() -> None:
    """Write the slides of docs/presentation as HTML and PDF, with the figures that the commands measured."""
    from experiments.documents.slides import make

    make(settings(), say)


@app.command()
def policies(
    fast: Annotated[
        bool, typer.Option("--fast", help="Two months and few trees: a check that it runs.")
    ] = False,
    site: sites.Files = None,
    first: sites.FirstDay = None,
    last: sites.LastDay = None,
) -> None:
    """Compare retrain policies over April to December 2013; exit status 1 when ours does not meet its goals."""
    if site is None:
        sites.refuse_days(first, last)
        from experiments.retrain_policies.command import compare_policies

        raise typer.Exit(0 if compare_policies(settings(), fast, say) or fast else 1)
    own = sites.enter(site)
    from data.site import site_of
    from experiments.retrain_policies.command import compare_policies

    place = site_of(own.state_dir / "data")
    begins = sites.day(first) or place.replay_from
    place.require_first_days(begins)
    period = place.tested(begins, sites.day(last))
    raise typer.Exit(0 if compare_policies(own, fast, say, period) or fast else 1)


@app.command()
def error_curves() -> None:
    """Measure how often a candidate is removed wrongly, and how soon harm is found, by alpha, margin and cadence."""
    from experiments.retrain_policies.command import measure_error_curves

    measure_error_curves(settings(), say)


@app.command()
def bench_monitoring(
    sizes: Annotated[str, typer.Option(help="Predictions in the log, ascending, with commas.")] = "",
    port: Annotated[int, typer.Option(help="Of the PostgreSQL that is filled for it.")] = 15433,
) -> None:
    """Measure what a monitoring run costs with 10,000 to 10 million predictions in the log."""
    from experiments.benchmarks.monitoring import SIZES, bench

    wanted = tuple(sorted(int(size) for size in sizes.split(","))) if sizes else SIZES
    say(f"written to {bench(settings(), wanted, port, say)}")


@app.command()
def bench_dask(
    days: Annotated[int, typer.Option(min=1, max=31, help="Of each month that are asked about.")] = 31,
    years: Annotated[int, typer.Option(min=2, help="Of facts, beside one.")] = 10,
) -> None:
    """Measure a training set's vectors on this process, one Dask worker and two, and with a worker killed."""
    from experiments.benchmarks.dask import bench

    say(f"written to {bench(settings(), days, years, say).relative_to(PROJECT_ROOT)}")


@app.command()
def monitoring_report() -> None:
    """Write docs/reports/monitoring.md from what the commands measured."""
    from experiments.alert_rules.report import write_report

    say(f"written to {write_report(settings())}")


@app.command()
def calibrate_alerts() -> None:
    """Count the pages of the alert rules over the dataset's year, and write which bounds would widen."""
    from experiments.alert_rules.calibration import calibrate

    say(f"written to {calibrate(settings(), say)}")


@app.command()
def detection_curves() -> None:
    """Measure how small a fault of the feeds the alert rules find, and how soon: a part of the monitoring report."""
    from experiments.drills.detection import measure

    say(f"written to {measure(settings(), say)}")


@app.command()
def tune(
    budget: Annotated[float, typer.Option(help="Seconds to search; another run continues.")] = 600,
    until: Annotated[datetime, typer.Option(help="Last day of the folds.")] = datetime(2013, 8, 31),  # noqa: DTZ001
) -> None:
    """Search for better tree parameters on forward-chaining folds; writes reports/tuning.json."""
    from experiments.evaluation.tuning import run_tuning

    run_tuning(settings(), budget, until.date(), say)


@app.command()
def chaos(
    seconds: Annotated[float, typer.Option(min=1, help="How long each fault lasts.")] = 10.0,
) -> None:
    """Do faults to a small stack under load; exit status 1 unless each acknowledged prediction is logged once."""
    from experiments.benchmarks.chaos import chaos as measure
    from experiments.benchmarks.chaos import is_sound
    from experiments.benchmarks.report import write_reliability

    found = measure(settings(), seconds, say)
    say(f"written to {write_reliability(settings())}")
    raise typer.Exit(0 if is_sound(found) else 1)
