import sqlite3
from dataclasses import replace
from itertools import pairwise
from types import SimpleNamespace

import numpy as np
import optuna
import pytest

from adapters.dask_cluster import connected
from adapters.engine import LOCAL
from adapters.model_registry import ModelRegistry
from domain.errors import InvalidInput
from domain.metrics import log_loss
from tests.mlflow_server import KEYS
from tests.training.sets import training_set
from training import tune as tuning
from training.train import TreeParameters
from training.tune import forward_folds, tune

POOR = TreeParameters(
    n_trees=10, learning_rate=0.01, num_leaves=4, min_data_in_leaf=200, feature_fraction=0.1
)


@pytest.fixture(scope="module")
def rows():
    return training_set(days=24, per_day=50)


@pytest.fixture(autouse=True)
def fewer_trees(monkeypatch):
    """Searches of a second: the numbers of trees are cut to what noise of 1,200 rows can use, the library's too."""
    whole = optuna.Trial.suggest_int

    def suggest_int(self, name, low, high, **more):
        return whole(self, name, low, 60 if name == "n_trees" else high, **more)

    monkeypatch.setattr(optuna.Trial, "suggest_int", suggest_int)
    library = replace(tuning.LIBRARY_DEFAULTS, n_trees=10, num_leaves=7)
    monkeypatch.setattr(tuning, "LIBRARY_DEFAULTS", library)


def trials(storage):
    (name,) = optuna.study.get_all_study_names(f"sqlite:///{storage}")
    return optuna.load_study(study_name=name, storage=f"sqlite:///{storage}").trials


def test_every_fold_is_evaluated_on_days_after_its_fit_at_the_headline_lead(rows):
    folds = forward_folds(rows)
    assert len(folds) == 3
    for fold in folds:
        assert fold.fit.day.max() < fold.validation.day.min()
        assert set(fold.validation.lead.tolist()) == {60}
    for earlier, later in pairwise(folds):
        assert earlier.validation.day.max() < later.validation.day.min()
        assert set(earlier.validation.day) <= set(later.fit.day)


def test_too_few_days_are_refused(rows):
    with pytest.raises(InvalidInput, match="at least 16 days"):
        forward_folds(rows.take(rows.day >= np.unique(rows.day)[-15]))


def test_without_time_the_start_alone_is_evaluated(rows, tmp_path):
    found = tune(rows, tmp_path / "trials.db", 0, POOR)
    assert (found.trials, found.best_trial) == (1, 0)
    assert found.best == found.start == POOR.as_dict()
    assert not found.as_dict()["beaten"]
    library = tuning.evaluate(forward_folds(rows), tuning.LIBRARY_DEFAULTS, 2013).measures
    assert found.library_measures == library
    gained = found.as_dict()["log_loss_gained_over_library"]
    assert gained == pytest.approx(library["log_loss"] - found.best_measures["log_loss"])


def test_a_poor_start_is_beaten_and_the_report_says_by_how_much(rows, tmp_path):
    reported = []
    found = tune(rows, tmp_path / "trials.db", 4, POOR, report=lambda *said: reported.append(said))
    report = found.as_dict()
    assert report["beaten"]
    assert report["log_loss_gained"] == pytest.approx(
        found.start_measures["log_loss"] - found.best_measures["log_loss"]
    )
    assert found.best_measures["log_loss"] < found.start_measures["log_loss"]
    assert 2 <= found.completed <= found.trials
    assert len(reported) == found.trials == len(trials(tmp_path / "trials.db"))
    assert report["against_start"]["mean"] < 0
    assert (
        report["against_start"]["low"] <= report["against_start"]["mean"] <= report["against_start"]["high"]
    )
    assert [left for _, left in reported] == sorted((left for _, left in reported), reverse=True)


def test_a_fold_is_evaluated_with_two_seeds_whose_losses_are_averaged(rows):
    folds = forward_folds(rows)
    one, other = (tuning.evaluate(folds[:1], POOR, seed) for seed in (1, 2))
    alone = [log_loss(folds[0].validation.y, tuning._probability(folds[0], POOR, seed)) for seed in (1, 2, 3)]
    assert one.measures["log_loss"] == pytest.approx(np.mean(alone[:2]))
    assert other.measures["log_loss"] == pytest.approx(np.mean(alone[1:]))
    assert sum(n for _, n in one.daily.values()) == len(folds[0].validation)
    total = sum(loss for loss, _ in one.daily.values())
    assert total / len(folds[0].validation) == pytest.approx(np.mean(alone[:2]))


def test_a_difference_is_paired_by_day_and_has_an_interval_over_weeks():
    one = {f"201303{day:02d}": (40.0 + day, 100) for day in range(1, 29)}
    other = {day: (loss + 1.0, n) for day, (loss, n) in one.items()}
    found = tuning.difference(one, other)
    assert found == pytest.approx({"mean": -0.01, "low": -0.01, "high": -0.01})


def test_a_search_goes_on_where_it_was_interrupted(rows, tmp_path, monkeypatch):
    storage, fits = tmp_path / "trials.db", []
    whole = tuning.fit_trees

    def fit_until_the_second_trial(*arguments):
        fits.append(arguments)
        if len(fits) == 8:
            raise KeyboardInterrupt
        return whole(*arguments)

    monkeypatch.setattr(tuning, "fit_trees", fit_until_the_second_trial)
    with pytest.raises(KeyboardInterrupt):
        tune(rows, storage, 60, POOR)
    monkeypatch.setattr(tuning, "fit_trees", whole)
    found = tune(rows, storage, 0.5, POOR)
    first, cut, *later = trials(storage)
    assert first.state.name == "COMPLETE"
    assert cut.state.name == "FAIL"
    assert later
    assert found.start_measures["log_loss"] == first.value
    # The start was evaluated once: the second search took it from the storage.
    assert sum(t.params.get("num_leaves") == 4 and t.params["n_trees"] == 10 for t in (first, *later)) == 1


def test_a_start_that_was_cut_short_is_evaluated_again(rows, tmp_path, monkeypatch):
    def killed(*arguments):
        raise KeyboardInterrupt

    whole = tuning.fit_trees
    monkeypatch.setattr(tuning, "fit_trees", killed)
    with pytest.raises(KeyboardInterrupt):
        tune(rows, tmp_path / "trials.db", 60, POOR)
    monkeypatch.setattr(tuning, "fit_trees", whole)
    found = tune(rows, tmp_path / "trials.db", 0, POOR)
    assert found.start == found.best == POOR.as_dict()


def test_a_trial_left_running_by_a_killed_process_is_closed(rows, tmp_path):
    storage = tmp_path / "trials.db"
    tune(rows, storage, 0, POOR)
    with sqlite3.connect(storage) as database:
        database.execute("UPDATE trials SET state = 'RUNNING'")
    found = tune(rows, storage, 0, POOR)
    assert [t.state.name for t in trials(storage)] == ["FAIL", "COMPLETE"]
    assert found.best == POOR.as_dict()


def test_another_start_or_other_rows_begin_a_search_of_their_own(rows, tmp_path):
    storage = tmp_path / "trials.db"
    tune(rows, storage, 0, POOR)
    found = tune(rows.take(slice(0, 1100)), storage, 0, POOR)
    assert found.trials == 1
    assert len(optuna.study.get_all_study_names(f"sqlite:///{storage}")) == 2


def test_a_negative_budget_is_refused(rows, tmp_path):
    with pytest.raises(InvalidInput, match="budget"):
        tune(rows, tmp_path / "trials.db", -1)


def rounds(rows, storage, engine=LOCAL):
    """Search until there are four trials, by rounds of three after the first; time passes with trials alone."""
    reported = []
    clock = SimpleNamespace(monotonic=lambda: 0.0 if len(reported) < 4 else 10.0)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tuning, "time", clock)
        report = lambda *said: reported.append(said)  # noqa: E731
        tune(rows, storage, 5, POOR, report=report, engine=engine, at_once=3)
    return [(t.state.name, t.params, t.intermediate_values, t.value) for t in trials(storage)]


def test_rounds_on_workers_find_what_they_find_here(rows, tmp_path, dask_cluster):
    here = rounds(rows, tmp_path / "here.db")
    with connected(dask_cluster.address) as engine:
        there = rounds(rows, tmp_path / "there.db", engine)
    assert there == here
    assert len(here) == 4


@pytest.mark.integration
def test_every_trial_is_a_run_beneath_the_search(rows, tmp_path, mlflow_address):
    registry = ModelRegistry(mlflow_address, "tuned", tmp_path / "models", KEYS)
    with registry.runs.open("search") as parent:
        found = tune(
            rows,
            tmp_path / "trials.db",
            0,
            POOR,
            child=lambda name: registry.runs.open(name, parent=parent.run_id),
        )
    experiment = registry._mlflow.client.get_run(parent.run_id).info.experiment_id
    (trial,) = registry._mlflow.client.search_runs(
        [experiment], f"tags.`mlflow.parentRunId` = '{parent.run_id}'"
    )
    assert trial.data.metrics["log_loss"] == pytest.approx(found.start_measures["log_loss"])
    assert trial.data.params["num_leaves"] == "4"
    assert trial.info.status == "FINISHED"
