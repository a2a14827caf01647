import numpy as np
import pytest
from sklearn import metrics as sklearn_metrics

from domain import metrics


@pytest.fixture(params=["many values", "many ties"])
def sample(request):
    """Labels and calibrated probabilities of 4,000 rows."""
    generator = np.random.default_rng(7)
    probability = generator.beta(1, 3, 4_000)
    if request.param == "many ties":
        probability = np.round(probability, 1)
    return generator.random(4_000) < probability, probability


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        (metrics.auc, sklearn_metrics.roc_auc_score),
        (metrics.average_precision, sklearn_metrics.average_precision_score),
        (metrics.brier, sklearn_metrics.brier_score_loss),
    ],
)
def test_a_metric_equals_scikit_learns(sample, ours, theirs):
    assert ours(*sample) == pytest.approx(theirs(*sample), abs=1e-12)


def test_log_loss_equals_scikit_learns_and_survives_certainty(sample):
    late, probability = sample
    clipped = np.clip(probability, metrics.CLIP, 1 - metrics.CLIP)
    assert metrics.log_loss(late, probability) == pytest.approx(sklearn_metrics.log_loss(late, clipped))
    assert np.isfinite(metrics.log_loss(np.array([True, False]), np.array([0.0, 1.0])))


def test_one_class_alone_has_no_auc_and_no_rows_have_no_metric():
    assert np.isnan(metrics.auc(np.array([True, True]), np.array([0.2, 0.3])))
    nothing = np.array([], dtype=bool), np.array([])
    assert all(np.isnan(metric(*nothing)) for metric in metrics.METRICS.values())
    assert metrics.summary(*nothing)["n"] == 0


def test_calibration_error_is_the_distance_a_shift_of_all_probabilities_makes():
    generator = np.random.default_rng(3)
    probability = generator.uniform(0.2, 0.6, 200_000)
    late = generator.random(200_000) < probability
    assert metrics.ece(late, probability) < 0.01
    assert metrics.ece(late, probability + 0.1) == pytest.approx(0.1, abs=0.01)


def test_reliability_bins_hold_equally_many_rows_and_rise():
    generator = np.random.default_rng(3)
    probability = generator.beta(1, 5, 1_501)
    table = metrics.reliability(generator.random(1_501) < probability, probability)
    assert table.count.sum() == 1_501
    assert set(table.count.tolist()) == {100, 101}
    assert (np.diff(table.predicted) > 0).all()


def test_a_slice_has_the_metrics_of_its_rows_alone(sample):
    late, probability = sample
    names = np.where(np.arange(4_000) % 3 == 0, "EWR", "JFK")
    by_name = metrics.by_slice(late, probability, names)
    assert list(by_name) == ["EWR", "JFK"]
    assert by_name["EWR"] == metrics.summary(late[names == "EWR"], probability[names == "EWR"])


def test_rows_of_one_day_are_drawn_together():
    # All rows of a day are alike: with rows as blocks the interval would be twenty times narrower.
    day = np.repeat(np.arange(10), 400)
    late = np.random.default_rng(1).random(10)[day] < 0.4
    probability = np.full(4_000, 0.4)
    interval = metrics.bootstrap(metrics.brier, late, probability, day, draws=500)
    assert interval.low < interval.value < interval.high
    assert interval.high - interval.low > 0.05


def test_the_same_seed_gives_the_same_interval(sample):
    day = np.arange(4_000) // 500
    first, second = (metrics.bootstrap(metrics.auc, *sample, day, draws=50, seed=4) for _ in range(2))
    assert first == second


def test_a_paired_difference_sees_a_small_gap_that_days_do_not_blur():
    # Days differ by far more than the two models do.
    day = np.repeat(np.arange(8), 100)
    champion = np.array([0.2, 0.9, 0.4, 0.6, 0.3, 0.8, 0.5, 0.7])[day]
    better = metrics.paired_difference(champion - 0.01, champion, day)
    assert better.mean == pytest.approx(-0.01)
    assert better.high < 0
    assert (better.probability_worse, better.days) == (0.0, 8)
    assert metrics.paired_difference(champion + 0.01, champion, day).probability_worse == 1.0


def test_a_difference_carried_by_one_day_is_uncertain():
    day = np.repeat(np.arange(8), 100)
    gap = np.where(day == 3, -0.1, 0.005)
    verdict = metrics.paired_difference(gap, np.zeros(800), day)
    assert verdict.mean < 0
    assert verdict.probability_worse > 0.2


def test_days_weigh_by_their_rows():
    day = np.array([1, 2, 2, 2])
    difference = metrics.paired_difference(np.array([4.0, 0, 0, 0]), np.zeros(4), day)
    assert difference.mean == 1.0


def test_a_comparison_without_rows_is_refused():
    with pytest.raises(ValueError, match="at least one row"):
        metrics.paired_difference(np.array([]), np.array([]), np.array([], dtype=np.int64))


def test_estimated_performance_is_the_realised_one_when_probabilities_are_calibrated():
    generator = np.random.default_rng(11)
    probability = generator.beta(1, 3, 200_000)
    late = generator.random(200_000) < probability
    estimate, realised = metrics.estimated(probability), metrics.summary(late, probability)
    for name in estimate:
        assert estimate[name] == pytest.approx(realised[name], abs=0.005), name


def test_the_estimated_auc_is_the_average_auc_of_labels_drawn_from_the_probabilities():
    generator = np.random.default_rng(2)
    probability = np.round(generator.beta(2, 3, 60), 1)
    drawn = [metrics.auc(generator.random(60) < probability, probability) for _ in range(4_000)]
    assert metrics.estimated(probability)["auc"] == pytest.approx(np.mean(drawn), abs=0.005)


def test_no_predictions_have_no_estimate():
    assert all(np.isnan(value) for value in metrics.estimated(np.array([])).values())
