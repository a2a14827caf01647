import re
import xml.etree.ElementTree as ElementTree

import numpy as np
import pytest

from domain.metrics import estimated, summary
from monitoring.estimate import METRICS, estimate_errors, figure, page, pairs, table
from monitoring.performance import measure_estimated, measure_realised
from tests.monitoring.test_performance import columns, flown_day

DAYS = 20
GROUP, PATH = "{http://www.w3.org/2000/svg}g", "{http://www.w3.org/2000/svg}path"


def days(bias: float) -> dict:
    """Days of calibrated predictions, shown with a bias: what is estimated and what then came."""
    draw, history = np.random.default_rng(3), {}
    for i in range(DAYS):
        truth = draw.beta(1.2, 4, 900)
        late = draw.random(900) < truth
        stated = np.clip(truth + bias, 0.001, 0.999)
        for metric in METRICS:
            day = f"2013-04-{30 - i:02d}"
            history.setdefault(f"estimated_labelled_{metric}", []).append(
                (day, estimated(stated)[metric], 900)
            )
            history.setdefault(f"realised_{metric}", []).append((day, summary(late, stated)[metric], 900))
    return history


def errors(history) -> dict[str, float]:
    return {m.name: m.value for m in estimate_errors(history)}


def test_calibrated_predictions_are_estimated_without_bias():
    found = errors(days(0.0))
    assert abs(found["estimate_bias_late_rate"]) < 0.01
    assert abs(found["estimate_bias_auc"]) < 0.015
    assert found["estimate_error_auc"] < 0.03


def test_a_bias_of_the_predictions_shows_in_the_estimates_own_error():
    found = errors(days(0.1))
    assert found["estimate_bias_late_rate"] == pytest.approx(0.1, abs=0.02)
    assert found["estimate_error_late_rate"] > 0.08


def test_flights_that_get_no_label_are_no_bias_of_the_estimates():
    """The riskiest are cancelled: asked about, expected to be late, and never labelled."""
    history = {}
    for seed in range(DAYS):
        late, p, hour = flown_day(seed=seed)
        day = columns(np.where(p > 0.4, np.nan, late), p, hour)
        for m in (*measure_realised(day), *measure_estimated(day)):
            if m.slice == "all":
                history.setdefault(m.name, []).append((f"2013-04-{30 - seed:02d}", m.value, m.n))
    expected = np.mean([value for _, value, _ in history["estimated_late_rate"]])
    assert expected > np.mean([value for _, value, _ in history["realised_late_rate"]]) + 0.03
    assert abs(errors(history)["estimate_bias_late_rate"]) < 0.015


def test_a_day_without_labels_has_an_estimate_of_all_its_flights_alone():
    _, p, hour = flown_day(90)
    found = {m.name: m.n for m in measure_estimated(columns(np.full(90, np.nan), p, hour))}
    assert found == dict.fromkeys([f"estimated_{metric}" for metric in METRICS], 90)


def test_days_without_labels_and_unknown_values_are_left_out():
    history = days(0.0)
    history["estimated_labelled_auc"].insert(0, ("2013-05-01", 0.7, 900))
    history["realised_auc"][0] = ("2013-04-30", float("nan"), 900)
    assert len(pairs(history, "auc")) == DAYS - 1
    assert errors({name: values[:2] for name, values in history.items()}) == {}


def test_the_page_draws_every_metric_and_needs_nothing_else():
    drawn = page(days(0.0))
    assert all(
        target.startswith("#") for target in re.findall(r"""(?:href=|src=|url\()["']?([^"')]*)""", drawn)
    )
    root = ElementTree.fromstring("<svg" + drawn.split("<svg")[1].split("</svg>")[0] + "</svg>")
    named = {group.get("id"): group for group in root.iter(GROUP)}
    assert [name for name in named if name in METRICS] == list(METRICS)
    for metric in METRICS:
        for line in ("estimated", "realised"):
            corners = re.findall("[ML]", named[f"{metric}-{line}"].find(PATH).get("d"))
            assert len(corners) == DAYS
    assert page({}).count("Too few days") == len(METRICS)


def test_the_same_days_are_drawn_by_the_same_bytes():
    days_of = table(days(0.0))
    assert figure(days_of) == figure(days_of)
    assert figure(days_of) != figure(table(days(0.1)))
