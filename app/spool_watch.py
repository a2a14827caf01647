"""What waits in the spool, for Prometheus: looked at by a thread of its own, so that a scrape waits for no database."""

import time
from collections.abc import Callable

from adapters.spool_reader import SpoolReader, Unshipped, unshipped
from app.metrics import METRICS, Metrics


class SpoolWatch:
    """Remembers since when each file stands where it is."""

    def __init__(self, reader: SpoolReader, offset: Callable[[str], int], metrics: Metrics = METRICS):
        self._reader = reader
        self._offset = offset
        self._metrics = metrics
        self._since: dict[tuple[str, int], float] = {}

    def look(self) -> None:
        """Note what is not stored, for how long the oldest of it has waited, and what was refused."""
        waiting = unshipped(self._reader, self._offset)
        size = sum(file.bytes for file in waiting)
        self._metrics.observe_unshipped(size, self._waited(waiting), self._reader.refused_lines())

    def _waited(self, waiting: list[Unshipped]) -> float:
        """Return for how long some file has not been stored a byte further, by a clock that never jumps."""
        now = time.monotonic()
        places = [(file.name, file.stored) for file in waiting]
        self._since = {place: self._since.get(place, now) for place in places}
        return max((now - since for since in self._since.values()), default=0.0)
