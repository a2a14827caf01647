"""Unit costs from what was measured: means, and lines through what grows with flights, rows or predictions."""

from typing import Any

import numpy as np

from adapters.settings import PROJECT_ROOT, Settings
from domain.capacity import UnitCosts
from domain.errors import NotReady
from experiments import measured

REPORTS = PROJECT_ROOT / "docs" / "reports"
CAPACITY, COUNTRY, MONITORING = "bench-capacity", "capacity-country", "bench-monitoring"
"""Files of figures: of unit costs, of the simulated country, of monitoring runs."""


def kept_costs(settings: Settings) -> UnitCosts:
    """Return the unit costs that this checkout keeps.

    Raises
    ------
    NotReady
        If it keeps none.
    """
    found, runs = (measured.read(settings, name, REPORTS) for name in (CAPACITY, MONITORING))
    if found is None or runs is None:
        raise NotReady(f"no unit costs in {REPORTS / measured.KEPT}: make bench-capacity measures them")
    return unit_costs(found, runs)


def unit_costs(found: dict[str, Any], monitoring: dict[str, Any]) -> UnitCosts:
    """Return the unit costs of what `make bench-capacity` and `make bench-monitoring` measured.

    What grows with flights and airports is a line through what was measured.
    """
    asked, events, ticks = found["predictions"], found["events"], found["ticks"]
    flights = [tick["flights_per_day"] for tick in ticks]
    state = _fitted(
        [[tick["airports"], tick["flights_per_day"]] for tick in ticks], [t["state_bytes"] for t in ticks]
    )
    tick = _fitted([[1, count] for count in flights], [t["cpu_seconds"] for t in ticks])
    refresher = _fitted([[1, count] for count in flights], [t["refresher_peak_bytes"] for t in ticks])
    fits = found["training"]
    seconds = _slope([(fit["rows"], fit["cpu_seconds"]) for fit in fits])
    memory = _slope([(fit["rows"], fit["peak_bytes"]) for fit in fits])
    runs = _slope([(size["predictions"], size["seconds"]) for size in monitoring["sizes"]])
    return UnitCosts(
        prediction_seconds=asked["cpu_microseconds"] / 1e6,
        shipping_seconds=asked["shipping_microseconds"] / 1e6,
        prediction_bytes=asked["bytes_a_prediction"],
        flight_bytes=events["bytes_a_flight"],
        observation_bytes=events["bytes_an_observation"],
        tick_seconds=max(0.0, tick[0]),
        tick_seconds_a_daily_flight=tick[1],
        state_bytes_an_airport=max(0.0, state[0]),
        state_bytes_a_daily_flight=state[1],
        refresher_bytes=max(0.0, refresher[0]),
        refresher_bytes_a_daily_flight=refresher[1],
        worker_bytes=asked["worker_bytes"],
        training_seconds_a_row=seconds[1],
        training_bytes=max(0.0, memory[0]),
        training_bytes_a_row=memory[1],
        monitoring_seconds=max(0.0, runs[0]),
        monitoring_seconds_a_prediction=runs[1],
    )


def _fitted(columns: list[list[float]], values: list[float]) -> list[float]:
    found, *_ = np.linalg.lstsq(
        np.array(columns, dtype=np.float64), np.array(values, dtype=np.float64), rcond=None
    )
    return [float(value) for value in found]


def _slope(points: list[tuple[float, float]]) -> tuple[float, float]:
    """Return the line through the first and the last of some points: where it begins, and how steep it is."""
    (x0, y0), (x1, y1) = points[0], points[-1]
    steep = (y1 - y0) / (x1 - x0)
    return y0 - steep * x0, steep
