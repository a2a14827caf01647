"""What a prediction costs, step by step, against a constant of bare Flask under the same Gunicorn: `ontime bench`.

All servers run at once and are asked in turns, so that what else the machine does falls on all of them alike: only the
ratios within a round count, and their medians are reported. CPU time a request is what a core has to give for it.
"""

import itertools
import json
import os
import shutil
import subprocess
import time
from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import lightgbm
import numpy as np
import orjson

from adapters import model_artifact
from adapters.settings import Settings
from adapters.terminal import Say
from experiments import measured
from experiments.benchmarks import client
from experiments.benchmarks.rungs import RUNGS
from experiments.benchmarks.servers import Server, serve
from experiments.benchmarks.world import FULL_SIZE, VERSION, World, serving_world
from training.train import TreeParameters

PATH = "/v1/predictions"
CLIENTS = 16
BATCH = 1000
OVERLOADS = (2, 5)
COLD = "whole, every flight new"
ASKED_NEW = 12_000
"""More flights than a worker remembers."""
WRK_SCRIPT = Path(__file__).with_name("bodies.lua")


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
            "tool": "wrk" if shutil.which("wrk") else "experiments.benchmarks.client",
            "clients": CLIENTS,
            "rounds": rounds,
            "seconds": seconds,
            "asked_about": len(world.flights),
            "rungs": _ladder(world, servers, rounds, seconds, say),
            "overload": _overload(world, servers["whole"], seconds, say),
            "batches": _batches(world, servers["whole"], rounds, say),
            "worker_megabytes": max(servers["whole"].megabytes()),
            "worker_proportional_megabytes": max(servers["whole"].proportional_megabytes()),
            "model": _size(world),
        }
        found["machine"]["load_after"] = os.getloadavg()[0]
    measured.write(settings, "bench", found, "make bench")
    return found


def _ladder(
    world: World, servers: dict[str, Server], rounds: int, seconds: float, say: Say
) -> list[dict[str, Any]]:
    warm = _file_of_requests(world, "warm", world.flights)
    new = [world.flights[i % len(world.flights)] | {"flight": 1 + i % 9999} for i in range(ASKED_NEW)]
    cold = _file_of_requests(world, "cold", new)
    asked = {**{rung: (server, warm) for rung, server in servers.items()}, COLD: (servers["whole"], cold)}
    results: dict[str, list[dict[str, float]]] = {name: [] for name in asked}
    for server, bodies in asked.values():
        client.run(server.port, requests_of(bodies, world.key), 1.0, clients=CLIENTS)
    for number in range(rounds):
        # Each round in another order: a neighbour's rhythm favours no rung.
        names = list(asked)[number % len(asked) :] + list(asked)[: number % len(asked)]
        for name in names:
            server, bodies = asked[name]
            results[name].append(_load(server, bodies, world.key, seconds))
        say(
            f"round {number + 1} of {rounds}: {results['whole'][-1]['rate'] / results['bare Flask'][-1]['rate']:.2f}"
        )
    return [_rung(name, found, results["bare Flask"]) for name, found in results.items()]


def _rung(name: str, found: list[dict[str, float]], bare: list[dict[str, float]]) -> dict[str, Any]:
    def ratio(value: str) -> float:
        return round(float(np.median([f[value] / b[value] for f, b in zip(found, bare, strict=True)])), 3)

    median = {value: float(np.median([f[value] for f in found])) for value in found[0]}
    return {
        "rung": name,
        "what": RUNGS.get(name, "the API, asked about more flights than it remembers, none twice"),
        "requests_a_second": round(median["rate"]),
        "of_bare_flask": ratio("rate"),
        "p50_ms": round(median["p50"], 2),
        "p99_ms": round(median["p99"], 2),
        "p99_of_bare_flask": ratio("p99"),
        "cpu_microseconds": round(median["cpu"]),
        "cpu_of_bare_flask": ratio("cpu"),
    }


def _file_of_requests(world: World, name: str, flights: list[dict[str, Any]]) -> Path:
    path = world.folder / f"{name}.txt"
    path.write_bytes(b"\n".join(map(orjson.dumps, flights)))
    return path


def _load(server: Server, bodies: Path, key: str, seconds: float) -> dict[str, float]:
    """Ask one server for a while; rate a second, milliseconds, CPU microseconds a request.

    Raises
    ------
    RuntimeError
        If an answer was not 200, or there was none.
    """
    before = server.cpu_seconds()
    count, found = (_wrk if shutil.which("wrk") else _own)(server, bodies, key, seconds)
    if not count:
        raise RuntimeError(
            f"{server.name} answered nothing within {seconds:g} s: the machine is too busy to measure"
        )
    return found | {"cpu": (server.cpu_seconds() - before) / count * 1e6}


def _own(server: Server, bodies: Path, key: str, seconds: float) -> tuple[int, dict[str, float]]:
    found = client.run(server.port, requests_of(bodies, key), seconds, clients=CLIENTS)
    if set(found.statuses) != {200}:
        raise RuntimeError(f"{server.name} answered {dict(found.statuses)}")
    latency = {"p50": found.percentile(0.5), "p99": found.percentile(0.99)}
    return found.statuses[200], latency | {"rate": found.rate()}


def requests_of(bodies: Path, key: str) -> Iterator[bytes]:
    """Return the requests of a file of bodies, again and again."""
    return itertools.cycle([client.request(PATH, body, key) for body in bodies.read_bytes().split(b"\n")])


def _wrk(server: Server, bodies: Path, key: str, seconds: float) -> tuple[int, dict[str, float]]:
    done = subprocess.run(
        ["wrk", "-t1", f"-c{CLIENTS}", f"-d{max(1, round(seconds))}s", "-s", str(WRK_SCRIPT),
         f"http://127.0.0.1:{server.port}{PATH}", "--", str(bodies), key],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    found = json.loads(done.stdout.splitlines()[-1])
    if found["errors"]:
        raise RuntimeError(f"{server.name}: {found['errors']} answers were not 200")
    count = found["requests"]
    return count, {"rate": count / found["seconds"], "p50": found["p50"], "p99": found["p99"]}


def _overload(world: World, server: Server, seconds: float, say: Say) -> dict[str, Any]:
    """Send twice and five times what is answered, in the open loop; capacity is what the same generator gets closed."""
    bodies = _file_of_requests(world, "warm", world.flights)
    closed = client.run(server.port, requests_of(bodies, world.key), 2 * seconds, clients=CLIENTS)
    capacity = closed.rate()
    steps = []
    for times in OVERLOADS:
        found = client.run(server.port, requests_of(bodies, world.key), 2 * seconds, rate=times * capacity)
        after = client.run(server.port, requests_of(bodies, world.key), seconds, clients=CLIENTS)
        steps.append(
            {
                "times_capacity": times,
                "sent_a_second": round(sum(found.statuses.values()) / found.seconds),
                "goodput_of_capacity": round(found.rate() / capacity, 3),
                "answers": {str(status): count for status, count in sorted(found.statuses.items())},
                "without_retry_after": found.without_retry_after,
                "p99_ms": round(found.percentile(0.99), 1),
                "refused_p99_ms": round(found.percentile(0.99, 503), 1) if found.statuses[503] else None,
                "afterwards_of_capacity": round(after.rate() / capacity, 3),
            }
        )
        say(f"{times}x capacity: goodput {steps[-1]['goodput_of_capacity']:.2f}, {steps[-1]['answers']}")
    return {"capacity": round(capacity), "steps": steps}


def _batches(world: World, server: Server, rounds: int, say: Say) -> dict[str, Any]:
    """Compare batches of 1,000 flights, one after the other, with LightGBM's own `Booster.predict` of as many rows."""
    text = (world.folder / "models" / str(VERSION) / model_artifact.TREES).read_text(encoding="utf-8")
    booster = lightgbm.Booster(model_str=text)
    rows = np.random.default_rng(1).normal(size=(BATCH, booster.num_feature()))
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
