"""At a reload the workers that leave serve on until those in their place can answer.

Gunicorn tells the old workers to leave as soon as the new ones are forked; loading the API and taking the first looks
takes seconds, in which nobody would answer. The numbers of workers are theirs by Gunicorn, in the order of their fork.
"""

import mmap
from typing import Any

TAKEOVER_SECONDS = 15.0
"""At most so long; Gunicorn's `graceful_timeout` is longer."""
_REPLACED, _READY = 0, 1
_CELLS = memoryview(mmap.mmap(-1, 16)).cast("Q")
"""Memory that Gunicorn and its workers share: the last number that is replaced, the highest that can answer."""


def begin(server: Any) -> None:
    """Note that all workers that were forked so far are replaced; called by Gunicorn before it forks the others."""
    _CELLS[_REPLACED] = server.worker_age


def answers(worker: Any) -> None:
    """Note that a worker can answer."""
    _CELLS[_READY] = max(_CELLS[_READY], worker.age)


def awaited(worker: Any) -> bool:
    """Return whether a worker is replaced by others of which the last cannot answer yet."""
    replaced, ready = _CELLS[_REPLACED], _CELLS[_READY]
    return bool(worker.age <= replaced and ready < replaced + worker.cfg.workers)
