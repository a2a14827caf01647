"""What a prediction costs, step by step, against a constant of bare Flask under the same Gunicorn: `ontime bench`.

All servers run at once and are asked in turns, so that what else the machine does falls on all of them alike: only the
ratios within a round count, and their medians are reported. CPU time a request is what a core has to give for it.
"""

import itertools
import json
import os
import time
from collections.abc import Iterable
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import lightgbm
import numpy as np
import orjson

from adapters import model_artifact
from adapters.settings import Settings
from adapters.terminal import Say
from app.factory import HEAP_SECONDS
from experiments import measured
from experiments.benchmarks import client
from experiments.benchmarks.load import (
    CLIENTS,
    PATH,
    Asked,
    compared,
    file_of_requests,
    in_turns,
    requests_of,
    tool,
)
from experiments.benchmarks.rungs import RUNGS
from experiments.benchmarks.servers import Server, kept_apart, serve
from experiments.benchmarks.world import FULL_SIZE, VERSION, World, serving_world, vectors
from training.train import TreeParameters

BATCH = 1000
OVERLOADS = (2, 5)
BARE = "bare Flask"
COLD = "whole, every flight new"
ASKED_NEW = 12_000
"""More flights than a worker remembers."""


def bench(
    settings: Settings,
    rounds: int,
    seconds: float,
    say: Say,
    parameters: TreeParameters = FULL_SIZE,
    rungs: Iterable[str] = RUNGS,
) -> dict[str, Any]:
    """Measure the ladder, overload, batches and memory; write var/reports/bench.json and return what is in it.

    Parameters
    ----------
    rungs : iterable of str
        Those of `RUNGS` that are measured; the first and the last are among them.
    """
    with serving_world(settings, settings.state_dir / "bench", parameters) as world, ExitStack() as stack:
        servers = {}
        for rung in rungs:
            application = f'experiments.benchmarks.rungs:application("{rung}")'
            ready = "/health/ready" if rung == "whole" else "/"
            servers[rung] = stack.enter_context(serve(world, application, path=ready, name=rung))
            say(f"{rung}: {RUNGS[rung]}")
        found: dict[str, Any] = {
            "machine": {"cores": os.cpu_count(), "load_before": os.getloadavg()[0]},
            "tool": tool(),
            "clients": CLIENTS,
            "rounds": rounds,
            "seconds": seconds,
            "asked_about": len(world.flights),
            "rungs": _ladder(world, servers, rounds, seconds, say),
            "overload": _overload(world, servers["whole"], seconds, say),
            "batches": _batches(world, servers["whole"], rounds, say),
            "model": _size(world),
        }
        time.sleep(HEAP_SECONDS + 1)  # what the batches took is given back by then
        found["worker_megabytes"] = max(servers["whole"].megabytes())
        found["worker_proportional_megabytes"] = max(servers["whole"].proportional_megabytes())
        found["machine"]["load_after"] = os.getloadavg()[0]
    measured.write(settings, "bench", found, "make bench")
    return found


def _ladder(
    world: World, servers: dict[str, Server], rounds: int, seconds: float, say: Say
) -> list[dict[str, Any]]:
    warm = file_of_requests(world, "warm", world.flights)
    new = [world.flights[i % len(world.flights)] | {"flight": 1 + i % 9999} for i in range(ASKED_NEW)]
    asked = {rung: Asked(server, warm) for rung, server in servers.items()}
    asked[COLD] = Asked(servers["whole"], file_of_requests(world, "cold", new))
    results = in_turns(asked, world.key, rounds, seconds, BARE, say)
    what = {**RUNGS, COLD: "the API, asked about more flights than it remembers, none twice"}
    return [{**compared(name, found, results[BARE]), "what": what[name]} for name, found in results.items()]


def _overload(world: World, server: Server, seconds: float, say: Say) -> dict[str, Any]:
    """Send twice and five times what is answered, in the open loop; capacity is what the same generator gets closed.

    The generator takes the more of a core the more it sends: it has cores of its own. What the workers answer in a
    second of their own time says what refusing costs them.
    """
    bodies = file_of_requests(world, "warm", world.flights)
    with kept_apart(server) as apart:
        return {"apart": apart, **_overloaded(world, server, bodies, seconds, say)}


def _overloaded(world: World, server: Server, bodies: Path, seconds: float, say: Say) -> dict[str, Any]:
    def sent(**how: float | int) -> tuple[client.Summary, float]:
        taken = server.cpu_seconds()
        found = client.run(server.port, requests_of(bodies, world.key), 2 * seconds, **how)  # type: ignore[arg-type]
        return found, found.statuses[200] / (server.cpu_seconds() - taken)

    before, before_cpu = sent(clients=CLIENTS)
    capacity = before.rate()
    steps = []
    for times in OVERLOADS:
        found, answered = sent(rate=times * capacity)
        after, after_cpu = sent(clients=CLIENTS)
        # Other work slows a machine by the minute: capacity is that of just before and just after.
        around, around_cpu = (before.rate() + after.rate()) / 2, (before_cpu + after_cpu) / 2
        steps.append(
            {
                "times_capacity": times,
                "sent_a_second": round(sum(found.statuses.values()) / found.seconds),
                "goodput_of_capacity": round(found.rate() / around, 3),
                "goodput_a_cpu_second_of_capacity": round(answered / around_cpu, 3),
                "answers": {str(status): count for status, count in sorted(found.statuses.items())},
                "without_retry_after": found.without_retry_after,
                "p99_ms": round(found.percentile(0.99), 1),
                "refused_p99_ms": round(found.percentile(0.99, 503), 1) if found.statuses[503] else None,
                "afterwards_of_capacity": round(after.rate() / before.rate(), 3),
            }
        )
        before, before_cpu = after, after_cpu
        say(f"{times}x capacity: goodput {steps[-1]['goodput_of_capacity']:.2f}, {steps[-1]['answers']}")
    return {"capacity": round(capacity), "steps": steps}


def _batches(world: World, server: Server, rounds: int, say: Say) -> dict[str, Any]:
    """Compare batches of 1,000 flights, one after the other, with LightGBM's own `Booster.predict` of their vectors.

    Of other rows, noise for one, its branches are easier to foresee: it would be a fifth faster.
    """
    text = (world.folder / "models" / str(VERSION) / model_artifact.TREES).read_text(encoding="utf-8")
    booster = lightgbm.Booster(model_str=text)
    rows = vectors(world, list(itertools.islice(itertools.cycle(world.flights), BATCH)))
    again = _batch(world, 0)
    client.run(server.port, iter([again] * 4), 60, clients=1)
    raw: list[float] = []
    took: dict[str, list[tuple[float, float]]] = {"known": [], "new": []}
    for number in range(3 * rounds):
        began = time.perf_counter()
        booster.predict(rows, raw_score=True, num_threads=1)
        raw.append(time.perf_counter() - began)
        for kind, body in (("known", again), ("new", _batch(world, 1 + number))):
            before = server.cpu_seconds()
            found = client.run(server.port, iter([body]), 60, clients=1)
            took[kind].append((found.percentile(0.5) / 1000, server.cpu_seconds() - before))
    result: dict[str, Any] = {"flights": BATCH, "raw_rows_a_second": round(BATCH / float(np.median(raw)))}
    for kind, values in took.items():
        seconds, cpu = np.array(values).T
        result[kind] = {
            "flights_a_second": round(BATCH / float(np.median(seconds))),
            "of_raw": round(float(np.median(np.array(raw) / seconds)), 3),
            "cpu_microseconds_a_flight": round(float(cpu.mean()) / BATCH * 1e6, 1),
        }
        say(f"batches of {kind} flights: {result[kind]['flights_a_second']:,} flights/s, "
            f"{result[kind]['of_raw']:.2f} of raw Booster.predict")  # fmt: skip
    return result


def _batch(world: World, number: int) -> bytes:
    """Return the request of a batch of 1,000 flights; those of another number are other flights."""
    flights = list(itertools.islice(itertools.cycle(world.flights), BATCH))
    first = 1 + number * BATCH
    asked = [flight | {"flight": (first + i) % 9999 + 1} for i, flight in enumerate(flights)]
    return client.request(PATH, orjson.dumps({"flights": asked}), world.key)


def _size(world: World) -> dict[str, int]:
    manifest = json.loads((world.folder / "models" / str(VERSION) / model_artifact.MANIFEST).read_text())
    known = manifest["parameters"]
    return {
        "trees": int(known["n_trees"]),
        "leaves": int(known["num_leaves"]),
        "features": len(manifest["feature_names"]),
    }
