"""Unit costs of a prediction, an event, a tick, a training row: `ontime bench-capacity`.

CPU seconds and bytes, not times, which other work on the machine moves more; a busy neighbour costs cache, and so CPU
seconds too.
"""

import itertools
import os
import shutil
from typing import Any

import orjson

from adapters.clock_store import ClockStore
from adapters.settings import Settings
from adapters.terminal import Say
from data.events import DatasetEvents
from data.facts import facts_of
from experiments import measured
from experiments.benchmarks import client
from experiments.benchmarks.load import PATH
from experiments.benchmarks.servers import Server, serve
from experiments.benchmarks.world import FULL_SIZE, NOW, World, save_state, serving_world
from experiments.capacity.costs import CAPACITY
from experiments.capacity.meters import Sizes, apart, forget, resident_bytes, timed
from experiments.capacity.ticks import append, ticks_of
from services.shipper import Shipper
from training.train import TreeParameters

COUNTRIES = ((30, 1500), (100, 5000), (100, 10_000))
"""Airports and flights a day of the generated countries whose ticks are measured."""
TRAINING_DAYS = (60, 150)
ASKED = 6000
TICKS = 6
CLIENTS = 4
EVENT_DAYS = 10


def bench(
    settings: Settings,
    say: Say,
    parameters: TreeParameters = FULL_SIZE,
    countries: tuple[tuple[int, int], ...] = COUNTRIES,
    training_days: tuple[int, ...] = TRAINING_DAYS,
    asked: int = ASKED,
) -> dict[str, Any]:
    """Measure every unit cost but monitoring's; write var/reports/bench-capacity.json and return what is in it."""
    data = settings.state_dir / "data"
    with serving_world(settings, settings.state_dir / "capacity", parameters) as world:
        renew(world)
        save_state(world.database, *facts_of(world.dataset.events))
        found: dict[str, Any] = {"machine": {"cores": os.cpu_count(), "load_before": os.getloadavg()[0]}}
        found["predictions"] = predictions(world, world.flights, asked)
        say(f"a prediction: {found['predictions']['cpu_microseconds']:.0f} us of a worker")
        found["events"] = _events(world)
        say(f"a flight's events: {found['events']['bytes_a_flight']:.0f} bytes")
        found["ticks"] = [_ticks(world, *size) for size in countries]
        say("ticks: " + ", ".join(f"{tick['cpu_seconds']:.3f} s" for tick in found["ticks"]))
    found["training"] = [apart("experiments.capacity.training", data, days) for days in training_days]
    say("training: " + ", ".join(f"{fit['cpu_seconds']:.0f} s" for fit in found["training"]))
    found["machine"]["load_after"] = os.getloadavg()[0]
    measured.write(settings, CAPACITY, found, "make bench-capacity")
    return found


def renew(world: World) -> None:
    """Empty a world and its spool, and set its clock back."""
    forget(world.database)
    ClockStore(world.database).set_simulated(NOW)
    shutil.rmtree(world.spool, ignore_errors=True)


def predictions(world: World, flights: list[dict[str, Any]], count: int) -> dict[str, Any]:
    """Ask a real API about so many different flights; return what workers, shipper and log took, and how long."""
    bodies = [orjson.dumps(flights[i % len(flights)] | {"flight": 1 + i % 9999}) for i in range(count + 200)]
    requests = [client.request(PATH, body, world.key) for body in bodies]
    with serve(world, "app:create_app()", name="api") as server:
        client.run(server.port, iter(requests[:200]), 60, clients=CLIENTS)
        before = server.cpu_seconds()
        answers = client.run(server.port, itertools.islice(requests, 200, None), 600, clients=CLIENTS)
        seconds = server.cpu_seconds() - before
        held = _worker_bytes(server)
    if set(answers.statuses) != {200}:
        raise RuntimeError(f"the API answered {dict(answers.statuses)}")
    here, there = timed(lambda: _ship(world), world.server)
    sizes = Sizes.of(world.database)
    return {
        "asked": answers.statuses[200],
        "cpu_microseconds": round(seconds / answers.statuses[200] * 1e6, 1),
        "p50_ms": round(answers.percentile(0.5), 2),
        "p99_ms": round(answers.percentile(0.99), 2),
        "worker_bytes": held,
        "logged": sizes.predictions,
        "bytes_a_prediction": round(sizes.prediction_bytes / sizes.predictions, 1),
        "shipping_microseconds": round((here + there) / sizes.predictions * 1e6, 1),
    }


def _ticks(world: World, airports: int, flights_per_day: int) -> dict[str, Any]:
    """Let the ticks of a generated country come; leave the world empty."""
    renew(world)
    found = ticks_of(world, airports, flights_per_day, TICKS)
    renew(world)
    return found


def _worker_bytes(server: Server) -> int:
    return max(resident_bytes(pid) for pid in server.workers())


def _ship(world: World) -> None:
    shipper = Shipper(world.database, world.spool)
    while shipper.ship():
        pass


def _events(world: World) -> dict[str, Any]:
    """Append some days of the dataset; return the bytes of a flight and of an observation."""
    flights = world.dataset.events.flight_events
    ids = flights.loc[flights["kind"] == "scheduled", "flight_id"]
    days = {f"201304{day:02}" for day in range(1, 1 + EVENT_DAYS)}
    chosen = flights["flight_id"].isin(set(ids[ids.str[-8:].isin(days)]))
    weather = world.dataset.events.weather_events
    events = DatasetEvents(flights[chosen], weather.iloc[: len(weather) // 12])
    here, there = timed(lambda: append(world, events), world.server)
    sizes, count = Sizes.of(world.database), int(flights[chosen]["kind"].eq("scheduled").sum())
    return {
        "flights": count,
        "bytes_a_flight": round((sizes.flight_bytes + sizes.label_bytes) / count, 1),
        "bytes_an_observation": round(sizes.observation_bytes / sizes.observations, 1),
        "microseconds_an_event": round((here + there) / len(events) * 1e6, 1),
    }
