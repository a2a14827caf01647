"""The benchmarks from the command line; none needs a stack."""

from typing import Any

from adapters.settings import Settings
from experiments.benchmarks import engines, feature_cost
from experiments.benchmarks import training_set as scale
from experiments.evaluation import run
from experiments.evaluation.command import Say, add, site
from experiments.evaluation.sets import load_sets


def bench_training(settings: Settings, say: Say) -> None:
    """Build the training set of the year once, three and ten times over, and say what it took."""

    def tell(row: dict[str, Any]) -> None:
        say(
            f"{row['times']:>2} x the year: {row['rows']:,} rows in {row['seconds']} s, "
            f"{row['rows_per_cpu_second']:,} rows a CPU second, at most {row['peak_megabytes']:,} MB"
        )

    found = scale.bench(settings.state_dir / "data", settings.state_dir / "study" / "scale", tell)
    add(settings, "bench-training", found)


def bench_engines(settings: Settings, say: Say) -> None:
    """Do one piece of the features' arithmetic in numpy, DuckDB and Polars, and say what each took."""

    def tell(row: dict[str, Any]) -> None:
        say(f"{row['engine']:>7}: {row['cpu_seconds']} s of a core, at most {row['peak_megabytes']:,} MB")

    add(settings, "engines", engines.compare(settings.state_dir / "data", tell))


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
    add(settings, "feature-cost", found)
    say(
        f"{found['features']} features: {found['microseconds_a_tick']:.0f} us a tick, "
        f"{found['microseconds_a_vector']:.0f} us a vector"
    )
    for row in found["families"]:
        say(
            f"  {row['family']:>12}: {row['features']:>3} features, {row['microseconds_a_tick']:.0f} us a tick"
        )
