"""Who runs which tests, and in which order; a plugin, named in `pytest_plugins` of tests/conftest.py.

The order is random (pytest-randomly; the session's head names the seed), but for what takes longest, which comes
first, and for scripts, whose tests run in order.
"""

import gc
import os
from collections.abc import Generator
from itertools import count

import pytest

LONGEST = (
    "tests/e2e",
    "tests/flows",
    "tests/experiments/evaluation",
    "tests/experiments",
    "tests/training/test_tune",
    "tests/app/dashboard/test_browser",
)
"""Begun first, so that no worker is left with it at the end."""
TOGETHER = ("tests/e2e", "tests/flows")
"""Folders whose tests share a server that is dear to start, or a script: one worker runs them all."""
SCRIPTS = ("e2e", "stack")
"""Marks of tests that run in the order in which they are written: each goes on with what the last one left."""
WRITTEN = pytest.StashKey[int]()
COUNTER = count()


def scope_of(nodeid: str) -> str:
    """What one worker runs whole: a module, whose fixtures are made once, or a folder of `TOGETHER`."""
    path = nodeid.partition("::")[0]
    return next((folder for folder in TOGETHER if path.startswith(f"{folder}/")), path)


def _rank(nodeid: str) -> int:
    return next((n for n, place in enumerate(LONGEST) if nodeid.startswith(place)), len(LONGEST))


def pytest_configure(config: pytest.Config) -> None:
    # A test that draws names its seed itself; that of pytest-randomly would hide where one does not.
    config.option.randomly_reset_seed = False
    config.option.loadscopereorder = False  # the order of the scopes is ours


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    # What is imported stays: to look for garbage among it takes a fifth of the time, in each worker, and later again.
    gc.disable()
    try:
        return (yield)
    finally:
        gc.freeze()
        gc.enable()


def pytest_itemcollected(item: pytest.Item) -> None:
    item.stash[WRITTEN] = next(COUNTER)


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    shuffled = {item.nodeid: n for n, item in enumerate(items)}
    scopes = {scope: n for n, scope in enumerate(dict.fromkeys(map(scope_of, shuffled)))}

    def place(item: pytest.Item) -> tuple[int, int, int]:
        written = any(map(item.get_closest_marker, SCRIPTS))
        within = item.stash[WRITTEN] if written else shuffled[item.nodeid]
        return _rank(item.nodeid), scopes[scope_of(item.nodeid)], within

    items.sort(key=place)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers() -> int:
    """One more than there are cores: the tests of servers wait much of their time."""
    return min(len(os.sched_getaffinity(0)), 7) + 1


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: object) -> object:
    from xdist.scheduler import LoadScopeScheduling

    class ByScope(LoadScopeScheduling):
        def _split_scope(self, nodeid: str) -> str:
            return scope_of(nodeid)

    return ByScope(config, log)
