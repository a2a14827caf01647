"""Faults under load, and a ledger that keeps every acknowledged prediction: `ontime chaos`.

The client notes the identity and the probability of each answer 200. When all faults are over and the spool is empty,
each must be in the log exactly once, with the probability that was answered. PostgreSQL, Gunicorn and the shipper are
real; the faults are signals and settings of real processes.
"""

import itertools
import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import orjson

from adapters.postgres import Database
from adapters.prediction_log import PredictionLog
from adapters.settings import Settings
from adapters.spool_reader import SpoolReader, unshipped_bytes
from adapters.terminal import Say
from adapters.waiting import wait_until
from deploy.native.processes import family
from domain.errors import NotReady
from experiments import measured
from experiments.benchmarks import client
from experiments.benchmarks.client import Answer, Summary
from experiments.benchmarks.servers import Server, program, serve
from experiments.benchmarks.world import FULL_SIZE, World, serving_world
from training.train import TreeParameters

RATE = 100.0
"""Requests a second under which each fault happens."""
CALM_SECONDS = 2.0
"""Of load before and after a fault."""
DRAIN_SECONDS = 120.0
PATH = "/v1/predictions"
STATEMENTS = Path(__file__).with_name("sql")
SHIPPER = [sys.executable, "-m", "services.shipper"]


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
        cursor.execute(_statement("logged"))
        return [(name, probability) for name, probability in cursor.fetchall()]


class Stack:
    """The processes that the faults are done to."""

    def __init__(self, world: World, server: Server):
        self.world = world
        self.server = server
        self._shippers: list[tuple[ExitStack, subprocess.Popen[bytes]]] = []
        self.start_shipper()

    def start_shipper(self) -> None:
        """Start a shipper beside those that run."""
        running = ExitStack()
        log = self.world.folder / f"shipper-{len(self._shippers)}.log"
        self._shippers.append((running, running.enter_context(program(self.world, SHIPPER, log))))

    def kill_shipper(self) -> None:
        """Kill the shipper that was started last."""
        running, process = self._shippers.pop()
        process.kill()
        process.wait(10)
        running.close()

    def close(self) -> None:
        """End all shippers."""
        for running, _ in self._shippers:
            running.close()

    def postgres(self) -> list[int]:
        """Return the process ids of PostgreSQL, the first one's children included."""
        first = int((self.world.server.data_dir / "postmaster.pid").read_text().split()[0])
        return family(first)


def kill_workers(stack: Stack, seconds: float) -> None:
    """Kill a worker of the API every second."""
    for _ in range(max(1, round(seconds))):
        os.kill(stack.server.workers()[0], signal.SIGKILL)
        time.sleep(1.0)


def reload_workers(stack: Stack, seconds: float) -> None:
    """Reload all workers, again and again, as a deployment does."""
    for _ in range(max(1, round(seconds / 2))):
        stack.server.process.send_signal(signal.SIGHUP)
        time.sleep(2.0)


def kill_shipper(stack: Stack, seconds: float) -> None:
    """Kill the shipper every second, and start another."""
    for _ in range(max(1, round(seconds))):
        stack.kill_shipper()
        stack.start_shipper()
        time.sleep(1.0)


def two_shippers(stack: Stack, seconds: float) -> None:
    """Let two shippers ship the same spool."""
    stack.start_shipper()
    time.sleep(seconds)
    stack.kill_shipper()


def kill_postgres(stack: Stack, seconds: float) -> None:
    """Kill PostgreSQL, and start it again at once."""
    stack.world.server.stop(kill=True)
    stack.world.server.start()
    time.sleep(seconds / 2)


def postgres_away(stack: Stack, seconds: float) -> None:
    """Stop PostgreSQL for a while."""
    stack.world.server.stop()
    time.sleep(seconds)
    stack.world.server.start()


def freeze_postgres(stack: Stack, seconds: float) -> None:
    """Freeze every process of PostgreSQL: it accepts connections and says nothing."""
    frozen = stack.postgres()
    for pid in frozen:
        _signal(pid, signal.SIGSTOP)
    time.sleep(seconds)
    for pid in frozen:
        _signal(pid, signal.SIGCONT)


def read_only(stack: Stack, seconds: float) -> None:
    """Let PostgreSQL refuse writes, as after a failover."""
    _configure(stack.world.database, "read_only")
    time.sleep(seconds)
    _configure(stack.world.database, "writable")


def no_connections(stack: Stack, seconds: float) -> None:
    """Take every connection that PostgreSQL has left, and end those that it had."""
    parameters = stack.world.server.parameters
    held: list[Any] = []
    with stack.world.database.transaction() as cursor:
        cursor.execute(_statement("end_connections"))
    try:
        while True:
            held.append(parameters.connect("held"))
    except NotReady:
        time.sleep(seconds)
    finally:
        for connection in held:
            connection.close()


def torn_spool(stack: Stack, seconds: float) -> None:
    """Leave files in the spool that no worker wrote: noise, a header of another release, half a line."""
    header = b"#columns\tprediction_id\tas_of\tof_tomorrow\n"
    for name, content in {
        "noise": b"\x00\xff noise\n" * 3,
        "tomorrow": header + b"x\ty\tz\n",
        "half": b"0",
    }.items():
        (stack.world.spool / f"chaos-{name}.spool").write_bytes(content)
    time.sleep(seconds)


FAULTS: dict[str, Callable[[Stack, float], None]] = {
    "a worker killed every second": kill_workers,
    "the workers reloaded": reload_workers,
    "the shipper killed every second": kill_shipper,
    "two shippers": two_shippers,
    "PostgreSQL killed": kill_postgres,
    "PostgreSQL away": postgres_away,
    "PostgreSQL frozen": freeze_postgres,
    "PostgreSQL read-only": read_only,
    "PostgreSQL out of connections": no_connections,
    "foreign files in the spool": torn_spool,
}
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
    """Return whether the ledger and the log agree, and the stack answered after every fault."""
    audit = found["audit"]
    agrees = audit["missing"] == audit["twice"] == audit["different"] == 0 < audit["acknowledged"]
    return agrees and all(fault["answered_afterwards"] for fault in found["faults"])


@contextmanager
def _stack(world: World, server: Server) -> Iterator[Stack]:
    stack = Stack(world, server)
    try:
        yield stack
    finally:
        stack.close()


def _forget_earlier(world: World) -> None:
    """Begin with an empty spool and an empty log: those of an earlier run are this command's own."""
    shutil.rmtree(world.spool, ignore_errors=True)
    with world.database.transaction() as cursor:
        cursor.execute(_statement("forget"))


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
        asked = _requests(stack.world)
        summaries.append(
            client.run(
                stack.server.port,
                itertools.takewhile(lambda _: not over.is_set(), asked),
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


def _requests(world: World) -> Iterator[bytes]:
    return itertools.cycle([client.request(PATH, orjson.dumps(f), world.key) for f in world.flights])


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


@cache
def _statement(name: str) -> str:
    return (STATEMENTS / f"{name}.sql").read_text(encoding="utf-8")


def _configure(database: Database, change: str) -> None:
    # ALTER SYSTEM runs in no transaction block.
    connection = database.parameters.connect("chaos")
    try:
        connection.autocommit = True
        with connection.cursor() as cursor:
            cursor.execute(_statement(change))
            cursor.execute(_statement("reload"))
    finally:
        connection.close()


def _signal(pid: int, number: signal.Signals) -> None:
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        return
