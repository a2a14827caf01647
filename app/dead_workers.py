"""What dead workers counted for Prometheus: added up in one file a kind, so that a scrape reads no file of each."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from prometheus_client import multiprocess
from prometheus_client.mmap_dict import MmapedDict

SUMMED = ("counter", "histogram")
OF_THE_LIVING = ("gauge_max", "gauge_mostrecent")
"""Whoever lives says it again within a second."""


@contextmanager
def undisturbed(folder: Path, how: int = fcntl.LOCK_SH) -> Iterator[None]:
    """Keep files where they are for the block: counted neither twice nor not at all while they are added up."""
    with (folder / "lock").open("a") as lock:
        fcntl.flock(lock, how)
        yield


def sweep(folder: Path, pid: int) -> None:
    """Add what a dead worker counted to what those before it did, and remove its files."""
    with undisturbed(folder, fcntl.LOCK_EX):
        multiprocess.mark_process_dead(pid, str(folder))
        for kind in SUMMED:
            _add(folder / f"{kind}_{pid}.db", folder / f"{kind}_dead.db")
        for kind in OF_THE_LIVING:
            (folder / f"{kind}_{pid}.db").unlink(missing_ok=True)


def _add(source: Path, target: Path) -> None:
    if not source.exists():
        return
    total = MmapedDict(os.fspath(target))
    for key, value, moment, _ in MmapedDict.read_all_values_from_file(source):
        before, _ = total.read_value(key)
        total.write_value(key, before + value, moment)
    total.close()
    source.unlink()
