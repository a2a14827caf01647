"""What a generated country's ticks take of the real refresher."""

import sys
import time
from datetime import datetime, timedelta
from typing import Any

import numpy as np

from adapters.clock_store import ClockStore
from adapters.event_store import EventStore
from adapters.feature_store import FeatureStore
from adapters.waiting import wait_until
from data.events import DatasetEvents
from deploy.native.processes import cpu_seconds, family
from domain.clock import minute_floor
from domain.errors import NotReady
from domain.features.grid import GRID_MINUTES
from experiments.benchmarks.servers import program
from experiments.benchmarks.world import NOW, World
from experiments.capacity.country import Country, events_of_country
from experiments.capacity.meters import Sizes, peak_bytes, timed

DAYS = 33
"""As far back as a state looks, and a day ahead."""
PATIENCE_SECONDS = 900.0
CHUNK = 50_000


def country(airports: int, flights_per_day: int) -> Country:
    """Return a country whose flights a state of now looks at."""
    return Country(airports, flights_per_day, (NOW - timedelta(days=DAYS - 2)).date(), DAYS)


def ticks_of(world: World, airports: int, flights_per_day: int, count: int) -> dict[str, Any]:
    """Load a generated country into an empty world and let some ticks come; return what they took."""
    end = NOW + timedelta(minutes=GRID_MINUTES * count)
    load(world, events_of_country(country(airports, flights_per_day), world.dataset, end))
    return {"airports": airports, "flights_per_day": flights_per_day, **compute_ticks(world, count)}


def append(world: World, events: DatasetEvents) -> None:
    """Append events as a history is, in pieces."""
    store = EventStore(world.database)
    for first in range(0, len(events.flight_events), CHUNK):
        store.append_frame(events.flight_events.iloc[first : first + CHUNK])
    for first in range(0, len(events.weather_events), CHUNK):
        store.append_frame(None, events.weather_events.iloc[first : first + CHUNK])


def load(world: World, events: DatasetEvents) -> dict[str, Any]:
    """Append a country's events; return what it took, and the bytes of a flight and of an observation."""
    here, there = timed(lambda: append(world, events), world.server)
    world.database.rows("analyze_events")
    sizes = Sizes.of(world.database)
    flights = int(events.flight_events["kind"].eq("scheduled").sum())
    return {
        "cpu_seconds": round(here + there, 1),
        "flights": flights,
        "bytes_a_flight": round((sizes.flight_bytes + sizes.label_bytes) / flights, 1),
        "bytes_an_observation": round(sizes.observation_bytes / sizes.observations, 1),
    }


def compute_ticks(world: World, count: int) -> dict[str, Any]:
    """Run the refresher over some ticks; the first reads everything, the others what came since."""
    ClockStore(world.database).set_simulated(NOW)
    log = world.folder / "refresher.log"
    with program(world, [sys.executable, "-m", "services.refresher"], log) as process:
        began = time.monotonic()
        _wait(world, NOW)
        first, at_first = time.monotonic() - began, cpu_seconds(family(process.pid))
        seconds = []
        for number in range(1, count + 1):
            moment = NOW + timedelta(minutes=GRID_MINUTES * number)
            began = time.monotonic()
            ClockStore(world.database).set_simulated(moment)
            _wait(world, moment)
            seconds.append(time.monotonic() - began)
        each = (cpu_seconds(family(process.pid)) - at_first) / count
        peak = peak_bytes(process.pid)
    block = FeatureStore(world.database).load(minute_floor(moment))
    assert block is not None  # noqa: S101  waited for
    return {
        "ticks": count,
        "first_seconds": round(first, 1),
        "seconds": round(float(np.median(seconds)), 3),
        "cpu_seconds": round(each, 3),
        "state_bytes": sum(table.values.nbytes for table in block.tables.values()),
        "stored_bytes_a_tick": round(Sizes.of(world.database).state_bytes / (count + 1)),
        "refresher_peak_bytes": peak,
    }


def _wait(world: World, moment: datetime) -> None:
    tick, states = minute_floor(moment), FeatureStore(world.database)
    if not wait_until(lambda: states.has(tick), PATIENCE_SECONDS, pause=0.02):
        raise NotReady(f"no state of {moment:%H:%M} within {PATIENCE_SECONDS:g} s")
