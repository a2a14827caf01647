"""Waiting for something that comes by itself: asked again after a pause, for so long and no longer.

What waits otherwise is its own: a service, for as long as it runs (`services.loop`); the start of a stack, for as long
as it makes progress (`deploy.native.starting`, `deploy.compose.waiting`). Needs no library.
"""

import time
from collections.abc import Callable
from typing import TypeVar

Result = TypeVar("Result")
Pause = Callable[[float], object]
"""Lets a number of seconds pass; one that listens may return early."""


def wait_until(
    found: Callable[[], Result], seconds: float, pause: float, sleep: Pause | None = None
) -> Result:
    """Call until what is returned is true, at least once; return what was returned last, false when time is up.

    Parameters
    ----------
    seconds : float
        After which no further call is made.
    pause : float
        Seconds between two calls.
    sleep : callable, optional
        Lets the pause pass; `time.sleep` by default.

    Examples
    --------
    >>> numbers = iter([0, 0, 3])
    >>> wait_until(lambda: next(numbers), seconds=1, pause=0)
    3
    >>> wait_until(lambda: 0, seconds=0, pause=0.001)
    0
    """
    deadline = time.monotonic() + seconds
    while not (result := found()) and time.monotonic() <= deadline:
        (sleep or time.sleep)(pause)
    return result


def retry(
    work: Callable[[], Result],
    on: type[Exception] | tuple[type[Exception], ...],
    seconds: float,
    pause: float,
    sleep: Pause | None = None,
) -> Result:
    """Do work that is safe to repeat, again while it raises one of `on`; once time is up, raise what it raised last.

    Parameters
    ----------
    seconds : float
        After which no further attempt is made.
    pause : float
        Seconds between two attempts.
    sleep : callable, optional
        Lets the pause pass; `time.sleep` by default.

    Examples
    --------
    >>> numbers = iter([0, 4])
    >>> retry(lambda: 8 // next(numbers), ZeroDivisionError, seconds=1, pause=0)
    2
    """
    deadline = time.monotonic() + seconds
    while True:
        try:
            return work()
        except on:
            if time.monotonic() > deadline:
                raise
        (sleep or time.sleep)(pause)
