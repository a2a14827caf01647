import numpy as np
import pytest

from adapters.lightgbm_booster import LightGBMBooster
from domain.features.catalogue import CATEGORICAL, FEATURE_NAMES, POSITION
from domain.metrics import auc
from domain.model import CategoryEncoder
from tests.training.sets import numeric_columns, training_set
from training.train import TreeParameters, bin_rows, category_maps, fit_trees, grow_trees

SMALL = TreeParameters(n_trees=20, min_data_in_leaf=20, feature_fraction=0.5)


def test_parameters_are_read_back_from_a_manifest():
    manifest = SMALL.as_dict() | {"threads": 1}
    assert TreeParameters.from_dict(manifest) == SMALL
    del manifest["headline_weight"]
    assert TreeParameters.from_dict(manifest) == SMALL


@pytest.fixture(scope="module")
def rows():
    rows = training_set(days=30)
    rows.X.flags.writeable = False  # shared by tests in any order
    return rows


@pytest.fixture(scope="module")
def trees(rows):
    return fit_trees(rows, SMALL, seed=3)


def test_trees_find_the_signal_on_days_they_have_not_seen(trees):
    unseen = training_set(days=20, seed=9)
    encode = CategoryEncoder(FEATURE_NAMES, trees.categories)
    assert auc(unseen.y, LightGBMBooster(trees.text).raw_scores(encode(unseen.X))) > 0.8
    assert set(list(trees.gain)[:2]) == {FEATURE_NAMES[i] for i in numeric_columns()}


def test_the_same_data_parameters_and_seed_give_the_same_text(rows, trees):
    assert fit_trees(rows, SMALL, seed=3).text == trees.text


def test_rows_that_two_threads_bin_give_the_same_text():
    many = training_set(days=100, per_day=400)
    alone = fit_trees(many, SMALL, seed=3)
    assert grow_trees(bin_rows(many, SMALL, 3, threads=2), SMALL, 3).text == alone.text


def test_another_seed_gives_other_trees(rows, trees):
    assert fit_trees(rows, SMALL, seed=4).text != trees.text


def test_a_models_categories_are_the_codes_of_its_training_alone():
    rows = training_set(days=30)
    rows.X[0, POSITION[CATEGORICAL[0]]] = np.nan
    maps = category_maps(rows.X)
    assert set(maps) == set(CATEGORICAL)
    assert maps[CATEGORICAL[0]] == (100.0, 101.0, 102.0, 103.0)


def test_progress_is_reported_after_every_tree(rows):
    reported = []
    fit_trees(rows, TreeParameters(n_trees=3), seed=1, progress=lambda done, of: reported.append((done, of)))
    assert reported == [(1, 3), (2, 3), (3, 3)]
