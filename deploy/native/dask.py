"""The processes of a Dask cluster on this machine."""

import sys
from urllib.parse import urlsplit

from domain.errors import ConfigurationError

LOOPBACK = ("127.0.0.1", "localhost", "::1")


def scheduler_command(address: str) -> list[str]:
    """Return the command of a scheduler at an address of this machine's loopback.

    Raises
    ------
    ConfigurationError
        If it is not: whoever reaches a scheduler runs code.
    """
    where = urlsplit(address)
    if where.scheme != "tcp" or where.hostname not in LOOPBACK or not where.port:
        raise ConfigurationError(
            "ONTIME_DASK_SCHEDULER: a scheduler is started on loopback only, like tcp://127.0.0.1:8786, "
            f"got {address!r}"
        )
    return [
        *(sys.executable, "-m", "distributed.cli.dask_scheduler", "--host", where.hostname),
        *("--port", str(where.port), "--no-dashboard", "--no-show"),
    ]


def worker_command(address: str) -> list[str]:
    """Return the command of a worker with one thread, which ends when its scheduler is gone."""
    return [
        *(sys.executable, "-m", "distributed.cli.dask_worker", address, "--host", "127.0.0.1"),
        *("--nthreads", "1", "--no-nanny", "--no-dashboard", "--death-timeout", "30"),
    ]
