"""Work on a thread of its own."""

import threading
from collections.abc import Callable


class Background:
    """Some work on a thread of its own; its error comes out with its result."""

    def __init__(self, work: Callable[[], object]):
        self._error: Exception | None = None
        self._thread = threading.Thread(target=self._run, args=(work,), daemon=True)
        self._thread.start()

    def _run(self, work: Callable[[], object]) -> None:
        try:
            work()
        except Exception as error:
            self._error = error

    def result(self) -> None:
        """Wait for its end."""
        self._thread.join()
        if self._error is not None:
            raise self._error
