import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from domain.metrics import ece
from training.calibrate import fit_calibration


@pytest.fixture
def overconfident():
    """Raw log-odds twice too large and shifted, and the labels of the true ones."""
    generator = np.random.default_rng(5)
    true = generator.normal(-1.5, 1, 20_000)
    return 2 * true + 0.8, generator.random(20_000) < 1 / (1 + np.exp(-true))


def test_the_fit_undoes_a_scale_and_a_shift(overconfident):
    calibration = fit_calibration(*overconfident)
    assert calibration.slope == pytest.approx(0.5, abs=0.02)
    assert calibration.intercept == pytest.approx(-0.4, abs=0.05)


def test_the_fit_is_the_maximum_likelihood_one(overconfident):
    raw, late = overconfident
    reference = LogisticRegression(C=np.inf, tol=1e-10).fit(raw[:, None], late)
    calibration = fit_calibration(raw, late)
    assert calibration.slope == pytest.approx(reference.coef_[0, 0], abs=1e-5)
    assert calibration.intercept == pytest.approx(reference.intercept_[0], abs=1e-5)


def test_calibrated_probabilities_are_observed_shares(overconfident):
    raw, late = overconfident
    assert ece(late, 1 / (1 + np.exp(-raw))) > 0.05
    assert ece(late, fit_calibration(raw, late).apply(raw)) < 0.01


@pytest.mark.parametrize("late", [True, False])
def test_labels_of_one_kind_cannot_calibrate(late):
    with pytest.raises(ValueError, match="both late and punctual"):
        fit_calibration(np.zeros(10), np.full(10, late))
