"""Tests that need a program which a machine may be unable to have are left out there, and the run says so; a plugin."""

import shutil

import pytest

from adapters import chromium
from deploy.backups import off_host
from replay import newman


def lacking() -> dict[str, str]:
    """Return the marks of the tests that cannot run here, with what they miss."""
    found = {
        "npm": (newman.npm(), newman.NEEDS),
        "browser": (chromium.find(), "the dashboard in a browser needs Chromium: make browser installs it"),
        "restic": (shutil.which(off_host.PROGRAM), off_host.NEEDS),
    }
    return {mark: needs for mark, (program, needs) in found.items() if program is None}


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    marks = lacking()
    left_out = [item for item in items if any(item.get_closest_marker(mark) for mark in marks)]
    if left_out:
        config.hook.pytest_deselected(items=left_out)
        items[:] = [item for item in items if item not in left_out]


def pytest_report_header() -> list[str]:
    return [f"tests left out: {needs}" for needs in lacking().values()]
