"""Keeping a stack up through a long piece of work: programs are their manager's to restart, the manager is ours."""

import http.client
import threading
import time
import xmlrpc.client
from collections.abc import Callable
from types import TracebackType
from typing import TypeVar

from adapters.terminal import Say
from deploy.native.manager import Stack
from deploy.native.starting import CannotStart
from domain.errors import ConfigurationError, GateRefused, InvalidInput, OntimeError

Result = TypeVar("Result")
LOOK_SECONDS = 1.0
PAUSE_SECONDS = 2.0
ATTEMPTS = 4
AWAY = (OntimeError, OSError, http.client.HTTPException, xmlrpc.client.Error)
"""What a call raises when the part it talks to has just been killed."""


class WasStopped(OntimeError):  # noqa: N818  as its family in domain.errors
    """Somebody stopped the stack under a piece of work."""


HOPELESS = (ConfigurationError, CannotStart, InvalidInput, GateRefused, WasStopped)
"""What a repetition cannot mend."""


class Guard:
    """While entered, looks every second whether the process manager lives, and starts the stack again if not."""

    def __init__(self, stack: Stack, say: Say):
        self._stack = stack
        self._say = say
        self.restarts = 0
        self._starting = threading.Lock()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="guard", daemon=True)

    def __enter__(self) -> "Guard":
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop.set()
        self._thread.join()

    def ensure(self) -> None:
        """Bring the stack back if its process manager is gone; of two callers one works and the other waits.

        Raises
        ------
        WasStopped
            If somebody stopped it.
        """
        with self._starting:
            if not self._stack.is_managed():
                if self._stack.was_stopped():
                    raise WasStopped("the stack was stopped by another command")
                self._say("the process manager is gone: starting the stack again, with its data")
                self.restarts += 1
                self._stack.start(lambda text: None)

    def persist(self, work: Callable[[], Result]) -> Result:
        """Do some work that is safe to repeat, again when a part of the stack went away under it.

        Raises
        ------
        OntimeError
            What the last attempt raised; at once a wrong configuration or input, a part that cannot start, or what
            the gate refused.
        """
        for attempt in range(1, ATTEMPTS + 1):
            try:
                return work()
            except HOPELESS:
                raise
            except AWAY as error:
                if attempt == ATTEMPTS:
                    raise
                self._say(f"once more, because {type(error).__name__}: {str(error).splitlines()[0][:200]}")
            time.sleep(PAUSE_SECONDS)
            self.ensure()
        raise AssertionError("the last attempt returns or raises")

    def _watch(self) -> None:
        while not self._stop.wait(LOOK_SECONDS):
            try:
                self.ensure()
            except HOPELESS as error:
                # Whoever works with the stack hears of it by its next call.
                self._say(f"the stack does not start again: {error}")
                return
            except AWAY as error:
                self._say(f"the stack does not start yet: {error}")
