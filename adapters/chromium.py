"""Where Chromium is, and how it is started without a display: for pictures of pages, slides and tests in a browser."""

import shutil

from domain.errors import OntimeError

NAMES = ("chromium", "chromium-browser", "google-chrome")
OPTIONS = (
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--disable-background-networking",
    "--disable-component-update", "--disable-sync", "--no-first-run",
)  # fmt: skip
"""It asks nothing of anybody but of the pages that it is shown."""


def find() -> str | None:
    """Return where Chromium, or a browser made of it, is; None where there is none."""
    return next((path for name in NAMES if (path := shutil.which(name))), None)


def require() -> str:
    """Return where Chromium is.

    Raises
    ------
    OntimeError
        If there is none: says how to install it.
    """
    found = find()
    if found is None:
        raise OntimeError("there is no Chromium on this machine: make browser installs it")
    return found
