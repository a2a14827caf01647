from dataclasses import replace
from datetime import UTC, date, datetime

import numpy as np
import pytest

from adapters.settings import settings
from data.site import Site
from domain.metrics import auc
from experiments.retrain_policies import candidates
from experiments.retrain_policies.candidates import Workshop, first_window, retrain_window
from experiments.retrain_policies.year import Year, day_number
from monitoring.windows import run_moment
from replay import first_steps
from tests.experiments.retrain_policies import worlds
from tests.training.sets import numeric_columns
from training.retraining import RetrainPlan
from training.train import TreeParameters

RETRAIN_DAY = date(2013, 3, 20)
FEW = TreeParameters(n_trees=15, learning_rate=0.3)


@pytest.fixture(scope="module")
def year():
    return worlds.year(days=90)


@pytest.fixture
def workshop(year, tmp_path):
    return Workshop(year, tmp_path, FEW)


def test_a_candidate_is_evaluated_on_the_days_after_its_fit_and_knows_nothing_of_the_retrain_day(
    year, workshop
):
    candidate = workshop.candidate(retrain_window(RETRAIN_DAY, RetrainPlan()))
    held_out = np.unique(year.rows.day[candidate.held_out])
    assert held_out.tolist() == [20130315, 20130316, 20130317, 20130318, 20130319]
    assert candidate.trained_until == date(2013, 3, 14)
    assert candidate.labels == (year.rows.day <= 20130314).sum()
    later = year.rows.day >= day_number(RETRAIN_DAY)
    assert auc(year.rows.y[later], candidate.probability[later]) > 0.7
    assert np.isnan(candidate.probability[year.rows.day < 20130315]).all()


def test_a_candidate_is_fitted_on_questions_at_all_leads_and_answers_those_at_the_headline(
    year, workshop, tmp_path
):
    twice = np.repeat(np.arange(len(year.questions)), 2)
    asked = year.questions.take(twice)
    asked.lead[1::2] = 180
    asked.X[1::2, numeric_columns()[0]] = 0.0  # three hours ahead less is known
    both = Year(asked, year.question_known[twice], "two leads")
    window = retrain_window(RETRAIN_DAY, RetrainPlan())
    one, two = workshop.candidate(window), Workshop(both, tmp_path / "both", FEW).candidate(window)
    assert (two.labels, two.held_out.tolist()) == (one.labels, one.held_out.tolist())
    assert two.probability.shape == one.probability.shape
    assert not np.array_equal(two.probability, one.probability, equal_nan=True)
    rates = (candidate.baselines["carrier_by_hour"] for candidate in (one, two))
    assert np.array_equal(*rates), "baselines are of the headline lead, as those of a retrain"


def test_labels_that_were_not_known_are_not_fitted_on(year, tmp_path):
    """What lies after the retrain may be anything: the fit is the same to the last bit."""
    known = (
        year.label_known <= (run_moment(RETRAIN_DAY) - datetime(1970, 1, 1, tzinfo=UTC)).total_seconds() // 60
    )
    other = replace(year, questions=replace(year.questions, y=year.questions.y ^ ~known))
    window = retrain_window(RETRAIN_DAY, RetrainPlan())
    turned = Workshop(other, tmp_path / "one", FEW).candidate(window)
    right = Workshop(year, tmp_path / "two", FEW).candidate(window)
    assert np.array_equal(turned.probability, right.probability, equal_nan=True)


def test_a_kept_candidate_is_not_fitted_again(workshop):
    window = retrain_window(RETRAIN_DAY, RetrainPlan())
    assert not workshop.has(window)
    fitted = workshop.candidate(window)
    assert workshop.has(window)
    kept = workshop.candidate(window)
    assert kept.cpu_seconds == fitted.cpu_seconds
    assert np.array_equal(kept.probability, fitted.probability, equal_nan=True)
    assert kept.baselines.keys() == {"carrier_by_hour", "logistic_regression"}


def test_other_parameters_are_another_candidate(year, workshop, tmp_path):
    window = retrain_window(RETRAIN_DAY, RetrainPlan())
    workshop.candidate(window)
    assert not Workshop(year, tmp_path, TreeParameters(n_trees=16, learning_rate=0.3)).has(window)


def test_the_first_champion_is_fitted_before_the_first_flight_of_the_first_day():
    window = first_window(date(2013, 4, 1))
    assert window.flown_until == date(2013, 3, 31)
    assert window.flown_from <= date(2013, 1, 1), "whatever there is of the year before"
    assert window.as_of == datetime(2013, 4, 1, 7, 55, tzinfo=UTC)


@pytest.mark.parametrize(
    ("home", "begins"), [("JFK", date(2013, 4, 1)), ("FRA", date(2024, 3, 1)), ("SYD", date(2024, 3, 1))]
)
def test_the_first_champion_sees_what_a_replay_of_its_place_begins_with(home, begins, monkeypatch):
    there = replace(settings(), home_airport=home)
    for module in (candidates, first_steps):
        monkeypatch.setattr(module, "settings", lambda: there)
    assert first_window(begins).as_of == first_steps.begins_at(Site("there", begins, begins, begins, home))
