"""Pages over a year of history: what they say, and how fast."""

import time
from dataclasses import replace

import pytest

from tests.app.dashboard.browsing import sign_in
from tests.app.dashboard.filled import DAYS, LAST, TODAY

DAYS_OF_HISTORY = DAYS
SECONDS = 0.3
PAGES = (
    "now", "now?airport=EWR", "health", "health?days=90", "health?days=365", "model", "model/versions/2",
    "model/compare?one=1&other=2", f"flights/UA100-EWR-{LAST:%Y%m%d}", f"flights/UA101-LGA-{TODAY:%Y%m%d}",
)  # fmt: skip


@pytest.fixture
def browser(history):
    api = replace(history, client=history.app.test_client())
    sign_in(api)
    return api


@pytest.mark.parametrize("page", PAGES)
def test_a_page_answers_within_300_ms(browser, page):
    took = []
    for _ in range(4):
        began = time.perf_counter()
        answer = browser.client.get(f"/dashboard/{page}")
        took.append(time.perf_counter() - began)
        assert answer.status_code == 200, answer.text[-2000:]
    # The best of some: another process may have the core, the page's own work does not vary.
    assert min(took) < SECONDS, took
