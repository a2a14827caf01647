"""What is done to a small stack under load: signals and settings of real processes."""

import itertools
import os
import resource
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

import orjson

from adapters.clock_store import ClockStore
from adapters.postgres import Database
from deploy.native.embedded_postgres import LISTEN_ADDRESS
from deploy.native.processes import family
from domain.errors import NotReady
from experiments.benchmarks import client
from experiments.benchmarks.servers import Server, program
from experiments.benchmarks.world import NOW, World, flights_ahead

PATH = "/v1/predictions"
STATEMENTS = Path(__file__).with_name("sql")
SHIPPER = [sys.executable, "-m", "services.shipper"]
LINES_AGAIN = 100
"""The shipper looks for each that it cannot store among the others: that takes it a while."""
SMALLEST_FILE = 1
"""Bytes: not even the first line of a new file of the spool has room."""
YEAR = timedelta(weeks=52)
JUMPS = (
    (NOW + timedelta(days=1), timedelta(0)),
    (datetime(2013, 11, 3, 5, tzinfo=UTC), timedelta(0)),
    (datetime(2014, 3, 9, 5, tzinfo=UTC), YEAR),
)
"""Where the clock goes, all ahead of the newest state, and how much earlier the dataset has such flights: a day later,
an hour before New York's clocks go back and two hours before they go forward, which they do 52 weeks after 2013's."""


class Stack:
    """The processes that the faults are done to."""

    def __init__(self, world: World, server: Server):
        self.world = world
        self.server = server
        self.ask_about(world.flights)
        self._shippers: list[tuple[ExitStack, subprocess.Popen[bytes]]] = []
        self.start_shipper()

    def ask_about(self, flights: list[dict[str, Any]]) -> None:
        """Have the load ask about other flights from now on."""
        self._bodies = itertools.cycle(
            [client.request(PATH, orjson.dumps(flight), self.world.key) for flight in flights]
        )

    def requests(self) -> Iterator[bytes]:
        """Yield what the load asks, without end."""
        while True:
            yield next(self._bodies)

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
        cursor.execute(statement("end_connections"))
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


def shipped_again(stack: Stack, seconds: float) -> None:
    """Put lines that were shipped into the spool again, as a restored backup would."""
    header, *lines = next(iter(stack.world.spool.glob("*.spool"))).read_bytes().splitlines(keepends=True)
    whole = [line for line in lines if line.endswith(b"\n")]
    (stack.world.spool / "chaos-again.spool").write_bytes(header + b"".join(whole[-LINES_AGAIN:]))
    time.sleep(seconds)


def disk_full(stack: Stack, seconds: float) -> None:
    """Let no file of a worker grow, as on a full disk."""
    workers = stack.server.workers()
    for pid in workers:
        _limit_files(pid, SMALLEST_FILE)
    time.sleep(seconds)
    for pid in workers:
        _limit_files(pid, resource.RLIM_INFINITY)


def mlflow_hangs(stack: Stack, seconds: float) -> None:
    """Let MLflow accept connections and say nothing, and reload all workers meanwhile."""
    with socket.create_server((LISTEN_ADDRESS, stack.world.mlflow_port)):
        stack.server.process.send_signal(signal.SIGHUP)
        time.sleep(seconds)


def clock_jumps(stack: Stack, seconds: float) -> None:
    """Let the stack's clock jump a day ahead, to the changes to winter time and to summer time, and back."""
    clock = ClockStore(stack.world.database)
    try:
        for moment, earlier in JUMPS:
            flights = flights_ahead(stack.world.dataset, moment - earlier)
            clock.set_simulated(moment)
            stack.ask_about([_later(flight, earlier) for flight in flights if "flight_id" not in flight])
            time.sleep(seconds / len(JUMPS))
    finally:
        clock.set_simulated(NOW)
        stack.ask_about(stack.world.flights)


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
    "the spool shipped twice": shipped_again,
    "the disk full": disk_full,
    "MLflow hung at a reload": mlflow_hangs,
    "the clock jumps": clock_jumps,
}


def _later(flight: dict[str, Any], by: timedelta) -> dict[str, Any]:
    times = ("scheduled_departure", "scheduled_arrival")
    return flight | {name: (datetime.fromisoformat(flight[name]) + by).isoformat() for name in times}


@cache
def statement(name: str) -> str:
    """Return a statement of this folder."""
    return (STATEMENTS / f"{name}.sql").read_text(encoding="utf-8")


def _configure(database: Database, change: str) -> None:
    # ALTER SYSTEM runs in no transaction block.
    connection = database.parameters.connect("chaos")
    try:
        connection.autocommit = True
        with connection.cursor() as cursor:
            cursor.execute(statement(change))
            cursor.execute(statement("reload"))
    finally:
        connection.close()


def _limit_files(pid: int, size: int) -> None:
    """Limit how large a process's files may become; one that has ended needs no limit."""
    try:
        _, hard = resource.prlimit(pid, resource.RLIMIT_FSIZE)
        resource.prlimit(pid, resource.RLIMIT_FSIZE, (size, hard))
    except ProcessLookupError:
        return


def _signal(pid: int, number: signal.Signals) -> None:
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        return
