"""Unit costs are means, and lines through what was measured; the page says what they come to."""

import pytest

from adapters.settings import Settings
from domain.capacity import Demand, plan
from domain.errors import NotReady
from experiments.capacity import costs
from experiments.capacity.report import text


def tick_of(airports: int, flights: int, seconds: float, state: int, held: float) -> dict[str, float]:
    return {
        "airports": airports,
        "flights_per_day": flights,
        "cpu_seconds": seconds,
        "state_bytes": state,
        "refresher_peak_bytes": held,
    }


FOUND = {
    "machine": {"cores": 2, "load_before": 1.0, "load_after": 2.0},
    "predictions": {
        "cpu_microseconds": 600.0,
        "shipping_microseconds": 120.0,
        "bytes_a_prediction": 2000.0,
        "worker_bytes": 90_000_000,
    },
    "events": {"bytes_a_flight": 1000.0, "bytes_an_observation": 250.0},
    "ticks": [
        tick_of(airports=10, flights=1000, seconds=0.02, state=110_000, held=120e6),
        tick_of(airports=20, flights=3000, seconds=0.04, state=320_000, held=160e6),
    ],
    "training": [
        {"rows": 100_000, "cpu_seconds": 30.0, "peak_bytes": 2e9},
        {"rows": 300_000, "cpu_seconds": 70.0, "peak_bytes": 4e9},
    ],
}  # fmt: skip
RUNS = {"sizes": [{"predictions": 10_000, "seconds": 20.0}, {"predictions": 1_010_000, "seconds": 50.0}]}


def test_costs_that_grow_are_lines_through_what_was_measured():
    found = costs.unit_costs(FOUND, RUNS)
    assert found.prediction_seconds == pytest.approx(600e-6)
    assert (found.tick_seconds, found.tick_seconds_a_daily_flight) == pytest.approx((0.01, 1e-5))
    assert (found.state_bytes_an_airport, found.state_bytes_a_daily_flight) == pytest.approx((1000, 100))
    assert (found.refresher_bytes, found.refresher_bytes_a_daily_flight) == pytest.approx((100e6, 20_000))
    assert found.training_seconds_a_row == pytest.approx(40 / 200_000)
    assert (found.training_bytes, found.training_bytes_a_row) == pytest.approx((1e9, 10_000))
    assert found.monitoring_seconds_a_prediction == pytest.approx(30 / 1e6)
    assert found.monitoring_seconds == pytest.approx(20 - 0.3)


def test_a_checkout_without_figures_says_what_measures_them(tmp_path, monkeypatch):
    monkeypatch.setattr(costs, "REPORTS", tmp_path)
    with pytest.raises(NotReady, match="make bench-capacity"):
        costs.kept_costs(Settings(reports_dir=tmp_path))


def test_the_page_compares_the_plan_with_what_was_measured_and_names_what_is_off():
    planned = plan(Demand(20, 3000, 100), costs.unit_costs(FOUND, RUNS))
    country = {
        "machine": FOUND["machine"],
        "airports": 20,
        "flights_per_day": 3000,
        "events": 300_000,
        "loading": {"flights": 99_000, "bytes_a_flight": 1000.0, "bytes_an_observation": 250.0},
        "ticks": {
            "ticks": 6,
            "first_seconds": 2.0,
            "seconds": 0.3,
            "cpu_seconds": 3 * planned.tick_seconds,
            "state_bytes": planned.state_bytes,
            "stored_bytes_a_tick": planned.state_bytes,
            "refresher_peak_bytes": planned.refresher_bytes,
        },
        "predictions": FOUND["predictions"] | {"asked": 600, "p50_ms": 5.0, "p99_ms": 20.0},
    }
    page = text(FOUND, RUNS, country)
    assert "| a tick, seconds of a core | 0.04 | 0.12 | 3.00 |" in page
    assert "less than planned: a tick, seconds of a core (3.00)." in page
