"""What the workers of one test session share: a folder, locks, ports, and the way to give up together."""

import os
import random
import secrets
import shutil
import socket
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

import pytest
from filelock import FileLock

from adapters.settings import PREFIX

PORTS = range(20_000, 32_000)
"""Below those that the kernel gives to connections on their way out, which would take a port between two uses."""

MEMORY = Path("/dev/shm")
ROOM = 4 * 2**30
"""Bytes that have to be free there; the servers of all workers use a quarter of it."""
IN_MEMORY = "ontime-tests-"

DISCARD_PORT = 9
"""Nothing listens there: what a test did not start it must not reach, least of all the stack of whoever runs it."""


STACK_PORTS = ("POSTGRES", "API", "MLFLOW", "PREFECT", "SUPERVISOR")


def without_settings() -> dict[str, str]:
    """The environment of this process but for settings: those of a stack that somebody runs are no test's."""
    return {name: value for name, value in os.environ.items() if not name.startswith(PREFIX)}


def settings_of_a_new_stack(folder: Path) -> dict[str, str]:
    """Ports, folders and a Compose project that nobody else has."""
    return {
        **{f"{PREFIX}{name}_PORT": str(free_port()) for name in STACK_PORTS},
        f"{PREFIX}STATE_DIR": str(folder / "state"),
        f"{PREFIX}INBOX_DIR": str(folder / "inbox"),
        "COMPOSE_PROJECT_NAME": "ontime-that-nobody-started",
    }


def free_port(beside: int = 0) -> int:
    """A loopback port that is free, as is the one `beside` higher; no other test process is given either.

    Names in the kernel's abstract namespace hold the claim: they go with the process, however that ends.
    """
    for port in random.SystemRandom().sample(PORTS, len(PORTS)):
        if _claim({port, port + beside}):
            return port
    raise RuntimeError(f"no port is free between {PORTS.start} and {PORTS.stop}")


def _claim(ports: set[int]) -> bool:
    with ExitStack() as opened:
        claims = []
        try:
            for port in ports:
                claims.append(opened.enter_context(socket.socket(socket.AF_UNIX)))
                claims[-1].bind(f"\0ontime-test-port-{port}")
                opened.enter_context(socket.socket()).bind(("127.0.0.1", port))
        except OSError:
            return False
        for claim in claims:
            claim.detach()
    return True


def session_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder that all workers of this session see."""
    own = tmp_path_factory.getbasetemp()
    return own.parent if "PYTEST_XDIST_WORKER" in os.environ else own


@contextmanager
def fast_folder(otherwise: Path) -> Iterator[Path]:
    """A folder in memory for the length of a block, or `otherwise` where memory has no room.

    A test's database is 400 small files: a busy disk's journal takes ten times the CPU that memory takes for them.
    """
    if not MEMORY.is_dir() or shutil.disk_usage(MEMORY).free < ROOM:
        yield otherwise
        return
    _remove_abandoned()
    folder = MEMORY / f"{IN_MEMORY}{secrets.token_hex(8)}"
    with socket.socket(socket.AF_UNIX) as claim:
        claim.bind(f"\0{folder}")
        folder.mkdir(mode=0o700)
        try:
            yield folder
        finally:
            shutil.rmtree(folder)


def _remove_abandoned() -> None:
    """Remove what killed test processes have left: their claims went with them."""
    for folder in MEMORY.glob(f"{IN_MEMORY}*"):
        with socket.socket(socket.AF_UNIX) as claim, suppress(OSError):
            claim.bind(f"\0{folder}")
            shutil.rmtree(folder)


def alone(path: Path) -> FileLock:
    """A lock on `path` among the workers."""
    return FileLock(path.with_name(path.name + ".lock"))


@contextmanager
def needed(session: pytest.Session, what: str) -> Iterator[None]:
    """End the session when what is started inside fails: else each test that needs it tells the same error."""
    try:
        yield
    except Exception as error:
        session.shouldfail = f"{what} does not start: {error}"
        raise
