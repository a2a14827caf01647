"""One headless Chromium for the session; a plugin, named in `pytest_plugins` of tests/conftest.py."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, sync_playwright

from adapters import chromium


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """The session's browser; each test opens windows of its own."""
    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=chromium.find(), args=list(chromium.OPTIONS))
        yield opened
        opened.close()
