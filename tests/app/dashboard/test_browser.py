"""The dashboard in a real browser: every page and form, by keyboard, without a request to anywhere else."""

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, expect
from werkzeug.serving import make_server

from tests.app.dashboard.browsing import key_of
from tests.app.dashboard.filled import LAST, TODAY
from tests.app.worlds import Api
from tests.builders import NOON
from tests.session import free_port

pytestmark = [pytest.mark.browser, pytest.mark.integration]
PAGES = (
    "now", "health", "model", "model/versions/2", "model/compare?one=1&other=2", "flights?flight_id=x",
    f"flights/UA100-EWR-{LAST:%Y%m%d}", f"flights/UA101-LGA-{TODAY:%Y%m%d}", "flights/UA9999-EWR-20130411",
)  # fmt: skip
DAYS_OF_HISTORY = 40
LONG = ("now", "health")
"""Pages with many rows, on which axe takes seconds: it reads all of them twice, else what is unlike the rest."""
ALL_ROWS = ((360, "dark"), (1280, "light"))
ALIKE = ("tbody tr:nth-child(n + 4)", "td:nth-child(n + 9)", "figure:nth-of-type(n + 2)")
WIDTHS, THEMES = (360, 1280, 2560), ("light", "dark")


@contextmanager
def listening(api: Api) -> Iterator[str]:
    """Where the application listens meanwhile."""
    server = make_server("127.0.0.1", free_port(), api.app, threaded=True)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.port}/dashboard/"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.fixture(scope="module")
def address(history: Api) -> Iterator[str]:
    with listening(history) as where:
        yield where


@contextmanager
def window(browser: Browser, where: str) -> Iterator[Page]:
    """A browser's window without a past; neither an error in it nor a request elsewhere goes unnoticed."""
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    page, wrong = context.new_page(), []
    page.on(
        "request", lambda asked: None if asked.url.startswith((where, "data:")) else wrong.append(asked.url)
    )
    page.on("pageerror", lambda error: wrong.append(str(error)))
    page.on(
        "console", lambda said: wrong.append(said.text) if "Content Security Policy" in said.text else None
    )
    try:
        yield page
    finally:
        context.close()
    assert wrong == []


def sign_in(page: Page, where: str, key: str) -> None:
    page.goto(f"{where}sign-in")
    page.get_by_label("Key").fill(key)
    page.get_by_label("Your name").fill("Ada")
    page.get_by_role("button", name="Sign in").click()
    expect(page).to_have_url(f"{where}now")


@pytest.fixture(scope="module")
def signed_in(browser: Browser, address: str, history: Api) -> Iterator[Page]:
    with window(browser, address) as page:
        sign_in(page, address, key_of(history, "admin"))
        yield page


def faults(page: Page, without: Sequence[str] = ()) -> list[str]:
    """What axe finds wrong with a page, in a line each; without what some selectors name."""
    context = {"include": [["html"]], "exclude": [[selector] for selector in without]}
    found = Axe().run(page, context, {"resultTypes": ["violations"]}).response["violations"]
    return [f"{v['id']}: {v['help']}: {v['nodes'][0]['html'][:200]}" for v in found]


def overflow(page: Page) -> int:
    """By how many pixels a page is wider than its window."""
    return int(page.evaluate("document.documentElement.scrollWidth - window.innerWidth"))


@pytest.mark.parametrize("path", PAGES)
def test_a_page_is_for_everybody_at_every_width_and_in_both_themes(signed_in, address, path):
    signed_in.goto(f"{address}{path}")
    expect(signed_in.get_by_role("heading", level=1)).to_have_count(1)
    for theme in THEMES:
        signed_in.emulate_media(color_scheme=theme)
        for width in WIDTHS:
            signed_in.set_viewport_size({"width": width, "height": 900})
            assert overflow(signed_in) <= 0, (theme, width)
            shortened = path in LONG and (width, theme) not in ALL_ROWS
            assert faults(signed_in, ALIKE if shortened else ()) == [], (theme, width)


def test_the_sign_in_is_for_everybody(browser, address):
    with window(browser, address) as page:
        page.goto(f"{address}sign-in")
        page.get_by_label("Key").fill("ontime_admin_x")
        page.keyboard.press("Enter")
        expect(page.get_by_role("alert")).to_contain_text("unknown")
        assert faults(page) == []


def focused(page: Page) -> str:
    """What the thing that has the focus is called."""
    called = "(e => e.getAttribute('aria-label') || e.name || e.innerText || e.id)(document.activeElement)"
    return str(page.evaluate(called))


def tab_to(page: Page, wanted: str, most: int = 40) -> None:
    """Press Tab until something has the focus."""
    page.wait_for_load_state()
    passed = []
    for _ in range(most):
        page.keyboard.press("Tab")
        passed.append(focused(page)[:30])
        if passed[-1] == wanted:
            return
    raise AssertionError(f"Tab does not reach {wanted!r}, only {passed}")


@pytest.mark.parametrize("theme", THEMES)
@pytest.mark.parametrize("width", WIDTHS)
def test_the_keyboard_is_enough(browser, address, history, width, theme):
    with window(browser, address) as page:
        page.set_viewport_size({"width": width, "height": 900})
        page.emulate_media(color_scheme=theme)
        page.goto(f"{address}health")
        page.keyboard.press("Tab")
        assert focused(page) == "Skip to the content"
        tab_to(page, "key")
        page.keyboard.type(key_of(history, "predict"))
        page.keyboard.press("Enter")
        expect(page).to_have_url(f"{address}health")
        page.keyboard.press("Tab")
        page.keyboard.press("Enter")
        assert page.evaluate("document.activeElement.id") == "main"
        page.reload()
        tab_to(page, "Model")
        page.keyboard.press("Enter")
        expect(page).to_have_url(f"{address}model")
        tab_to(page, "theme")
        page.keyboard.press("d")
        tab_to(page, "Set")
        page.keyboard.press("Enter")
        expect(page.locator("html")).to_have_attribute("data-theme", "dark")
        tab_to(page, "Sign out")
        page.keyboard.press("Enter")
        expect(page.get_by_role("heading", level=1)).to_have_text("Sign in")


@pytest.fixture
def open_health(browser: Browser, address: str, history: Api) -> Iterator[Page]:
    """Health in a window of its own, whose time the test moves."""
    with window(browser, address) as page:
        page.clock.install()
        sign_in(page, address, key_of(history, "admin"))
        page.goto(f"{address}health")
        yield page


def opened(api: Api, rule: str) -> None:
    api.parts.monitoring.open_alert(rule, "info", LAST, NOON, f"{rule}: x is 1. See why.", {})


def resolved(api: Api, rule: str) -> None:
    api.parts.monitoring.resolve_alerts([rule], [], NOON)


def test_an_open_page_shows_what_came_since_and_keeps_what_was_unfolded(open_health, history):
    open_health.get_by_text("Resolved within thirty days").click()
    open_health.locator("#main").focus()
    opened(history, "came meanwhile")
    open_health.clock.run_for(61_000)
    expect(open_health.get_by_role("heading", name="came meanwhile")).to_be_visible()
    expect(open_health.get_by_role("group", name="Resolved alerts")).to_be_visible()
    resolved(history, "came meanwhile")


def test_what_has_the_focus_is_not_taken_away_and_follows_once_it_is_left(open_health, history):
    opened(history, "is read")
    open_health.reload()
    button = open_health.get_by_role("button", name="Acknowledge: is read")
    button.focus()
    resolved(history, "is read")
    with open_health.expect_response(lambda answer: answer.request.resource_type == "fetch"):
        open_health.clock.run_for(61_000)
    expect(button).to_be_focused()
    open_health.locator("#main").focus()
    open_health.clock.run_for(61_000)
    expect(button).to_have_count(0)
    expect(open_health.locator("#main")).to_be_focused()


def test_the_refresh_can_be_paused_and_an_old_page_then_says_so(open_health, history):
    open_health.get_by_role("button", name="Pause").click()
    opened(history, "not yet")
    open_health.clock.run_for(11 * 60_000)
    expect(open_health.locator("#age")).to_be_visible()
    expect(open_health.get_by_role("heading", name="not yet")).to_have_count(0)
    resolved(history, "not yet")


def test_an_alert_is_acknowledged_and_says_by_whom(signed_in, address):
    signed_in.goto(f"{address}health")
    signed_in.get_by_role("button", name="Acknowledge: ranking is poor").click()
    expect(signed_in.get_by_role("status").first).to_contain_text("is acknowledged")
    card = signed_in.get_by_role("listitem").filter(has_text="ranking is poor")
    expect(card).to_contain_text("Acknowledged by Ada")


def test_a_day_of_the_heat_map_opens_its_report(signed_in, address):
    signed_in.goto(f"{address}health")
    signed_in.get_by_role("link", name=f"Report of {LAST:%-d %b %Y}").click()
    expect(signed_in.get_by_text("drift of a day")).to_be_visible()


def test_a_flight_is_found_and_explains_itself(signed_in, address):
    signed_in.goto(f"{address}now")
    signed_in.get_by_role("textbox", name="Flight").fill(f"ua101-lga-{TODAY:%Y%m%d}")
    signed_in.get_by_role("button", name="Find").click()
    expect(signed_in.get_by_role("heading", level=1)).to_have_text("UA 101, LGA to BOS")
    expect(signed_in.get_by_role("heading", name="The strongest reasons")).to_be_visible()


def test_all_departures_of_an_airport_are_a_click_away(signed_in, address):
    signed_in.goto(f"{address}now")
    signed_in.get_by_role("link", name="Show all 60 departures from JFK").click()
    rows = signed_in.locator("#departures-JFK").locator("xpath=..").get_by_role("row")
    expect(rows).to_have_count(61)
