"""The data report: measured from the data, and saying what was measured."""

import copy
import re
from datetime import UTC, date, datetime

import pytest

from data.nycflights13 import read_table
from experiments.data_report.figures import draw_all
from experiments.data_report.page import page
from experiments.data_report.profile import profile
from experiments.evaluation.imbalance import Plan, compare
from tests.training.sets import FlownStore
from training.train import TreeParameters

PLAN = Plan(
    fit_from=date(2013, 3, 15),
    fit_days=12,
    calibration_days=6,
    test_days=6,
    parameters=TreeParameters(n_trees=3, min_data_in_leaf=20, feature_fraction=0.5),
)


@pytest.fixture(scope="module")
def found(dataset):
    return {
        "data": profile(read_table("flights"), read_table("weather"), dataset.events),
        "cleaning": dataset.cleaning,
        "training_set": {"rows": 12_345, "features": 7, "build_seconds": 2.0, "schema_seconds": 0.1},
        "imbalance": compare(FlownStore(), datetime(2013, 4, 10, 12, tzinfo=UTC), PLAN),
    }


def test_the_profile_counts_what_the_files_hold(found):
    data = found["data"]
    assert data["flights"]["rows"] == 336_776
    assert data["flights"]["cancelled"] + data["flights"]["diverted"] + data["flights"]["labelled"] == 336_776
    assert data["events"]["cancelled"] == data["flights"]["cancelled"]
    assert data["missing"]["flights"]["arr_delay"] == 336_776 - data["flights"]["labelled"]
    assert sum(month["flights"] for month in data["months"]) == 336_776
    assert data["weather"]["strongest_wind"] > 1000 > data["weather"]["strongest_wind_else"]


def test_the_page_says_what_was_measured(found):
    changed = copy.deepcopy(found)
    changed["data"]["flights"]["cancelled"] = 1_234_567
    changed["imbalance"]["ways"]["undersampling"]["calibrated"]["log_loss"] = 0.0123
    text = page(changed)
    assert "1,234,567 flights never left" in text
    assert "0.0123" in text
    assert '"undersampling"' in text
    assert "1,234,567" not in page(found)


def test_every_figure_the_page_shows_is_drawn_and_drawn_the_same_twice(found, tmp_path):
    drawn = {path.name: path.read_bytes() for path in draw_all(found, tmp_path)}
    shown = set(re.findall(r"\]\(([\w-]+\.svg)\)", page(found)))
    assert shown == set(drawn)
    assert {path.name: path.read_bytes() for path in draw_all(found, tmp_path / "again")} == drawn
