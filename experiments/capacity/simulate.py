"""A country's ticks and predictions by the real refresher and a real API: `ontime simulate-country`."""

import os
from datetime import timedelta
from typing import Any

from adapters.settings import Settings
from adapters.terminal import Say
from data.dataset import Dataset
from domain.features.grid import GRID_MINUTES
from experiments import measured
from experiments.benchmarks.world import FULL_SIZE, NOW, flights_ahead, serving_world
from experiments.capacity.costs import COUNTRY
from experiments.capacity.country import events_of_country
from experiments.capacity.measure import predictions, renew
from experiments.capacity.ticks import compute_ticks, country, load
from training.train import TreeParameters

AIRPORTS, FLIGHTS = 350, 20_000
TICKS = 6
ASKED = 6000


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
            "loading": load(world, events),
        }
        say(f"loaded in {found['loading']['cpu_seconds']:.0f} s of a core")
        found["ticks"] = compute_ticks(world, ticks)
        say(f"a tick: {found['ticks']['cpu_seconds']:.2f} s of a core, {found['ticks']['seconds']:.2f} s")
        bodies = flights_ahead(Dataset(events, {}), end)
        found["predictions"] = predictions(world, bodies, asked)
        say(f"a prediction: {found['predictions']['cpu_microseconds']:.0f} us of a worker")
        found["machine"]["load_after"] = os.getloadavg()[0]
        renew(world)
    measured.write(settings, COUNTRY, found, "make simulate-country")
    return found
