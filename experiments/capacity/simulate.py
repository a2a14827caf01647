"""A country's ticks and predictions by the real refresher and a real API: `ontime simulate-country`."""

import os
import sys
import time
from datetime import datetime, timedelta
from typing import Any

import numpy as np

from adapters.clock_store import ClockStore
from adapters.feature_store import FeatureStore
from adapters.settings import Settings
from adapters.terminal import Say
from adapters.waiting import wait_until
from data.dataset import Dataset
from data.events import DatasetEvents
from deploy.native.processes import cpu_seconds, family
from domain.clock import minute_floor
from domain.errors import NotReady
from domain.features.grid import GRID_MINUTES
from experiments import measured
from experiments.benchmarks.servers import program
from experiments.benchmarks.world import FULL_SIZE, NOW, World, flights_ahead, serving_world
from experiments.capacity.costs import COUNTRY
from experiments.capacity.country import events_of_country
from experiments.capacity.measure import append, predictions, renew
from experiments.capacity.meters import Sizes, peak_bytes, timed
from experiments.capacity.tick import country
from training.train import TreeParameters

AIRPORTS, FLIGHTS = 350, 20_000
TICKS = 6
ASKED = 6000
PATIENCE_SECONDS = 900.0


def simulate(
    settings: Settings,
    say: Say,
    airports: int = AIRPORTS,
    flights_per_day: int = FLIGHTS,
    ticks: int = TICKS,
    asked: int = ASKED,
    parameters: TreeParameters = FULL_SIZE,
) -> dict[str, Any]:
    """Load a generated country, let its ticks come, ask about its flights; write var/reports/capacity-country.json."""
    with serving_world(settings, settings.state_dir / "capacity", parameters) as world:
        renew(world)
        end = NOW + timedelta(minutes=GRID_MINUTES * ticks)
        events = events_of_country(country(airports, flights_per_day), world.dataset, end)
        say(f"{len(events):,} events of {airports} airports and {flights_per_day:,} flights a day")
        found: dict[str, Any] = {
            "machine": {"cores": os.cpu_count(), "load_before": os.getloadavg()[0]},
            "airports": airports,
            "flights_per_day": flights_per_day,
            "events": len(events),
            "loading": _load(world, events),
        }
        say(f"loaded in {found['loading']['cpu_seconds']:.0f} s of a core")
        found["ticks"] = _ticks(world, ticks)
        say(f"a tick: {found['ticks']['cpu_seconds']:.2f} s of a core, {found['ticks']['seconds']:.2f} s")
        bodies = flights_ahead(Dataset(events, {}), end)
        found["predictions"] = predictions(world, bodies, asked)
        say(f"a prediction: {found['predictions']['cpu_microseconds']:.0f} us of a worker")
        found["machine"]["load_after"] = os.getloadavg()[0]
        renew(world)
        ClockStore(world.database).set_simulated(NOW)
    measured.write(settings, COUNTRY, found, "make simulate-country")
    return found


def _load(world: World, events: DatasetEvents) -> dict[str, Any]:
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


def _ticks(world: World, count: int) -> dict[str, Any]:
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
