"""The benchmarks from the command line; none needs a stack."""

from adapters.settings import Settings
from adapters.terminal import Say
from experiments.benchmarks import feature_cost
from experiments.evaluation import run
from experiments.evaluation.command import add, workspace
from experiments.evaluation.sets import load_sets


def bench_features(settings: Settings, say: Say) -> None:
    """Measure what each feature and an answer of the trained model cost online."""
    where = workspace(settings)
    model = run.trained(where)
    found = feature_cost.measure(where.data_dir)
    vectors = load_sets(where.plan, where.data_dir, where.folder, run.PrintedProgress(say)).test.X
    found |= feature_cost.measure_answers(model, vectors)
    say(
        f"{found['microseconds_a_probability']:.0f} us a probability, "
        f"{found['microseconds_an_explanation']:.0f} us to explain it"
    )
    add(settings, "feature-cost", found, "make bench-features")
    say(
        f"{found['features']} features: {found['microseconds_a_tick']:.0f} us a tick, "
        f"{found['microseconds_a_vector']:.0f} us a vector"
    )
    for row in found["families"]:
        say(
            f"  {row['family']:>12}: {row['features']:>3} features, {row['microseconds_a_tick']:.0f} us a tick"
        )
