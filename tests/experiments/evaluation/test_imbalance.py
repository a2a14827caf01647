from dataclasses import replace
from datetime import UTC, date, datetime

import numpy as np
import pytest

from experiments.evaluation.imbalance import METRICS, WAYS, Plan, compare, oversampled, undersampled, weighted
from tests.training.sets import FlownStore
from training.train import TreeParameters

PLAN = Plan(
    fit_from=date(2013, 3, 15),
    fit_days=12,
    calibration_days=6,
    test_days=6,
    parameters=TreeParameters(n_trees=10, min_data_in_leaf=20, feature_fraction=0.5),
)
LATE = np.arange(100) % 4 == 0


@pytest.mark.parametrize("resample", [undersampled, oversampled, weighted])
def test_each_way_makes_the_classes_even(resample):
    rows = resample(LATE, np.random.default_rng(1))
    assert LATE[rows].mean() == 0.5
    assert set(np.flatnonzero(LATE)) <= set(rows.tolist())


def test_every_way_is_measured_on_the_same_later_days():
    found = compare(FlownStore(), datetime(2013, 4, 10, 12, tzinfo=UTC), PLAN)
    assert set(found["ways"]) == set(WAYS)
    assert all(set(METRICS) <= set(way["calibrated"]) for way in found["ways"].values())
    ways = found["ways"]
    assert ways["undersampling"]["rows_fitted"] < ways["nothing"]["rows_fitted"] == found["rows"]["fit"]
    # Balanced trees see late flights everywhere; calibration brings the mean back.
    balanced = ways["class weights"]
    assert balanced["as_fitted"]["mean"] > ways["nothing"]["as_fitted"]["mean"]
    assert balanced["calibrated"]["ece"] < balanced["as_fitted"]["ece"]


def test_the_same_plan_gives_the_same_numbers():
    moment = datetime(2013, 4, 10, 12, tzinfo=UTC)
    plan = replace(PLAN, parameters=replace(PLAN.parameters, n_trees=3))
    assert compare(FlownStore(), moment, plan) == compare(FlownStore(), moment, plan)
