import numpy as np
import pytest

from domain.hinges import HingeLogistic
from tests.domain.test_model import HINGES


def test_a_line_bends_at_its_knots():
    """By hand: 1.5 is z = 0.5, which lies beyond both knots of the third column."""
    found = HINGES.raw_scores(np.array([[60.0, 0.0, 1.5]]))
    assert found == pytest.approx([-1.0 + 0.5 - 0.5 * 0.4 + 2.0 * 0.1])


def test_a_value_beyond_the_bounds_counts_as_the_bound():
    beyond, bound = np.array([[60.0, 0.0, 99.0]]), np.array([[60.0, 0.0, 2.0]])
    assert HINGES.raw_scores(beyond) == HINGES.raw_scores(bound)


def test_what_is_missing_counts_as_the_mean():
    missing, mean = np.array([[60.0, np.nan, np.nan]]), np.array([[60.0, 0.0, 0.5]])
    assert HINGES.raw_scores(missing) == HINGES.raw_scores(mean)


@pytest.mark.parametrize(
    ("lead", "intercept"), [(0, -1.0), (90, -1.0), (91, -2.0), (1440, -2.0), (9999, -2.0)]
)
def test_a_lead_has_the_weights_of_its_band(lead, intercept):
    row = np.array([[float(lead), 0.0, 0.5]])
    assert HINGES.contributions(row)[0, -1] == pytest.approx(
        intercept + HINGES.expected[0 if lead <= 90 else 1].sum()
    )


def test_a_row_scores_to_the_bit_as_in_a_batch():
    rows = np.random.default_rng(1).normal(scale=300, size=(200, 3))
    rows[::7, 2] = np.nan
    assert [HINGES.raw_scores(rows[i : i + 1])[0] for i in range(200)] == HINGES.raw_scores(rows).tolist()


def test_shares_sum_to_the_log_odds():
    rows = np.random.default_rng(2).normal(scale=300, size=(50, 3))
    np.testing.assert_allclose(HINGES.contributions(rows).sum(axis=1), HINGES.raw_scores(rows), rtol=1e-9)


def test_the_callers_rows_stay_as_they_are():
    rows = np.array([[60.0, np.nan, 99.0]])
    HINGES.raw_scores(rows)
    np.testing.assert_array_equal(rows, [[60.0, np.nan, 99.0]])


def test_lines_survive_their_text_to_the_bit():
    text = HINGES.to_json()
    again = HingeLogistic.from_json(text)
    rows = np.random.default_rng(3).normal(scale=300, size=(50, 3))
    assert again.raw_scores(rows).tolist() == HINGES.raw_scores(rows).tolist()
    assert again.to_json() == text
