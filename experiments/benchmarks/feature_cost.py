"""What each feature costs online, in microseconds: its share of a tick's state, and of a question's vector.

A tick's state is computed once for every question of five minutes; a vector once a question. What families share, the
sorting and grouping of the tick's flights, is measured apart from what each takes on its own.
"""

import time
from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from data.dataset import load_dataset
from data.facts import facts_of
from domain.clock import minute_floor
from domain.features.catalogue import FEATURES
from domain.features.grid import Ticks, slow_boundary, tick_of
from domain.features.scene import Scene
from domain.features.state import FAMILIES, StateBlock, compute_block
from domain.features.vectors import assemble
from domain.flights import FlightFacts, Floats, Queries, WeatherFacts, flight_numbers
from domain.model import FlightModel

BUSY = (
    datetime(2013, 7, 10, 14, tzinfo=UTC),
    datetime(2013, 7, 10, 21, tzinfo=UTC),
    datetime(2013, 12, 17, 22, tzinfo=UTC),
)
"""A summer's morning, a summer's thunderstorm evening, and a winter's evening."""
TIMES = 40


def measure(data_dir: Path) -> dict[str, Any]:
    """Measure on real facts; medians over busy ticks."""
    flights, weather = facts_of(load_dataset(data_dir).events)
    found = [_measure_tick(flights, weather, moment) for moment in BUSY]
    whole, shared = (float(np.median([f[name] for f in found])) for name in ("whole", "shared"))
    own = {family.FAMILY: float(np.median([f["own"][family.FAMILY] for f in found])) for family in FAMILIES}
    vector = float(np.median([f["vector"] for f in found]))
    counts = {f.family: sum(g.family == f.family for g in FEATURES) for f in FEATURES}
    rows = [
        {
            "family": family,
            "features": counts[family],
            "microseconds_a_tick": round(own.get(family, 0.0), 1),
            "microseconds_a_tick_and_feature": round(own.get(family, 0.0) / counts[family], 2),
        }
        for family in counts
    ]
    return {
        "features": len(FEATURES),
        "microseconds_a_tick": round(whole, 1),
        "of_it_shared_by_all_families": round(shared, 1),
        "microseconds_a_vector": round(vector, 1),
        "microseconds_a_vector_and_feature": round(vector / len(FEATURES), 3),
        "families": rows,
        "each": [
            {"feature": f.name, "microseconds_a_tick": round(own.get(f.family, 0.0) / counts[f.family], 2)}
            for f in FEATURES
        ],
    }


def measure_answers(model: FlightModel, vectors: Floats) -> dict[str, float]:
    """Return the microseconds of a probability and of an explanation's shares, of one flight alone.

    Medians over flights.
    """
    found = [
        _medians(
            {
                "microseconds_a_probability": partial(model.probability, one),
                "microseconds_an_explanation": partial(model.contributions, one),
            },
            5,
        )
        for one in np.split(vectors[:TIMES], min(len(vectors), TIMES))
    ]
    return {name: round(float(np.median([f[name] for f in found])), 1) for name in found[0]}


def _measure_tick(flights: FlightFacts, weather: WeatherFacts, moment: datetime) -> dict[str, Any]:
    minute = minute_floor(moment)
    # As the refresher does: what was known, nothing else.
    known, seen = flights.known_by(minute), weather.known_by(minute)
    recent = seen.take(seen.known > minute - 1440)
    tick = int(tick_of(minute))
    ticks = Ticks(tick, 1)
    scene = Scene(ticks, slow_boundary(tick), known, recent)
    for family in FAMILIES:
        family.compute(scene)
    works = {family.FAMILY: lambda family=family: family.compute(scene) for family in FAMILIES}
    own = _medians(works | {"whole": lambda: compute_block(known, recent, tick, 1)})
    whole = own.pop("whole")
    block = compute_block(known, recent, tick, 1)
    return {
        "whole": whole,
        "own": own,
        "shared": max(0.0, whole - sum(own.values())),
        "vector": _vector(known, block, minute),
    }


def _vector(flights: FlightFacts, block: StateBlock, minute: int) -> float:
    due = flights.take((flights.sched_dep > minute) & (flights.sched_dep <= minute + 180))
    numbers = flight_numbers(due.flight_id)
    carriers, airports = np.array(flights.network.carriers.names), np.array(flights.network.airports.names)
    one = [
        Queries(
            carrier=carriers[due.carrier[i : i + 1]],
            number=numbers[i : i + 1],
            origin=airports[due.origin[i : i + 1]],
            dest=airports[due.dest[i : i + 1]],
            sched_dep=due.sched_dep[i : i + 1],
            sched_arr=due.sched_arr[i : i + 1],
            as_of=np.array([minute]),
        )
        for i in range(min(len(due.sched_dep), TIMES))
    ]
    tick = np.array([block.first_tick])
    return float(np.median([_median(partial(assemble, query, block, tick), 5) for query in one]))


def _median(work: Callable[[], object], times: int = TIMES) -> float:
    return _medians({"": work}, times)[""]


def _medians(works: dict[str, Callable[[], object]], times: int = TIMES) -> dict[str, float]:
    """Return the microseconds of each, measured in turns: what else the machine does falls on all of them alike."""
    taken: dict[str, list[float]] = {name: [] for name in works}
    for _ in range(times):
        for name, work in works.items():
            began = time.perf_counter()
            work()
            taken[name].append(time.perf_counter() - began)
    return {name: float(np.median(seconds) * 1e6) for name, seconds in taken.items()}
