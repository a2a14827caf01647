"""One headless Chromium for the session; a plugin, named in `pytest_plugins` of tests/conftest.py."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, sync_playwright

from adapters import chromium

MISSING = (
    "the tests of the dashboard in a browser are left out: there is no Chromium, make browser installs it"
)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out what needs a browser where there is none: a machine may be unable to have one."""
    if chromium.find() is not None:
        return
    left_out = [item for item in items if item.get_closest_marker("browser")]
    if left_out:
        config.hook.pytest_deselected(items=left_out)
        items[:] = [item for item in items if item not in left_out]


def pytest_report_header() -> str | None:
    return None if chromium.find() else MISSING


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """The session's browser; each test opens windows of its own."""
    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=chromium.find(), args=list(chromium.OPTIONS))
        yield opened
        opened.close()
