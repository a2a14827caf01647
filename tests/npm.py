"""Tests that need npm are deselected where there is none, and the run says so in one line; a plugin."""

import pytest

from replay.newman import NEEDS, npm

DESELECTED = pytest.StashKey[int]()


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if npm() is not None:
        return
    needing = [item for item in items if item.get_closest_marker("npm")]
    if needing:
        config.hook.pytest_deselected(items=needing)
        items[:] = [item for item in items if item not in needing]
        config.stash[DESELECTED] = len(needing)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    if config.stash.get(DESELECTED, 0):
        terminalreporter.write_line(f"{config.stash[DESELECTED]} tests were deselected: {NEEDS}")
