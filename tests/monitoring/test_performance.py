"""Realised performance of a day with its intervals, against a bootstrap that resamples the rows themselves."""

from dataclasses import replace

import numpy as np
import pytest

from adapters.prediction_columns import PredictionColumns
from domain.bootstrap import MINIMUM_BLOCKS, draw_blocks
from domain.metrics import METRICS, log_loss_gap
from monitoring.intervals import HEADLINE, headline_intervals
from monitoring.performance import MINIMUM_SLICE_ROWS, measure_evidence, measure_realised, measure_window
from monitoring.rules import NIGHTLY

MIDNIGHT = 22_782_960
"""2013-04-26T12:00Z, eight in the morning in New York; in minutes."""


def flown_day(n: int = 900, hours: int = 18, seed: int = 3):
    """Calibrated probabilities of a day whose hours differ, its labels and its hours."""
    draw = np.random.default_rng(seed)
    hour = np.sort(draw.integers(0, hours, n))
    logit = draw.normal(-1.3, 0.8, n) + draw.normal(0, 0.5, hours)[hour]
    p = 1 / (1 + np.exp(-logit))
    return draw.random(n) < p, np.round(p, 3), hour  # rounded: there are ties


def columns(late: np.ndarray, p: np.ndarray, hour: np.ndarray) -> PredictionColumns:
    n = len(late)
    text, whole, real = np.full(n, "UA1-EWR-20130426"), np.zeros(n, dtype=np.int64), np.zeros(n)
    values = dict.fromkeys(("prediction_id", "flight_id", "dest", "contract_hash"), text)
    values |= dict.fromkeys(("sched_arr", "as_of", "lead_minutes", "state_tick", "model_version"), whole)
    values |= {"challenger_version": whole, "latency_us": whole, "challenger_probability": real}
    return PredictionColumns(
        **values, carrier=np.where(np.arange(n) < 40, "HA", "UA"), origin=np.resize(["EWR", "JFK"], n),
        sched_dep=MIDNIGHT + hour * 60, probability=p, arr_delay_minutes=real, is_late=late.astype(float),
        features=np.zeros((n, 0)),
    )  # fmt: skip


@pytest.mark.parametrize("metric", ["auc", "log_loss", "brier"])
def test_an_interval_is_that_of_the_rows_drawn_hour_by_hour(metric):
    late, p, hour = flown_day()
    rows_of = [np.flatnonzero(hour == which) for which in np.unique(hour)]
    drawn = [np.concatenate([rows_of[i] for i in draw]) for draw in draw_blocks(len(rows_of), 200, seed=0)]
    low, high = np.quantile([METRICS[metric](late[rows], p[rows]) for rows in drawn], [0.025, 0.975])
    found = headline_intervals(late, p, hour)[metric]
    assert (found.value, found.low, found.high) == pytest.approx((METRICS[metric](late, p), low, high))


def test_every_headline_metric_lies_within_its_interval():
    for seed in range(5):
        for found in headline_intervals(*flown_day(seed=seed)).values():
            assert found.low < found.value < found.high


def test_more_flights_an_hour_do_not_hide_that_hours_differ():
    few, many = (headline_intervals(*flown_day(n))["brier"] for n in (900, 20_000))
    assert 0.3 * (few.high - few.low) < many.high - many.low < few.high - few.low


def test_the_interval_of_calibration_narrows_with_the_flights_and_stays_above_zero():
    few, many = (headline_intervals(*flown_day(n, seed=1))["ece"] for n in (900, 20_000))
    assert 0 <= many.low < many.high
    assert many.high - many.low < few.high - few.low


@pytest.mark.parametrize("flights", [5, 20, 40, 100, 900])
def test_the_evidence_of_a_worse_model_is_no_louder_where_few_flights_have_labels(flights):
    """Calibrated for half a year, a model raises no alarm, however few flights a client asks about."""
    draw = np.random.default_rng(flights)
    gaps = []
    for _ in range(180):
        p = draw.beta(1.2, 4.5, flights)
        gaps.append((flights, log_loss_gap(draw.random(flights) < p, p)))
    found = [measure_evidence(gaps[: i + 1])[0].value for i in range(len(gaps))]
    [bound] = [rule.bound for rule in NIGHTLY if rule.metric == "performance_evidence"]
    assert not any(value > bound for value in found)


def test_a_day_of_few_flights_is_taken_together_with_the_next():
    [few] = measure_evidence([(150, 0.3)])
    assert np.isnan(few.value)
    assert few.n == 0
    [both], [one] = measure_evidence([(150, 0.3), (150, 0.1)]), measure_evidence([(300, 0.2)])
    assert (both.value, both.n) == (pytest.approx(one.value), 1)


def test_of_too_few_hours_there_is_a_value_and_no_interval():
    late, p, _ = flown_day()
    hour = np.arange(len(late)) % (MINIMUM_BLOCKS - 1)
    found = headline_intervals(late, p, hour)
    assert {name: (b.low, b.high) for name, b in found.items()} == dict.fromkeys(HEADLINE, (None, None))
    assert found["auc"].value == METRICS["auc"](late, p)


def test_of_a_day_without_predictions_nothing_is_covered_by_labels_or_left_out():
    late, p, hour = flown_day()
    [coverage] = measure_realised(columns(late[:0], p[:0], hour[:0]))
    assert (coverage.name, coverage.n) == ("label_coverage", 0)
    assert np.isnan(coverage.value)


@pytest.mark.parametrize(("days", "bounded"), [(2, False), (4, False), (5, True)])
def test_a_window_of_few_days_has_values_and_no_interval(days, bounded):
    predictions = columns(*flown_day())
    names = [f"UA1-EWR-2013040{1 + i % days}" for i in range(len(predictions))]
    found = measure_window(replace(predictions, flight_id=np.array(names)))
    assert {m.name for m in found} == {"window_auc", "window_log_loss"}
    assert all(m.value == m.value for m in found)
    assert all((m.low is not None and m.low < m.high) == bounded for m in found)


def test_without_a_late_flight_there_is_no_auc_and_the_rest_is_measured():
    _, p, hour = flown_day()
    found = headline_intervals(np.zeros(len(p), dtype=bool), p, hour)
    assert np.isnan(found["auc"].value)
    assert found["auc"].low is None
    assert found["log_loss"].low is not None


def test_slices_have_every_headline_metric_and_those_of_an_hour_no_interval():
    late, p, hour = flown_day()
    found = {(m.name, m.slice): m for m in measure_realised(columns(late, p, hour))}
    slices = {where for _, where in found}
    assert {"all", "origin=EWR", "origin=JFK", "carrier=UA"} <= slices
    assert "carrier=HA" not in slices  # forty flights
    counts = np.bincount(hour)
    assert len([s for s in slices if s.startswith("hour=")]) == (counts >= MINIMUM_SLICE_ROWS).sum() > 0
    for where in slices:
        for metric in HEADLINE:
            measure = found[f"realised_{metric}", where]
            assert (measure.low is None) == where.startswith("hour="), where
    jfk = np.arange(len(late)) % 2 == 1
    assert found["realised_auc", "origin=JFK"].value == METRICS["auc"](late[jfk], p[jfk])


def test_hours_are_those_of_new_yorks_clock():
    late, p, _ = flown_day(120)
    measures = measure_realised(columns(late, p, np.zeros(120, dtype=np.int64)))
    assert "hour=08" in {m.slice for m in measures}
