"""Takes pictures of web pages in Chromium, small enough for the repository."""

import io
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from PIL import Image
from playwright.sync_api import HttpCredentials, Page, sync_playwright

from adapters import chromium

WIDTH, HEIGHT = 1280, 800
COLOURS = 128
"""Of a picture's palette: pages have few."""
PATIENCE_MS = 60_000


@dataclass(frozen=True)
class Camera:
    """A browser window, and the folder that its pictures go to."""

    page: Page
    folder: Path

    def open(self, address: str, wait_for: str = "body") -> None:
        """Show a page, and wait until a part of it is there.

        Parameters
        ----------
        wait_for : str
            Selector of what has to be visible.
        """
        self.page.goto(address)
        self.page.locator(wait_for).first.wait_for()

    def shoot(self, name: str, at: str | None = None) -> Path:
        """Write what the window shows as `name`.png, scrolled to a part of the page where one is named."""
        if at is None:
            self.page.evaluate("scrollTo(0, 0)")
        else:
            self.page.locator(at).first.evaluate("part => part.scrollIntoView({block: 'start'})")
        path = self.folder / f"{name}.png"
        path.write_bytes(with_palette(self.page.screenshot(animations="disabled")))
        return path


@contextmanager
def camera(
    folder: Path, width: int = WIDTH, height: int = HEIGHT, login: HttpCredentials | None = None
) -> Iterator[Camera]:
    """Yield a window of Chromium, light and in English, that takes pictures into a folder.

    Parameters
    ----------
    login : HttpCredentials, optional
        For the server that asks for one.

    Raises
    ------
    OntimeError
        If there is no Chromium.
    """
    executable = chromium.require()
    folder.mkdir(parents=True, exist_ok=True)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=executable, args=list(chromium.OPTIONS))
        try:
            page = browser.new_page(
                viewport={"width": width, "height": height}, color_scheme="light", locale="en-GB",
                timezone_id="UTC", reduced_motion="reduce", http_credentials=login,
            )  # fmt: skip
            page.set_default_timeout(PATIENCE_MS)
            yield Camera(page, folder)
        finally:
            browser.close()


def with_palette(png: bytes) -> bytes:
    """Return a picture as PNG with a palette: a third of its size, with no difference that an eye sees."""
    written = io.BytesIO()
    picture = Image.open(io.BytesIO(png)).convert("RGB")
    picture.quantize(COLOURS, dither=Image.Dither.NONE).save(written, "PNG", optimize=True)
    return written.getvalue()
