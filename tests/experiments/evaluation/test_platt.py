import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from domain.metrics import ece
from domain.model import Calibration
from experiments.evaluation.platt import fit_calibration, maximum_likelihood

DAYS = 40


def world(scale: float, shift: float, daily: float, seed: int = 5):
    """Log-odds scaled and shifted, with days whose level varies; labels of the true ones, and days."""
    generator = np.random.default_rng(seed)
    day = np.repeat(np.arange(DAYS), 500)
    true = generator.normal(-1.5, 1, len(day))
    level = generator.normal(0, daily, DAYS)
    late = generator.random(len(day)) < 1 / (1 + np.exp(-true - level[day]))
    return scale * true + shift, late, day


def test_the_fit_undoes_a_scale_and_a_shift():
    calibration = fit_calibration(*world(2.0, 0.8, daily=0.0))
    assert calibration.slope == pytest.approx(0.5, abs=0.02)
    assert calibration.intercept == pytest.approx(-0.4, abs=0.05)


def test_before_it_is_shrunk_it_is_the_maximum_likelihood_fit():
    raw, late, _ = world(2.0, 0.8, daily=0.3)
    reference = LogisticRegression(C=np.inf, tol=1e-10).fit(raw[:, None], late)
    found = maximum_likelihood(np.column_stack([raw, np.ones_like(raw)]), late)
    assert found == pytest.approx([reference.coef_[0, 0], reference.intercept_[0]], abs=1e-5)


def test_calibrated_probabilities_are_observed_shares():
    raw, late, day = world(2.0, 0.8, daily=0.0)
    assert ece(late, 1 / (1 + np.exp(-raw))) > 0.05
    assert ece(late, fit_calibration(raw, late, day).apply(raw)) < 0.01


def test_what_the_luck_of_days_explains_changes_nothing():
    found = [fit_calibration(*world(1.0, 0.0, daily=0.2, seed=seed)) for seed in range(40)]
    assert sum(one == Calibration() for one in found) > 15


def test_the_same_distance_is_believed_less_when_days_differ():
    raw, late, day = world(1.0, 0.4, daily=0.8)
    found = fit_calibration(raw, late, day)
    slope, intercept = maximum_likelihood(np.column_stack([raw, np.ones_like(raw)]), late)
    share = found.intercept / intercept
    assert 0.3 < share < 0.95
    assert found.slope - 1 == pytest.approx(share * (slope - 1))
    # Taken one by one, the flights of those days would have vouched for nearly all of it.
    alone = fit_calibration(raw, late, np.arange(len(raw)))
    assert alone.intercept / intercept > 0.98


@pytest.mark.parametrize("late", [True, False])
def test_labels_of_one_kind_cannot_calibrate(late):
    with pytest.raises(ValueError, match="both late and punctual"):
        fit_calibration(np.zeros(10), np.full(10, late), np.arange(10))


def test_two_days_cannot_calibrate():
    with pytest.raises(ValueError, match="at least 3 days"):
        fit_calibration(np.arange(4.0), np.array([True, False] * 2), np.array([1, 1, 2, 2]))
