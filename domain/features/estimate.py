"""Estimate: how late the airline expects a flight to leave; of sites whose feed announces estimated departures."""

import numpy as np

from domain.features.columns import measure
from domain.features.scene import AHEAD_MINUTES, Scene
from domain.features.turns import KIND, nothing_known, said_of
from domain.features.windows import expand, winsorised
from domain.flights import Floats

FAMILY = "estimate"
EVENT = "departure_estimated"
COLUMNS = {KIND: (measure("estimated_delay", "minutes", "estimated departure"),)}


def compute(scene: Scene) -> dict[str, Floats]:
    """Return the newest estimate of each turn, shape (n_ticks, n_turns, 1)."""
    flights, announced = scene.recent, scene.flights.announced
    values = nothing_known(scene.ticks, scene.turns, 1)
    said = said_of(flights, announced, EVENT)
    said = said.take(scene.turns.code[said.row] >= 0)
    departure = flights.sched_dep[said.row]
    pairs = expand(
        np.maximum(said.start, departure - AHEAD_MINUTES), np.minimum(said.stop, departure + 1), scene.ticks
    )
    turn, event = scene.turns.code[said.row[pairs.flight]], said.event[pairs.flight]
    values[pairs.tick, turn, 0] = winsorised(announced.delay[event])
    return {KIND: values}
