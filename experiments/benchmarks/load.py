"""Servers asked in turns by the same clients, so that what else the machine does falls on all of them alike."""

import itertools
import json
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import orjson

from adapters.terminal import Say
from experiments.benchmarks import client
from experiments.benchmarks.servers import Server
from experiments.benchmarks.world import World

PATH = "/v1/predictions"
CLIENTS = 16
WRK_SCRIPT = Path(__file__).with_name("bodies.lua")
Results = dict[str, list[dict[str, float]]]


@dataclass(frozen=True)
class Asked:
    """A server, and what it is asked."""

    server: Server
    bodies: Path
    """A body a line."""
    path: str = PATH


def tool() -> str:
    """Return the name of the load generator: wrk where it is installed."""
    return "wrk" if shutil.which("wrk") else "experiments.benchmarks.client"


def file_of_requests(world: World, name: str, bodies: list[dict[str, Any]]) -> Path:
    """Write bodies to a file, one a line, and return its path."""
    path = world.folder / f"{name}.txt"
    path.write_bytes(b"\n".join(map(orjson.dumps, bodies)))
    return path


def requests_of(bodies: Path, key: str, path: str = PATH) -> Iterator[bytes]:
    """Return the requests of a file of bodies, again and again."""
    return itertools.cycle([client.request(path, body, key) for body in bodies.read_bytes().split(b"\n")])


def in_turns(
    asked: Mapping[str, Asked], key: str, rounds: int, seconds: float, reference: str, say: Say
) -> Results:
    """Ask each server for a while, round after round; rate a second, milliseconds, CPU microseconds a request.

    Parameters
    ----------
    reference : str
        The server that the last one is compared with in the line that each round says.

    Raises
    ------
    RuntimeError
        If an answer was not 200, or there was none.
    """
    results: Results = {name: [] for name in asked}
    for one in asked.values():
        client.run(one.server.port, requests_of(one.bodies, key, one.path), 1.0, clients=CLIENTS)
    for number in range(rounds):
        # Each round in another order: a neighbour's rhythm favours nobody.
        names = list(asked)[number % len(asked) :] + list(asked)[: number % len(asked)]
        for name in names:
            results[name].append(_load(asked[name], key, seconds))
        rates = {name: found[-1]["rate"] / results[reference][-1]["rate"] for name, found in results.items()}
        said = ", ".join(f"{name} {rate:.2f}" for name, rate in rates.items() if name != reference)
        say(f"round {number + 1} of {rounds}, of {reference}: {said}")
    return results


def compared(name: str, found: list[dict[str, float]], reference: list[dict[str, float]]) -> dict[str, Any]:
    """Return the medians of a server's rounds, and those of the ratios to another's within a round."""

    def ratio(value: str) -> float:
        return round(
            float(np.median([f[value] / r[value] for f, r in zip(found, reference, strict=True)])), 3
        )

    median = {value: float(np.median([f[value] for f in found])) for value in found[0]}
    return {
        "rung": name,
        "requests_a_second": round(median["rate"]),
        "of_bare_flask": ratio("rate"),
        "p50_ms": round(median["p50"], 2),
        "p99_ms": round(median["p99"], 2),
        "p99_of_bare_flask": ratio("p99"),
        "cpu_microseconds": round(median["cpu"]),
        "cpu_of_bare_flask": ratio("cpu"),
    }


def _load(asked: Asked, key: str, seconds: float) -> dict[str, float]:
    server = asked.server
    before = server.cpu_seconds()
    count, found = (_wrk if shutil.which("wrk") else _own)(asked, key, seconds)
    if not count:
        raise RuntimeError(
            f"{server.name} answered nothing within {seconds:g} s: the machine is too busy to measure"
        )
    return found | {"cpu": (server.cpu_seconds() - before) / count * 1e6}


def _own(asked: Asked, key: str, seconds: float) -> tuple[int, dict[str, float]]:
    requests = requests_of(asked.bodies, key, asked.path)
    found = client.run(asked.server.port, requests, seconds, clients=CLIENTS)
    if set(found.statuses) != {200}:
        raise RuntimeError(f"{asked.server.name} answered {dict(found.statuses)}")
    latency = {"p50": found.percentile(0.5), "p99": found.percentile(0.99)}
    return found.statuses[200], latency | {"rate": found.rate()}


def _wrk(asked: Asked, key: str, seconds: float) -> tuple[int, dict[str, float]]:
    done = subprocess.run(
        ["wrk", "-t1", f"-c{CLIENTS}", f"-d{max(1, round(seconds))}s", "-s", str(WRK_SCRIPT),
         f"http://127.0.0.1:{asked.server.port}{asked.path}", "--", str(asked.bodies), key],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    found = json.loads(done.stdout.splitlines()[-1])
    if found["errors"]:
        raise RuntimeError(f"{asked.server.name}: {found['errors']} answers were not 200")
    count = found["requests"]
    return count, {"rate": count / found["seconds"], "p50": found["p50"], "p99": found["p99"]}
