import numpy as np
import pytest

from domain.features.catalogue import CATEGORICAL, POSITION
from domain.metrics import auc, log_loss
from tests.training.sets import training_set
from training.baselines import SMOOTHING_FLIGHTS, carrier_by_hour, departure_hours, logistic_regression


@pytest.fixture(scope="module")
def rows():
    return training_set(days=20, per_day=60)


def test_hours_are_those_of_the_clock_at_the_origin(rows):
    # 16:00 UTC is noon in New York in April, eleven in March before the change.
    noon = rows.queries.sched_dep % 1440 == 16 * 60
    april = noon & (rows.day >= 20130401)
    assert april.any()
    assert set(departure_hours(rows)[april].tolist()) == {12}


def test_a_carriers_rate_at_an_hour_is_drawn_towards_the_overall_rate(rows):
    predict = carrier_by_hour(rows)
    group = (rows.carrier == "UA") & (departure_hours(rows) == 12)
    expected = (rows.y[group].sum() + SMOOTHING_FLIGHTS * rows.y.mean()) / (group.sum() + SMOOTHING_FLIGHTS)
    assert predict(rows)[group] == pytest.approx(np.full(group.sum(), expected))


def test_a_carrier_never_seen_has_the_overall_rate(rows):
    known = rows.take(rows.carrier != "B6")
    unseen = rows.take(rows.carrier == "B6")
    assert carrier_by_hour(known)(unseen) == pytest.approx(np.full(len(unseen), known.y.mean()))


def test_logistic_regression_finds_the_signal_and_survives_what_is_missing(rows):
    rows.X[:, POSITION["padding"]] = np.nan
    probability = logistic_regression(rows, np.arange(len(rows)), seed=1)(training_set(days=5, seed=2))
    late = training_set(days=5, seed=2).y
    assert auc(late, probability) > 0.65
    assert log_loss(late, probability) < log_loss(late, np.full(len(late), late.mean()))


def test_logistic_regression_takes_no_category_code_for_a_number(rows):
    predict = logistic_regression(rows, np.arange(len(rows)), seed=1)
    other = rows.take(slice(None))
    before = predict(rows)
    other.X[:, [POSITION[name] for name in CATEGORICAL]] += 1000
    assert predict(other).tolist() == before.tolist()
