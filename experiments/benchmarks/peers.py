"""Other servers beside ours, on the same machine and in turns: `ontime bench-peers`.

Granian serves bare Flask and the API, as Gunicorn does. MLflow's own server answers from the same trees, with vectors
given: it checks, looks up and logs nothing.
"""

import os
import subprocess
import sys
from collections.abc import Callable
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import Any

import lightgbm
import numpy as np

from adapters import model_artifact
from adapters.mlflow_flavour import save_trees
from adapters.settings import PROJECT_ROOT, Settings
from adapters.terminal import Say
from domain.errors import OntimeError
from experiments import measured
from experiments.benchmarks.load import CLIENTS, Asked, compared, file_of_requests, in_turns, tool
from experiments.benchmarks.servers import serve
from experiments.benchmarks.world import FULL_SIZE, VERSION, World, serving_world
from training.train import TreeParameters

LOCK = PROJECT_ROOT / "requirements" / "peers.txt"
BARE, API = "bare Flask", "the API"
BARE_APPLICATION, API_APPLICATION = "experiments.benchmarks.rungs:bare", "app:create_app"
MLFLOW = "MLflow's server, vectors given"
VECTORS = 200
Command = Callable[[str, int, int], list[str]]


def bench_peers(
    settings: Settings, rounds: int, seconds: float, say: Say, parameters: TreeParameters = FULL_SIZE
) -> dict[str, Any]:
    """Measure the peers beside Gunicorn, write var/reports/bench-peers.json and return what is in it.

    Raises
    ------
    OntimeError
        If Granian cannot be installed.
    """
    libraries = install(settings.state_dir / "bench-peers", say)
    with serving_world(settings, settings.state_dir / "bench", parameters) as world, ExitStack() as stack:
        start = partial(_start, world, stack)
        granian = {"PYTHONPATH": f"{PROJECT_ROOT}:{libraries}"}
        warm = file_of_requests(world, "warm", world.flights)
        asked = {
            BARE: start(f"{BARE_APPLICATION}()", warm, ready="/"),
            f"{BARE}, Granian": start(BARE_APPLICATION, warm, ready="/", command=_granian, variables=granian),
            MLFLOW: start(
                str(save_trees(_trees(world), world.folder / "mlflow-model")),
                _vectors(world),
                ready="/ping",
                path="/invocations",
                command=_mlflow,
                variables={"PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"},
            ),
            f"{API}, Granian": start(API_APPLICATION, warm, command=_granian, variables=granian),
            API: start(f"{API_APPLICATION}()", warm),
        }
        results = in_turns(asked, world.key, rounds, seconds, BARE, say)
        found = {
            "machine": {"cores": os.cpu_count(), "load": os.getloadavg()[0]},
            "tool": tool(),
            "clients": CLIENTS,
            "rounds": rounds,
            "seconds": seconds,
            "servers": [compared(name, rows, results[BARE]) for name, rows in results.items()],
        }
    measured.write(settings, "bench-peers", found, "make bench-peers")
    return found


def install(folder: Path, say: Say) -> Path:
    """Install what the peers need into a folder of their own, unless it is there; return the folder."""
    if not (folder / "granian").is_dir():
        say("installing Granian, for this benchmark alone")
        options = ["--quiet", "--no-deps", "--require-hashes", "--target", str(folder), "-r", str(LOCK)]
        command = [str(Path(sys.executable).with_name("uv")), "pip", "install", *options]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            raise OntimeError(f"Granian cannot be installed: {done.stderr.strip()[-500:]}")
    return folder


def _start(
    world: World,
    stack: ExitStack,
    application: str,
    bodies: Path,
    ready: str = "/health/ready",
    path: str = "/v1/predictions",
    command: Command | None = None,
    variables: dict[str, str] | None = None,
) -> Asked:
    running = serve(world, application, path=ready, variables=variables, command=command)
    return Asked(stack.enter_context(running), bodies, path)


def _granian(application: str, port: int, workers: int) -> list[str]:
    options = ["--interface", "wsgi", "--host", "127.0.0.1", "--port", str(port), "--workers", str(workers)]
    return [sys.executable, "-m", "granian", *options, "--no-ws", "--factory", application]


def _mlflow(model: str, port: int, workers: int) -> list[str]:
    options = [
        "--host",
        "127.0.0.1",
        "--port",
        str(port),
        "--workers",
        str(workers),
        "--env-manager",
        "local",
    ]
    return [sys.executable, "-m", "mlflow", "models", "serve", "--model-uri", model, *options]


def _trees(world: World) -> str:
    return (world.folder / "models" / str(VERSION) / model_artifact.TREES).read_text(encoding="utf-8")


def _vectors(world: World) -> Path:
    """Write requests of one vector each, as MLflow's server takes them, and return their file."""
    columns = lightgbm.Booster(model_str=_trees(world)).num_feature()
    rows = np.random.default_rng(1).normal(size=(VECTORS, columns))
    return file_of_requests(world, "vectors", [{"inputs": [row]} for row in rows.tolist()])
