"""What work took: CPU seconds, memory and bytes, of this process, of a server's, of the database."""

import json
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from adapters.postgres import Database
from adapters.settings import PROJECT_ROOT
from deploy.native.embedded_postgres import EmbeddedPostgres
from deploy.native.processes import cpu_seconds, family

STATEMENTS = Path(__file__).with_name("sql")


@dataclass(frozen=True)
class Sizes:
    """Rows and bytes of the tables that grow, indexes included."""

    flight_events: int
    flight_bytes: int
    labels: int
    label_bytes: int
    observations: int
    observation_bytes: int
    predictions: int
    prediction_bytes: int
    ticks: int
    state_bytes: int

    @classmethod
    def of(cls, database: Database) -> "Sizes":
        """Measure the tables of a database."""
        with database.transaction() as cursor:
            cursor.execute(statement("sizes"))
            [row] = cursor.fetchall()
        return cls(*(int(value or 0) for value in row))


@cache
def statement(name: str) -> str:
    """Return a statement of this folder."""
    return (STATEMENTS / f"{name}.sql").read_text(encoding="utf-8")


def forget(database: Database) -> None:
    """Empty what a world has been given."""
    with database.transaction() as cursor:
        cursor.execute(statement("forget"))


def postgres_seconds(server: EmbeddedPostgres) -> float:
    """Return the CPU time that a server and its connections have taken so far."""
    return cpu_seconds(family(int((server.data_dir / "postmaster.pid").read_text().split()[0])))


def timed(work: Callable[[], object], server: EmbeddedPostgres) -> tuple[float, float]:
    """Do work; return the CPU seconds that it took here, and those of PostgreSQL."""
    here, there = time.process_time(), postgres_seconds(server)
    work()
    return time.process_time() - here, postgres_seconds(server) - there


def peak_bytes(pid: int | str = "self") -> int:
    """Return the most memory that a process has held; getrusage would count what its parent held before it."""
    return _status(pid, "VmHWM")


def resident_bytes(pid: int | str = "self") -> int:
    """Return the memory that a process holds."""
    return _status(pid, "VmRSS")


def _status(pid: int | str, name: str) -> int:
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return int(next(line for line in lines if line.startswith(f"{name}:")).split()[1]) * 1024


def apart(module: str, *words: object) -> dict[str, Any]:
    """Run a module that prints JSON in a process of its own, so that its peak of memory is its own."""
    command = [sys.executable, "-m", module, *map(str, words)]
    done = subprocess.run(command, cwd=PROJECT_ROOT, capture_output=True, text=True, check=True)
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found
