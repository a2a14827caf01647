"""Threads that keep a worker's view fresh, off the request path; begun after the fork."""

import logging
import threading
import time
from collections.abc import Callable

from domain.errors import OntimeError

logger = logging.getLogger(__name__)
JOIN_SECONDS = 5.0
RETRY_SECONDS = 1.0


class Loop:
    """Calls a step again and again on a thread of its own; a step that fails is logged once and tried again."""

    def __init__(self, name: str, step: Callable[[], None], pause: float):
        self.name = name
        self._step = step
        self._pause = pause
        self._stop = threading.Event()
        self._failing = False
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)

    def once(self) -> bool:
        """Take a step in the caller's thread; return whether it succeeded. What fails is tried again by the loop."""
        try:
            self._step()
        except Exception as error:
            self._note(error)
            return False
        self._note(None)
        return True

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self) -> None:
        """Ask to end, and wait a moment for it."""
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join(JOIN_SECONDS)

    def _run(self) -> None:
        while not self._stop.is_set():
            started, pause = time.monotonic(), self._pause
            try:
                self._step()
                self._note(None)
            except Exception as error:
                self._note(error)
                # A server that is away refuses at once: without a pause this would take a core.
                pause = max(pause, RETRY_SECONDS)
            self._stop.wait(max(0.0, pause - (time.monotonic() - started)))

    def _note(self, error: Exception | None) -> None:
        if error is None:
            if self._failing:
                logger.info("recovered", extra={"loop": self.name})
            self._failing = False
        elif not self._failing:
            self._failing = True
            expected = isinstance(error, OntimeError)
            fields = {"loop": self.name, "reason": str(error)}
            logger.warning("step failed, trying again", extra=fields, exc_info=None if expected else error)
