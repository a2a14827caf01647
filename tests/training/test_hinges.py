from dataclasses import replace

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from domain.metrics import auc, log_loss
from tests.training.sets import training_set
from training.hinges import BAND_UNTIL, HingeParameters, fit_hinges

PARAMETERS = HingeParameters(c=0.05)


@pytest.fixture(scope="module")
def rows():
    return training_set(days=60, per_day=80)


@pytest.fixture(scope="module")
def lines(rows):
    return fit_hinges(rows, PARAMETERS, seed=1)


def probability(lines, rows):
    return 1 / (1 + np.exp(-lines.raw_scores(rows.X)))


def in_bands(rows, leads):
    """The same rows, asked about at other leads; a vector holds its lead."""
    vectors = rows.X.copy()
    vectors[:, LEAD] = leads
    return replace(rows, X=vectors, lead=np.asarray(leads, dtype=np.int64))


LEAD = 3
"""Where a vector holds its lead."""


def test_lines_find_what_lateness_depends_on(lines):
    unseen = training_set(days=30, per_day=80, seed=2)
    found = probability(lines, unseen)
    assert auc(unseen.y, found) > 0.75
    assert log_loss(unseen.y, found) < log_loss(unseen.y, np.full(len(unseen), unseen.y.mean())) - 0.05


def test_the_fit_is_the_penalised_maximum_likelihood_of_its_design(rows):
    """scikit-learn's solver on the same columns finds the same weights."""
    same = in_bands(rows, np.full(len(rows), 60))
    lines = fit_hinges(same, PARAMETERS, seed=1)
    z = lines.standardised(same.X)
    design = np.column_stack([z, *(np.maximum(z - knot, 0) for knot in lines.knots)])
    reference = LogisticRegression(C=PARAMETERS.c, tol=1e-8, max_iter=2000).fit(design, same.y)
    np.testing.assert_allclose(lines.weights[0].reshape(-1), reference.coef_[0], atol=2e-3)
    assert lines.intercept[0] == pytest.approx(reference.intercept_[0], abs=2e-3)


def test_the_same_rows_and_seed_give_the_same_text(rows, lines):
    assert fit_hinges(rows, PARAMETERS, seed=1).to_json() == lines.to_json()


def test_a_cap_on_rows_changes_little(rows, lines):
    capped = fit_hinges(rows, replace(PARAMETERS, rows=2000), seed=1)
    assert capped.to_json() != lines.to_json()
    assert np.corrcoef(capped.raw_scores(rows.X), lines.raw_scores(rows.X))[0, 1] > 0.9


def test_each_band_of_leads_has_weights_of_its_own(rows):
    leads = np.where(np.arange(len(rows)) % 2 == 0, 60, 720)
    lines = fit_hinges(in_bands(rows, leads), PARAMETERS, seed=1)
    assert len(lines.weights) == len(BAND_UNTIL)
    assert not np.array_equal(lines.weights[0], lines.weights[2])
    # Nobody asked between an hour and half a day ahead: the nearest band below gives its weights.
    np.testing.assert_array_equal(lines.weights[1], lines.weights[0])


def test_a_column_without_a_value_and_categories_have_no_weight(rows):
    vectors = rows.X.copy()
    vectors[:, 20] = np.nan
    lines = fit_hinges(replace(rows, X=vectors), PARAMETERS, seed=1)
    assert np.abs(lines.weights[:, :, [0, 1, 2, 20]]).max() < 1e-9
    assert np.isfinite(lines.raw_scores(vectors)).all()


def test_shares_of_the_rows_it_was_fitted_on_are_zero_in_the_mean(rows):
    same = in_bands(rows, np.full(len(rows), 60))
    lines = fit_hinges(same, PARAMETERS, seed=1)
    np.testing.assert_allclose(lines.contributions(same.X)[:, :-1].mean(axis=0), 0, atol=1e-9)
