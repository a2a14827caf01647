import numpy as np
import pytest

from tests.training.sets import training_set
from training.evaluate import evaluate
from training.plots import write_plots


@pytest.fixture(scope="module")
def rows():
    return training_set(days=8)


@pytest.fixture(scope="module")
def evaluation(rows):
    probability = np.random.default_rng(1).uniform(0.05, 0.6, len(rows))
    return evaluate(rows, probability, {"carrier_by_hour": np.full(len(rows), 0.3)})


def test_the_headline_and_its_slices_are_of_the_headline_lead_alone(rows, evaluation):
    asked_at_60 = int((rows.lead == 60).sum())
    assert evaluation.headline["n"] == asked_at_60 < len(rows)
    for kind in ("origin", "carrier", "hour", "month"):
        assert sum(s["n"] for s in evaluation.slices[kind].values()) == asked_at_60, kind
    assert evaluation.baselines["carrier_by_hour"]["n"] == asked_at_60


def test_quality_is_reported_for_each_lead(rows, evaluation):
    assert set(evaluation.by_lead) == {"60", "180"}
    assert sum(values["n"] for values in evaluation.by_lead.values()) == len(rows)


def test_slices_are_named_by_what_they_are(rows, evaluation):
    assert list(evaluation.slices["carrier"]) == ["AA", "B6", "UA"]
    assert list(evaluation.slices["month"]) == ["201304"]
    late = rows.y[(rows.lead == 60) & (rows.carrier == "AA")]
    assert evaluation.slices["carrier"]["AA"]["late_rate"] == late.mean()


def test_the_headline_carries_its_interval_over_days(evaluation):
    headline = evaluation.headline
    assert headline["auc_low"] < headline["auc"] < headline["auc_high"]
    assert headline["log_loss_low"] < headline["log_loss"] < headline["log_loss_high"]


def test_plots_are_pictures(evaluation, tmp_path):
    write_plots(evaluation, {"wind": 3.0, "padding": 9.0}, tmp_path / "plots")
    pictures = sorted((tmp_path / "plots").iterdir())
    assert [path.name for path in pictures] == ["by_lead.png", "gain.png", "reliability.png"]
    assert all(path.read_bytes().startswith(b"\x89PNG") for path in pictures)
