"""What commands print: lines for a person, JSON for a script."""

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import orjson

Say = Callable[[str], None]
"""Takes a line for the person who waits."""
JSON = orjson.OPT_INDENT_2 | orjson.OPT_UTC_Z | orjson.OPT_OMIT_MICROSECONDS


def say(message: str) -> None:
    """Print a line for the person at the terminal."""
    print(message, flush=True)


def print_json(value: Any) -> None:
    """Print plain values, dataclasses, moments and paths as JSON, moments in UTC as the API writes them."""
    print(orjson.dumps(value, default=_plain, option=JSON).decode(), flush=True)


def _plain(value: Any) -> str:
    if isinstance(value, Path):
        return str(value)
    raise TypeError(f"{type(value).__name__} has no form in JSON")


def event_progress(say: Say) -> Callable[[int, int], None]:
    """Return a function that reports how many events are done, and how long the others will take."""
    started = time.monotonic()

    def report(done: int, total: int) -> None:
        left = (time.monotonic() - started) * (total - done) / max(done, 1)
        say(f"  {done:,} of {total:,} events, {left:.0f} s left")

    return report


def step_progress(say: Say) -> Callable[[str, float], None]:
    """Return a function that reports each step once, when it begins."""
    last = ""

    def report(step: str, share: float) -> None:
        nonlocal last
        if step != last:
            say(f"  {step}")
        last = step

    return report
