import numpy as np
import pytest

from domain.perceptrons import Perceptrons
from tests.domain.test_model import PERCEPTRONS


def vectors(n, seed=1):
    """Rows of a lead, a category and a number, some of them not known."""
    draw = np.random.default_rng(seed)
    rows = np.column_stack(
        [draw.uniform(0, 1440, n), draw.choice([370.0, 425.0, 1.0], n), draw.normal(scale=3, size=n)]
    )
    rows[::7, 2] = np.nan
    rows[::11, 1] = np.nan
    return rows


def test_a_row_scores_by_hand():
    """The lead is the mean of its column, its value the second one, and no bound lies below it."""
    inputs = np.array([0.0, 0.0, 0.5, 0.0, 1.0, np.log1p(60.0) / 3 - 1, 0.0, 0.0])
    units = np.maximum(inputs @ PERCEPTRONS.weights + PERCEPTRONS.bias, 0)
    found = PERCEPTRONS.raw_scores(np.array([[60.0, 425.0, 1.5]]))
    assert found == pytest.approx([units @ PERCEPTRONS.out - 1.5], abs=1e-5)


@pytest.mark.parametrize(("lead", "beyond"), [(0, [0, 0]), (90, [0, 0]), (91, [1, 0]), (361, [1, 1])])
def test_a_lead_is_beyond_its_bounds(lead, beyond):
    assert PERCEPTRONS.inputs(np.array([[float(lead), 370.0, 0.5]]))[0, -2:].tolist() == beyond


def test_a_value_that_was_rare_counts_as_none_and_a_missing_one_too():
    rare, missing = np.array([[60.0, 9.0, 1.0]]), np.array([[60.0, np.nan, 1.0]])
    assert PERCEPTRONS.inputs(rare)[0, 3:5].tolist() == [0, 0]
    assert PERCEPTRONS.raw_scores(rare) == PERCEPTRONS.raw_scores(missing)


def test_a_row_of_which_nothing_is_known_has_a_score():
    assert np.isfinite(PERCEPTRONS.raw_scores(np.full((2, 3), np.nan))).all()


def test_a_row_scores_to_the_bit_as_in_a_batch():
    rows = vectors(300)
    assert [PERCEPTRONS.raw_scores(rows[i : i + 1])[0] for i in range(300)] == PERCEPTRONS.raw_scores(
        rows
    ).tolist()


def test_shares_sum_to_the_log_odds():
    rows = vectors(50, seed=2)
    np.testing.assert_allclose(
        PERCEPTRONS.contributions(rows).sum(axis=1), PERCEPTRONS.raw_scores(rows), rtol=0, atol=1e-12
    )


def test_shares_are_the_mean_slope_on_the_way_from_what_was_expected():
    """A sum over many steps of that way finds the same."""
    row = vectors(1, seed=3)
    inputs = PERCEPTRONS.inputs(row)[0].astype(float)
    way = inputs - PERCEPTRONS.expected
    steps = PERCEPTRONS.expected + (np.arange(20_000)[:, None] + 0.5) / 20_000 * way
    active = steps @ PERCEPTRONS.weights + PERCEPTRONS.bias > 0
    slope = (active.mean(axis=0) * PERCEPTRONS.out) @ PERCEPTRONS.weights.T
    by_input = way * slope
    by_feature = [by_input[0] + by_input[5:].sum(), by_input[1] + by_input[3:5].sum(), by_input[2]]
    np.testing.assert_allclose(PERCEPTRONS.contributions(row)[0, :-1], by_feature, atol=1e-3)


def test_the_callers_rows_stay_as_they_are():
    rows = np.array([[np.nan, np.nan, 99.0]])
    PERCEPTRONS.contributions(rows)
    np.testing.assert_array_equal(rows, [[np.nan, np.nan, 99.0]])


def test_they_survive_their_text_to_the_bit():
    text = PERCEPTRONS.to_json()
    again = Perceptrons.from_json(text)
    rows = vectors(50, seed=4)
    assert again.raw_scores(rows).tolist() == PERCEPTRONS.raw_scores(rows).tolist()
    assert again.to_json() == text
