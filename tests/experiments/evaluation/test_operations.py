import numpy as np
import pytest

from experiments.evaluation.operations import (
    RECALLS,
    RISKIEST,
    net_benefit,
    operations,
    riskiest_of_days,
)

DAYS = np.array([20130901] * 4 + [20130902] * 2)
LATE = np.array([True, False, True, False, False, True])
PROBABILITY = np.array([0.9, 0.8, 0.1, 0.2, 0.7, 0.3])


def test_the_riskiest_are_chosen_day_by_day():
    hits, looked, late = riskiest_of_days(LATE, PROBABILITY, DAYS, 2)
    assert hits.tolist() == [1, 1]
    assert looked.tolist() == [2, 2]
    assert late.tolist() == [2, 1]


def test_a_small_day_is_looked_at_whole():
    hits, looked, _ = riskiest_of_days(LATE, PROBABILITY, DAYS, 10)
    assert looked.tolist() == [4, 2]
    assert hits.tolist() == [2, 1]


def test_the_order_of_the_flights_does_not_matter():
    order = np.array([5, 0, 3, 1, 4, 2])
    shuffled = riskiest_of_days(LATE[order], PROBABILITY[order], DAYS[order], 2)
    for one, other in zip(shuffled, riskiest_of_days(LATE, PROBABILITY, DAYS, 2), strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.fixture(scope="module")
def found():
    draw = np.random.default_rng(1)
    probability = draw.beta(1, 4, 20_000)
    day = np.repeat(20130901 + np.arange(20), 1000)
    return operations(draw.random(20_000) < probability, probability, day)


def test_precision_falls_and_recall_rises_with_the_flights_looked_at(found):
    precision, recall = ([row[name] for row in found["riskiest"]] for name in ("precision", "recall"))
    assert [row["k"] for row in found["riskiest"]] == list(RISKIEST)
    assert precision == sorted(precision, reverse=True)
    assert recall == sorted(recall)
    assert all(row["precision_low"] <= row["precision"] <= row["precision_high"] for row in found["riskiest"])


def test_what_a_recall_costs_is_what_a_precision_yields(found):
    for row in found["at_precision"]:
        assert row["recall"] == 0 or row["threshold"] is not None
    assert [row["recall"] for row in found["at_recall"]] == list(RECALLS)
    precision = [row["precision"] for row in found["at_recall"]]
    assert precision == sorted(precision, reverse=True)


def test_true_probabilities_are_worth_more_than_warning_of_all_or_none(found):
    for row in found["net_benefit"]:
        assert row["model"] >= max(row["every_flight"], row["none"]) - 0.002


def test_a_perfect_forecast_gains_every_late_flight():
    late = np.array([True, False, False, True])
    assert all(row["model"] == 0.5 for row in net_benefit(late, late.astype(float)))


def test_a_precision_nobody_reaches_is_said_to_have_no_threshold():
    none = operations(np.zeros(50, dtype=bool), np.linspace(0, 1, 50), np.full(50, 20130901))
    assert none["at_precision"][0] == {"precision": 0.5, "recall": 0.0, "threshold": None}
