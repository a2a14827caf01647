"""Draws by weights are those of rows that are drawn block by block, and intervals are about days."""

import numpy as np
import pytest

from domain.bootstrap import bootstrap, draw_blocks, paired_difference, percentile_interval
from domain.metrics import METRICS


@pytest.fixture(params=["many values", "many ties"])
def sample(request):
    """Labels and calibrated probabilities of 4,000 rows, and their day, of unequal size."""
    generator = np.random.default_rng(7)
    probability = generator.beta(1, 3, 4_000)
    if request.param == "many ties":
        probability = np.round(probability, 1)
    return generator.random(4_000) < probability, probability, np.sort(generator.integers(0, 30, 4_000) ** 2)


@pytest.mark.parametrize("name", ["auc", "average_precision", "log_loss", "brier"])
def test_a_draw_is_the_metric_of_the_rows_of_its_days(sample, name):
    late, probability, day = sample
    days = np.unique(day)
    expected = []
    for drawn in draw_blocks(len(days), 40, seed=3):
        rows = np.concatenate([np.flatnonzero(day == days[i]) for i in drawn])
        expected.append(METRICS[name](late[rows], probability[rows]))
    found = bootstrap(late, probability, day, (name,), draws=40, seed=3)[name]
    assert found == pytest.approx(expected, abs=1e-12)


def test_rows_in_any_order_have_the_same_draws(sample):
    late, probability, day = sample
    order = np.random.default_rng(1).permutation(len(late))
    one, other = bootstrap(late, probability, day), bootstrap(late[order], probability[order], day[order])
    for name in ("auc", "average_precision", "log_loss", "brier"):
        assert one[name] == pytest.approx(other[name], abs=1e-12), name


def test_rows_of_one_day_are_drawn_together():
    # All rows of a day are alike: with rows as blocks the interval would be twenty times narrower.
    day = np.repeat(np.arange(10), 400)
    late = np.random.default_rng(1).random(10)[day] < 0.4
    probability = np.full(4_000, 0.4)
    low, high = percentile_interval(bootstrap(late, probability, day, ("brier",), draws=500)["brier"])
    assert low < METRICS["brier"](late, probability) < high
    assert high - low > 0.05


def test_the_same_seed_gives_the_same_draws(sample):
    first, second, other = (bootstrap(*sample, ("auc",), draws=50, seed=seed)["auc"] for seed in (4, 4, 5))
    assert (first == second).all()
    assert (first != other).any()


def test_draws_without_a_value_leave_the_interval_to_the_others():
    day = np.repeat(np.arange(4), 5)
    late = (day == 0) & (np.arange(20) % 2 == 0)
    drawn = bootstrap(late, np.linspace(0.1, 0.9, 20), day, ("auc",))["auc"]
    assert np.isnan(drawn).any()
    assert np.isfinite(percentile_interval(drawn)).all()
    assert np.isnan(percentile_interval(np.full(3, np.nan))).all()


def test_a_paired_difference_sees_a_small_gap_that_days_do_not_blur():
    # Days differ by far more than the two models do.
    day = np.repeat(np.arange(8), 100)
    champion = np.array([0.2, 0.9, 0.4, 0.6, 0.3, 0.8, 0.5, 0.7])[day]
    better = paired_difference(champion - 0.01, champion, day)
    assert better.mean == pytest.approx(-0.01)
    assert better.high < 0
    assert (better.probability_worse, better.days) == (0.0, 8)
    assert paired_difference(champion + 0.01, champion, day).probability_worse == 1.0


def test_a_difference_carried_by_one_day_is_uncertain():
    day = np.repeat(np.arange(8), 100)
    gap = np.where(day == 3, -0.1, 0.005)
    verdict = paired_difference(gap, np.zeros(800), day)
    assert verdict.mean < 0
    assert verdict.probability_worse > 0.2


def test_days_weigh_by_their_rows():
    day = np.array([1, 2, 2, 2])
    difference = paired_difference(np.array([4.0, 0, 0, 0]), np.zeros(4), day)
    assert difference.mean == 1.0


def test_a_comparison_without_rows_is_refused():
    with pytest.raises(ValueError, match="at least one row"):
        paired_difference(np.array([]), np.array([]), np.array([], dtype=np.int64))
