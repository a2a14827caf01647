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


def test_what_chance_adds_to_a_calibration_error_is_taken_off():
    """Of 7,000 rows: a shift of 0.02 is seen as 0.02, and a calibrated model as nearer to none than its bins are."""
    generator = np.random.default_rng(4)
    plain, found = [], {shift: [] for shift in (0.0, 0.02)}
    for _ in range(40):
        probability = generator.beta(1, 4, 7_000)
        for shift, errors in found.items():
            late = generator.random(7_000) < probability + shift
            errors.append(metrics.ece(late, probability))
            table = metrics.reliability(late, probability)
            plain.append(np.average(np.abs(table.predicted - table.observed), weights=table.count))
    assert np.mean(found[0.02]) == pytest.approx(0.02, abs=0.001)
    assert np.mean(plain[1::2]) > 0.022
    assert np.mean(found[0.0]) < 0.65 * np.mean(plain[::2])


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
