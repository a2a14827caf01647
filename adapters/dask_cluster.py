"""A Dask cluster as an engine. The one adapter for Dask: nobody imports it who does not use it."""

import asyncio
import logging
import sys
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from importlib.metadata import version
from itertools import islice
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from adapters.code_hash import code_hash
from adapters.engine import TreeWorkers
from adapters.kept_arrays import KeptArrays
from domain.errors import ConfigurationError, NotReady
from domain.features.catalogue import CONTRACT_HASH

if TYPE_CHECKING:
    from distributed import Client, Future

Result = TypeVar("Result")
CONNECT_SECONDS = 5
COPIES = 2
"""Workers that hold each value that is kept: one may be lost."""
AHEAD = 2
"""Pieces a thread of the cluster that are handed out before their turn: results that wait take memory."""
ATTEMPTS = 3
UNREACHABLE = (OSError, TimeoutError, ValueError, TypeError)
"""What Dask raises of an address that is wrong, or where nothing answers."""
CODE = ("adapters", "data", "domain", "monitoring", "training")
"""Folders that decide what a worker computes."""


class Kept:
    """A value that workers hold; it stays here too, and is sent again when no worker is left that has it."""

    def __init__(self, client: "Client", value: Any):
        self._client, self._value = client, value
        self.future = self._sent()

    def send_again(self) -> None:
        """Send it again where it is lost."""
        if self.future.cancelled():
            self.future = self._sent()

    def _sent(self) -> "Future":
        return self._client.scatter(self._value, hash=False, broadcast=COPIES)


class DaskEngine:
    """Computes pieces on the workers of a cluster; a piece whose worker dies is computed by another."""

    def __init__(self, client: "Client", trees: TreeWorkers | None = None, kept: KeptArrays | None = None):
        self.client, self.trees, self.kept = client, trees, kept

    @property
    def threads(self) -> int:
        """Return how many pieces the workers compute at once."""
        return sum(self.client.nthreads().values())

    def keep(self, value: Any) -> Kept:
        """Send a value to workers; return what stands for it in pieces."""
        return Kept(self.client, value)

    def map(self, work: Callable[..., Result], pieces: Iterable[tuple[Any, ...]]) -> Iterator[Result]:
        """Yield the results in the order of pieces, a few of which are computed ahead.

        Raises
        ------
        NotReady
            If the cluster went away, or workers died of a piece again and again.
        """
        rest, window = iter(pieces), max(1, AHEAD * self.threads)
        waiting = deque((piece, self._submit(work, piece)) for piece in islice(rest, window))
        while waiting:
            piece, future = waiting.popleft()
            result = self._result(work, piece, future)
            waiting.extend((more, self._submit(work, more)) for more in islice(rest, 1))
            yield result

    def _submit(self, work: Callable[..., Result], piece: tuple[Any, ...]) -> "Future":
        arguments = [value.future if isinstance(value, Kept) else value for value in piece]
        # Whether two calls are the same is for nobody to guess: each is a task of its own.
        return self.client.submit(work, *arguments, pure=False)

    def _result(self, work: Callable[..., Result], piece: tuple[Any, ...], future: "Future") -> Result:
        from distributed import CancelledError, KilledWorker

        for _ in range(ATTEMPTS):
            try:
                found: Result = future.result()
                return found
            except CancelledError:
                # The last worker that held a kept value is gone, and with it what was to be made of it.
                self._wait_for_workers()
                for value in piece:
                    if isinstance(value, Kept):
                        value.send_again()
                future = self._submit(work, piece)
            except KilledWorker as error:
                raise NotReady(f"ONTIME_DASK_SCHEDULER: workers died of a piece of work: {error}") from error
        raise NotReady(f"ONTIME_DASK_SCHEDULER: the cluster lost a piece of work {ATTEMPTS} times")

    def _wait_for_workers(self) -> None:
        try:
            self.client.wait_for_workers(1, timeout=CONNECT_SECONDS)
        except (OSError, TimeoutError) as error:
            raise NotReady(f"ONTIME_DASK_SCHEDULER: the cluster has no worker any more: {error}") from error


@contextmanager
def connected(
    address: str, trees: TreeWorkers | None = None, kept: KeptArrays | None = None
) -> Iterator[DaskEngine]:
    """Connect to a cluster for the length of a block.

    Parameters
    ----------
    trees : TreeWorkers, optional
        Fits trees there too.
    kept : KeptArrays, optional
        Keeps vectors here from one training set to the next.

    Raises
    ------
    ConfigurationError
        If the libraries, the scheduler or its workers are not there, or workers run other code; names the setting.
    """
    client = new_client(address)
    try:
        _require_workers(client, address)
        yield DaskEngine(client, trees, kept)
    finally:
        leave(client)


def leave(client: "Client") -> None:
    """Close a connection, and with it give up what was asked by it; a scheduler that is gone takes no leave."""
    with suppress(OSError, TimeoutError):
        client.close(timeout=2)


def new_client(address: str) -> "Client":
    """Connect to a scheduler.

    Raises
    ------
    ConfigurationError
        If the libraries or the scheduler are not there; names the setting.
    """
    try:
        from distributed import Client
    except ImportError as error:
        raise _missing(error) from error
    _quieten()
    try:
        # A client that finds no scheduler would wait for it once more when it is closed: so it is asked before.
        _identity(address)
        return Client(address, timeout=CONNECT_SECONDS, set_as_default=False)
    except UNREACHABLE as error:
        raise _no_scheduler(address, error) from error


def workers_of(address: str) -> int:
    """Return how many workers a scheduler has.

    Raises
    ------
    ConfigurationError
        If none answers there; names the setting.
    """
    try:
        return len(worker_addresses(address))
    except UNREACHABLE as error:
        raise _no_scheduler(address, error) from error


def worker_addresses(address: str) -> set[str]:
    """Return where the workers of a scheduler are; raises one of UNREACHABLE if none answers there."""
    return set(_identity(address)["workers"])


def task_runner(address: str) -> Any:
    """Return what hands the tasks of a Prefect flow to a cluster.

    Raises
    ------
    ConfigurationError
        If prefect-dask is not installed.
    """
    try:
        from prefect_dask import DaskTaskRunner
    except ImportError as error:
        raise _missing(error) from error
    return DaskTaskRunner(address=address)


def _missing(error: ImportError) -> ConfigurationError:
    return ConfigurationError(
        f"ONTIME_ENGINE: dask needs dask, distributed and prefect-dask, and {error.name} is not installed: "
        "`make install`, or ONTIME_ENGINE=local"
    )


def _no_scheduler(address: str, error: Exception) -> ConfigurationError:
    return ConfigurationError(
        f"ONTIME_DASK_SCHEDULER: no Dask scheduler answers at {address!r} ({_first_line(error)}); "
        "`make dask-up` starts one, ONTIME_ENGINE=local needs none"
    )


def _identity(address: str) -> dict[str, Any]:
    with ThreadPoolExecutor(1) as pool:  # a loop of its own, whatever runs in this thread
        return pool.submit(asyncio.run, _ask_identity(address)).result()


async def _ask_identity(address: str) -> dict[str, Any]:
    from distributed.core import rpc

    # Somebody else's server may take the connection and stay silent.
    async with asyncio.timeout(2 * CONNECT_SECONDS), rpc(address, timeout=CONNECT_SECONDS) as scheduler:
        found: dict[str, Any] = await scheduler.identity(n_workers=-1)
        return found


def _quieten() -> None:
    """Silence what Dask logs of connections that break: whoever asked hears of it by an error."""
    for name in ("distributed.client", "distributed.comm", "distributed.core", "tornado.application"):
        logging.getLogger(name).setLevel(logging.CRITICAL)


def _require_workers(client: "Client", address: str) -> None:
    try:
        client.wait_for_workers(1, timeout=CONNECT_SECONDS)
    except (OSError, TimeoutError) as error:
        raise ConfigurationError(
            f"ONTIME_DASK_SCHEDULER: the scheduler at {address} has no worker; start one, or `make dask-up`"
        ) from error
    own = fingerprint()
    for worker, theirs in client.run(fingerprint).items():
        if theirs != own:
            other = next(name for name in own if theirs.get(name) != own[name])
            raise ConfigurationError(
                f"ONTIME_DASK_SCHEDULER: worker {worker} has another {other} than this process "
                f"({theirs.get(other)}, here {own[other]}): its results would differ; start workers again"
            )


def fingerprint() -> dict[str, str]:
    """Return what decides the bits of a result: the code, the feature contract, Python and what computes."""
    return {
        "code": code_hash(CODE)[:16],
        "feature contract": CONTRACT_HASH[:16],
        "Python": ".".join(map(str, sys.version_info[:2])),
        "numpy": np.__version__,
        "LightGBM": version("lightgbm"),
    }


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0][:200]


if __name__ == "__main__":
    from adapters.settings import settings

    print(f"{workers_of(settings().dask_scheduler)} workers")  # noqa: T201  the healthcheck of a container
