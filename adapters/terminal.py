"""What commands tell the person who called them."""

import time
from collections.abc import Callable


def say(message: str) -> None:
    """Tell the person at the terminal."""
    print(message, flush=True)


Say = Callable[[str], None]


def events_told(say: Say) -> Callable[[int, int], None]:
    """Say how many events are done, and how long the others will take."""
    started = time.monotonic()

    def tell(done: int, total: int) -> None:
        left = (time.monotonic() - started) * (total - done) / max(done, 1)
        say(f"  {done:,} of {total:,} events, {left:.0f} s left")

    return tell


def steps_told(say: Say) -> Callable[[str, float], None]:
    """Say each step once, when it begins."""
    last = ""

    def tell(step: str, share: float) -> None:
        nonlocal last
        if step != last:
            say(f"  {step}")
        last = step

    return tell
