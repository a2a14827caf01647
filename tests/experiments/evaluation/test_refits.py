"""Refits before every month, on a made-up hundred days whose rule turns half way."""

from dataclasses import replace
from datetime import date

import numpy as np
import pytest

from domain.metrics import auc
from experiments.evaluation import further, refits
from tests.training.sets import numeric_columns, training_set
from training.train import TreeParameters

PARAMETERS = TreeParameters(n_trees=25, num_leaves=7, min_data_in_leaf=50, feature_fraction=1.0)
FROZEN = (201302,)


@pytest.fixture(scope="module")
def rows():
    made = training_set(days=100, per_day=40, last=date(2013, 4, 10))
    turned = made.X.copy()
    turned[made.day >= 20130301, numeric_columns()[0]] *= -1
    return replace(made, X=turned)


@pytest.fixture(scope="module")
def delay(rows):
    return np.where(rows.y, 40, 0)


@pytest.fixture(scope="module")
def scores(rows, delay):
    return dict(refits.scored(rows, delay, PARAMETERS, 1, FROZEN))


def test_each_month_after_the_freeze_is_scored_by_both(rows, scores):
    assert list(scores) == [201303, 201304]
    for month, said in scores.items():
        assert set(said) == {refits.REFITTED, "frozen after 2013-02"}
        assert {len(p) for p in said.values()} == {int((rows.day // 100 == month).sum())}


def test_before_the_first_month_both_are_the_same_model(scores):
    assert np.array_equal(scores[201303][refits.REFITTED], scores[201303]["frozen after 2013-02"])


def test_a_refit_learns_what_the_frozen_model_never_saw(rows, scores):
    found = refits.evaluate(rows, scores)
    gain = found["gains"]["frozen after 2013-02"]
    april = rows.y[rows.day // 100 == 201304]
    said = scores[201304]
    gained = auc(april, said[refits.REFITTED]) - auc(april, said["frozen after 2013-02"])
    assert gained > 0.02
    assert gain["mean_auc"] == pytest.approx(gained / 2)
    assert gain["better_months"] == 1
    assert gain["log_loss_low"] <= gain["log_loss"] <= gain["log_loss_high"]
    assert gain["log_loss"] < 0


def test_no_label_that_was_not_known_at_the_months_first_question_is_fitted_on(rows, delay):
    late = delay.copy()
    held = np.flatnonzero(rows.day == 20130301)[0]
    late[held] = 60 * 1440
    seen = refits.known_before(rows, late, 201304)
    first = rows.queries.as_of[rows.day >= 20130401].min()
    assert (rows.day[seen] < 20130401).all()
    assert (rows.queries.sched_arr[seen] + late[seen] < first).all()
    assert held in refits.known_before(rows, delay, 201304)
    assert held not in seen


def test_the_report_shows_every_month_and_the_gain(rows, scores):
    found = refits.evaluate(rows, scores)
    page = "\n".join(further.SECTIONS["refits"](found))
    for month, values in found["months"].items():
        assert f"| {month} | {values['n']:,} |" in page
    assert f"{found['gains']['frozen after 2013-02']['mean_auc']:+.4f}" in page
