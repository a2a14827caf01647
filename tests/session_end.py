"""What every test needs and does not get ends the session at once, with the reason."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest


@contextmanager
def needed(session: pytest.Session, what: str) -> Iterator[None]:
    """End the session when what is started inside fails: else each test that needs it tells the same error."""
    try:
        yield
    except Exception as error:
        session.shouldfail = f"{what} does not start: {error}"
        raise
