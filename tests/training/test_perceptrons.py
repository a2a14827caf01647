from dataclasses import replace

import numpy as np
import pytest

from domain.features.catalogue import POSITION
from domain.metrics import auc, log_loss
from tests.training.sets import training_set
from training.fit import Recipe, fit_model
from training.hinges import HingeParameters, fit_hinges
from training.perceptrons import PerceptronParameters, fit_perceptrons
from training.train import TreeParameters

PARAMETERS = PerceptronParameters(
    networks=2, units=16, passes=4, learning_rate=5e-3, batch=128, least_rows=100
)
CARRIER = POSITION["carrier_code"]


@pytest.fixture(scope="module")
def rows():
    return training_set(days=60, per_day=80)


@pytest.fixture(scope="module")
def columns(rows):
    return fit_hinges(rows, HingeParameters(), seed=1)


@pytest.fixture(scope="module")
def fitted(rows, columns):
    return fit_perceptrons(rows, columns, PARAMETERS, seed=1)


def probability(fitted, rows):
    return 1 / (1 + np.exp(-fitted.raw_scores(rows.X)))


def test_they_find_what_lateness_depends_on(fitted):
    unseen = training_set(days=30, per_day=80, seed=2)
    found = probability(fitted, unseen)
    assert auc(unseen.y, found) > 0.75
    assert log_loss(unseen.y, found) < log_loss(unseen.y, np.full(len(unseen), unseen.y.mean())) - 0.05


def test_their_mean_is_that_of_each_alone(rows, columns, fitted):
    alone = [
        fit_perceptrons(rows, columns, replace(PARAMETERS, networks=1), seed).raw_scores(rows.X)
        for seed in (1, 2)
    ]
    np.testing.assert_allclose(fitted.raw_scores(rows.X), np.mean(alone, axis=0), atol=1e-4)


def test_the_same_rows_and_seed_give_the_same_text(rows, columns, fitted):
    assert fit_perceptrons(rows, columns, PARAMETERS, seed=1).to_json() == fitted.to_json()
    assert fit_perceptrons(rows, columns, PARAMETERS, seed=2).to_json() != fitted.to_json()


@pytest.mark.parametrize("at_once", [1, 2])
def test_those_of_a_model_are_the_same_on_one_thread_and_on_two(rows, columns, fitted, at_once):
    few = Recipe(TreeParameters(n_trees=3), perceptrons=PARAMETERS)
    made = fit_model(rows, few, seed=1, at_once=at_once)
    assert made.hinges.to_json() == columns.to_json()
    assert made.perceptrons.to_json() == fitted.to_json()


def test_a_cap_on_rows_changes_little(rows, columns, fitted):
    capped = fit_perceptrons(rows, columns, replace(PARAMETERS, rows=2000), seed=1)
    assert capped.to_json() != fitted.to_json()
    assert np.corrcoef(capped.raw_scores(rows.X), fitted.raw_scores(rows.X))[0, 1] > 0.8


def test_a_value_of_enough_rows_has_an_input_of_its_own(rows, columns):
    vectors = rows.X.copy()
    vectors[:5, CARRIER] = 999.0
    fitted = fit_perceptrons(replace(rows, X=vectors), columns, PARAMETERS, seed=1)
    of_carriers = fitted.value[fitted.value_column == CARRIER]
    assert of_carriers.tolist() == [100, 101, 102, 103]


def test_columns_end_at_so_many_standard_deviations(rows, columns):
    fitted = fit_perceptrons(rows, columns, replace(PARAMETERS, bound=0.5), seed=1)
    assert np.abs(fitted.standardised(rows.X)).max() == pytest.approx(0.5)
    assert fitted.n_features == columns.n_features


def test_flights_of_one_outcome_are_fitted_too(rows, columns):
    never = replace(rows, y=np.zeros(len(rows), dtype=bool))
    assert probability(fit_perceptrons(never, columns, PARAMETERS, seed=1), never).max() < 0.1


def test_shares_of_the_rows_it_was_fitted_on_start_from_their_mean(rows, fitted):
    np.testing.assert_allclose(fitted.expected, fitted.inputs(rows.X).mean(axis=0), atol=1e-5)
