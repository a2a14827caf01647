"""Faults under load, and a ledger that keeps every acknowledged prediction: `ontime chaos`.

The client notes the identity and the probability of each answer 200. When all faults are over and the spool is empty,
each must be in the log exactly once, with the probability that was answered. PostgreSQL, Gunicorn and the shipper are
real; the faults are signals and settings of real processes.
"""

import itertools
import json
import shutil
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import orjson

from adapters.clock_store import ClockStore
from adapters.postgres import Database
from adapters.prediction_log import PredictionLog
from adapters.settings import Settings
from adapters.spool_reader import SpoolReader, unshipped_bytes
from adapters.terminal import Say
from adapters.waiting import wait_until
from domain.errors import NotReady
from experiments import measured
from experiments.benchmarks import client
from experiments.benchmarks.client import Answer, Summary
from experiments.benchmarks.faults import FAULTS, PATH, Stack, statement
from experiments.benchmarks.servers import Server, serve
from experiments.benchmarks.world import FULL_SIZE, NOW, World, serving_world
from training.train import TreeParameters

RATE = 100.0
"""Requests a second under which each fault happens."""
CALM_SECONDS = 2.0
"""Of load before and after a fault."""
DRAIN_SECONDS = 120.0


@dataclass
class Ledger:
    """What the client was answered."""

    acknowledged: dict[str, float] = field(default_factory=dict)
    """Probability by prediction id."""
    repeated: int = 0
    """Answers whose identity was given before."""

    def note(self, answer: Answer) -> None:
        """Keep an acknowledged prediction."""
        if answer.status != 200:
            return
        body = orjson.loads(answer.body)
        self.repeated += body["prediction_id"] in self.acknowledged
        self.acknowledged[body["prediction_id"]] = body["probability"]

    def audit(self, database: Database) -> dict[str, int]:
        """Compare with the log: what is missing, there twice, or another number than was answered."""
        rows = [row for row in _logged(database) if row[0] in self.acknowledged]
        found = dict(rows)
        return {
            "acknowledged": len(self.acknowledged),
            "logged": PredictionLog(database).count(),
            "missing": len(self.acknowledged.keys() - found.keys()),
            "twice": len(rows) - len(found) + self.repeated,
            "different": sum(self.acknowledged[name] != value for name, value in found.items()),
        }


def _logged(database: Database) -> list[tuple[str, float]]:
    with database.transaction() as cursor:
        cursor.execute(statement("logged"))
        return [(name, probability) for name, probability in cursor.fetchall()]


HOSTILE = {
    "a body of 5 MB": b"[" + b"0," * 2_500_000 + b"0]",
    "JSON 100,000 deep": b"[" * 100_000,
    "2,000 flights": orjson.dumps({"flights": [{}] * 2_000}),
    "no JSON": b"\xff\xfe" * 500,
}


def chaos(
    settings: Settings,
    seconds: float,
    say: Say,
    faults: dict[str, Callable[[Stack, float], None]] = FAULTS,
    parameters: TreeParameters = FULL_SIZE,
) -> dict[str, Any]:
    """Do every fault under load, audit the ledger, write var/reports/chaos.json and return what is in it.

    Parameters
    ----------
    seconds : float
        How long a fault lasts.
    """
    folder = settings.state_dir / "chaos"
    with serving_world(settings, folder, parameters, durable=True) as world:
        _forget_earlier(world)
        with serve(world, "app:create_app()", name="api") as server, _stack(world, server) as stack:
            ledger, found = Ledger(), []
            for name, fault in faults.items():
                found.append(_under_load(stack, ledger, name, fault, seconds))
                say(
                    f"{name}: {found[-1]['answers']}, longest without an answer {found[-1]['longest_gap_seconds']} s"
                )
            hostile = [_hostile(stack, name, body) for name, body in HOSTILE.items()]
            _drain(world)
            audit = ledger.audit(world.database)
            memory = max(server.megabytes())
    say(json.dumps(audit))
    result = {
        "rate": RATE, "seconds": seconds, "faults": found, "hostile": hostile, "audit": audit,
        "worker_megabytes": memory,
    }  # fmt: skip
    measured.write(settings, "chaos", result, "make chaos")
    return result


def is_sound(found: dict[str, Any]) -> bool:
    """Return whether the ledger and the log agree, each 503 said when to come again, and each fault was survived."""
    audit = found["audit"]
    agrees = audit["missing"] == audit["twice"] == audit["different"] == 0 < audit["acknowledged"]
    return agrees and all(
        fault["answered_afterwards"] and not fault["without_retry_after"] for fault in found["faults"]
    )


@contextmanager
def _stack(world: World, server: Server) -> Iterator[Stack]:
    stack = Stack(world, server)
    try:
        yield stack
    finally:
        stack.close()


def _forget_earlier(world: World) -> None:
    """Begin with an empty spool, an empty log and the world's clock: those of an earlier run are this command's own."""
    ClockStore(world.database).set_simulated(NOW)
    shutil.rmtree(world.spool, ignore_errors=True)
    with world.database.transaction() as cursor:
        cursor.execute(statement("forget"))


def _under_load(
    stack: Stack, ledger: Ledger, name: str, fault: Callable[[Stack, float], None], seconds: float
) -> dict[str, Any]:
    answered: list[float] = []
    over = threading.Event()
    summaries: list[Summary] = []

    def note(answer: Answer) -> None:
        ledger.note(answer)
        if answer.status == 200:
            answered.append(time.perf_counter())

    def load() -> None:
        summaries.append(
            client.run(
                stack.server.port,
                itertools.takewhile(lambda _: not over.is_set(), stack.requests()),
                600.0,
                rate=RATE,
                each=note,
            )
        )

    began = time.perf_counter()
    loader = threading.Thread(target=load)
    loader.start()
    try:
        time.sleep(CALM_SECONDS)
        fault(stack, seconds)
        time.sleep(CALM_SECONDS)
    finally:
        over.set()
        loader.join()
    [summary] = summaries
    moments = [began, *answered, time.perf_counter()]
    return {
        "fault": name,
        "what": (fault.__doc__ or "").strip(),
        "answers": {str(status): count for status, count in sorted(summary.statuses.items())},
        "without_retry_after": summary.without_retry_after,
        "p99_ms": round(summary.percentile(0.99), 1),
        "longest_gap_seconds": round(max(b - a for a, b in itertools.pairwise(moments)), 2),
        "answered_afterwards": bool(answered and answered[-1] > moments[-1] - CALM_SECONDS),
    }


def _hostile(stack: Stack, name: str, body: bytes) -> dict[str, Any]:
    found = client.run(stack.server.port, iter([client.request(PATH, body, stack.world.key)]), 30, clients=1)
    [status] = found.statuses
    return {"what": name, "status": status, "milliseconds": round(found.percentile(0.5, status), 1)}


def _drain(world: World) -> None:
    """Wait until all that was acknowledged is shipped.

    Raises
    ------
    NotReady
        If it is not within two minutes.
    """
    log, reader = PredictionLog(world.database), SpoolReader(world.spool)

    def is_empty() -> bool:
        for foreign in world.spool.glob("chaos-*.spool"):
            foreign.unlink()
        return not unshipped_bytes(reader, log.offset)

    if not wait_until(is_empty, DRAIN_SECONDS, pause=0.5):
        raise NotReady(f"the spool is not empty {DRAIN_SECONDS:.0f} s after the load ended")
