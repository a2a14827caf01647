from datetime import date, timedelta

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain import metrics
from experiments.evaluation import report
from experiments.evaluation.costs import RATIOS, cost_curve
from experiments.evaluation.intervals import by_name, quality


@settings(max_examples=40, deadline=None)
@given(st.integers(20, 300), st.integers(0, 2**32 - 1))
def test_the_weighted_metrics_are_the_domains_own(n, seed):
    generator = np.random.default_rng(seed)
    # Few values: ties are where the two could differ.
    probability = generator.integers(1, 20, n) / 20
    late = generator.random(n) < probability
    late[:2] = True, False
    found = quality(late, probability, 20130901 + np.arange(n) % 30, draws=3)
    for name in ("auc", "average_precision", "log_loss", "brier"):
        assert found[name] == pytest.approx(metrics.METRICS[name](late, probability), abs=1e-12), name


def test_the_calibration_error_is_the_domains_without_ties():
    generator = np.random.default_rng(1)
    probability = generator.random(1500)
    late = generator.random(1500) < probability**2
    found = quality(late, probability, 20130901 + np.arange(1500) % 30, draws=3)
    assert found["ece"] == pytest.approx(metrics.ece(late, probability), abs=1e-12)


@pytest.mark.parametrize(("weeks", "drawn"), [(2, True), (4, True), (9, False)])
def test_few_weeks_are_not_drawn_again_and_again_but_their_days(weeks, drawn):
    """Weeks that are all the same differ in no draw; their days do."""
    generator = np.random.default_rng(2)
    probability = generator.beta(1, 3, 420)
    late = generator.random(420) < probability
    days = [int(f"{date(2024, 2, 19) + timedelta(days=n):%Y%m%d}") for n in range(7 * weeks)]
    found = quality(np.tile(late, weeks), np.tile(probability, weeks), np.repeat(days, 60))
    assert (found["auc_high"] - found["auc_low"] > 0.02) == drawn


def test_of_few_days_there_is_a_value_and_no_interval():
    generator = np.random.default_rng(2)
    probability = generator.beta(1, 3, 240)
    late = generator.random(240) < probability
    found = quality(late, probability, np.repeat([20240219, 20240220, 20240221, 20240222], 60))
    assert found["auc"] == pytest.approx(metrics.auc(late, probability))
    assert np.isnan([found["auc_low"], found["auc_high"]]).all()


def test_groups_add_up():
    generator = np.random.default_rng(3)
    late, names = generator.random(300) < 0.3, np.array(["a", "b", "c"])[generator.integers(0, 3, 300)]
    probability, day = generator.random(300), 20130901 + np.arange(300) % 30
    found, whole = by_name(late, probability, day, names), quality(late, probability, day)
    assert sum(v["n"] for v in found.values()) == 300
    for name in ("log_loss", "brier", "late_rate"):
        mean = sum(v["n"] * v[name] for v in found.values()) / 300
        assert mean == pytest.approx(whole[name], abs=1e-12), name


def test_a_calibrated_threshold_costs_no_more_than_warning_of_none_or_all():
    generator = np.random.default_rng(4)
    probability = generator.beta(1, 3, 40_000)
    late = generator.random(40_000) < probability
    for row in cost_curve(late, probability):
        assert row["best"] <= row["cost"] * 1.001 + 1e-9 or row["cost"] <= row["best"] * 1.01
        assert row["cost"] <= min(row["never"], row["always"]) * 1.01
    assert [row["ratio"] for row in cost_curve(late, probability)] == list(RATIOS)


@pytest.mark.parametrize("ratio", RATIOS)
def test_no_threshold_that_is_called_for_costs_less_than_the_best_one(ratio):
    called = 1 / (1 + ratio)
    # Warning from the called threshold on makes no mistake; below it are punctual flights, just above it late ones.
    probability, late = np.repeat([called - 0.001, called + 0.001], 50), np.arange(100) >= 50
    [row] = [row for row in cost_curve(late, probability) if row["ratio"] == ratio]
    assert (row["threshold"], row["cost"]) == (called, 0)
    assert (row["best_threshold"], row["best"]) == (called, 0)


def test_a_page_of_earlier_figures_calls_no_cost_the_best_that_the_called_threshold_undercuts():
    kept = {
        "ratio": 20.0,
        "threshold": 0.0476,
        "cost": 769.5,
        "best": 772.8,
        "never": 4137.4,
        "always": 793.1,
    }
    text = "\n".join(report._costs({"costs": [kept | {"warned": 0.9291}]}, "figures"))
    assert "| 20 | 0.05 | 92.9% | 770 | 770 | 4137 | 793 |" in text
