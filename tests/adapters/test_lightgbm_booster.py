import lightgbm
import numpy as np
import pytest

from adapters.lightgbm_booster import LightGBMBooster


@pytest.fixture(scope="module")
def rows():
    values = np.random.default_rng(1).normal(size=(500, 6))
    values[:, 5] = np.random.default_rng(2).integers(0, 4, 500)
    values[values[:, 0] > 1.5, 1] = np.nan
    return values


@pytest.fixture(scope="module")
def trained(rows):
    late = (rows[:, 0] + (rows[:, 5] == 2) > 0.5).astype(int)
    data = lightgbm.Dataset(rows, late, categorical_feature=[5], params={"verbosity": -1})
    return lightgbm.train({"objective": "binary", "num_leaves": 7, "verbosity": -1}, data, 30)


@pytest.fixture(scope="module")
def booster(trained):
    return LightGBMBooster(trained.model_to_string())


def test_a_batch_scores_as_the_library_does(booster, trained, rows):
    np.testing.assert_array_equal(booster.raw_scores(rows), trained.predict(rows, raw_score=True))


def test_one_row_scores_to_the_bit_as_in_a_batch(booster, rows):
    batch = booster.raw_scores(rows)
    assert [booster.raw_scores(rows[i : i + 1])[0] for i in range(100)] == batch[:100].tolist()


def test_contributions_are_the_librarys_and_sum_to_the_raw_score(booster, trained, rows):
    shares = booster.contributions(rows)
    np.testing.assert_array_equal(shares, trained.predict(rows, pred_contrib=True))
    np.testing.assert_allclose(shares.sum(axis=1), booster.raw_scores(rows), atol=1e-9)


def test_no_rows_give_no_scores(booster):
    assert booster.raw_scores(np.empty((0, 6))).shape == (0,)


def test_columns_in_memory_order_do_not_matter(booster, rows):
    np.testing.assert_array_equal(booster.raw_scores(np.asfortranarray(rows)), booster.raw_scores(rows))


@pytest.mark.parametrize("shape", [(3, 5), (1, 7), (6,)])
def test_a_wrong_number_of_columns_is_refused_before_the_library_reads_memory(booster, shape):
    with pytest.raises(ValueError, match="expected 6 columns"):
        booster.raw_scores(np.zeros(shape))


def test_a_text_that_is_no_model_is_refused():
    with pytest.raises(ValueError, match="LightGBM"):
        LightGBMBooster("not a model")
