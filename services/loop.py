"""What the services share: run until asked to stop, wait out a server that is away, say so once."""

import logging
import signal
import threading
from collections.abc import Callable

from domain.errors import NotReady

logger = logging.getLogger(__name__)

FIRST_PAUSE_SECONDS = 0.1
LONGEST_PAUSE_SECONDS = 2.0


def stop_on_signals() -> threading.Event:
    """Return an event that SIGTERM and SIGINT set."""
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    return stop


def run(step: Callable[[], None], stop: threading.Event) -> None:
    """Call `step` again and again until `stop` is set.

    While a server is away (NotReady), pause longer and longer; log when that begins and when it ends.
    Any other error ends the process, and its process manager starts another.
    """
    pause = 0.0
    logger.info("started")
    while not stop.is_set():
        try:
            step()
        except NotReady as error:
            if not pause:
                logger.warning("waiting", extra={"reason": str(error)})
            pause = min(max(FIRST_PAUSE_SECONDS, 2 * pause), LONGEST_PAUSE_SECONDS)
            stop.wait(pause)
            continue
        if pause:
            logger.info("working again")
            pause = 0.0
    logger.info("stopped")
