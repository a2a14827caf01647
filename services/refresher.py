"""The feature refresher: at every tick of the stack's clock it seals the tick, computes the state and stores it."""

import logging
from dataclasses import dataclass

from adapters.clock_store import ClockStore
from adapters.event_store import EventStore
from adapters.facts_buffer import FactsBuffer
from adapters.feature_store import KEPT_DAYS, FeatureStore
from adapters.logging import configure_logging
from adapters.postgres import Database
from adapters.settings import settings
from domain.clock import from_minute, minute_floor
from domain.errors import NotReady
from domain.features.grid import DAY_MINUTES, tick_of
from domain.features.state import compute_block
from services.clock_guard import ClockGuard
from services.loop import run, stop_on_signals

logger = logging.getLogger(__name__)

IDLE_SECONDS = 0.5


@dataclass(frozen=True)
class Retention:
    """How long stored states are kept; they can be recomputed from the events at any time."""

    kept_minutes: int = KEPT_DAYS * DAY_MINUTES
    every_minutes: int = 60


class Refresher:
    """Computes the state of the newest tick whenever the clock has reached one."""

    def __init__(
        self,
        database: Database,
        retention: Retention | None = None,
        guard: ClockGuard | None = None,
        states: FeatureStore | None = None,
    ):
        self._clock = ClockStore(database)
        self._events = EventStore(database)
        self._states = states or FeatureStore(database)
        self._buffer = FactsBuffer(database)
        self._listener = database.listen("clock", "events")
        self._retention = retention or Retention()
        self._guard = guard or ClockGuard(database)
        self._done: int | None = None
        self._pruned: int | None = None

    def step(self) -> None:
        """Wait for the clock or for events, at most half a second, and refresh.

        Raises
        ------
        NotReady
            If PostgreSQL is away or takes no writes, or the clock is not to be believed.
        """
        try:
            self._listener.wait(IDLE_SECONDS)
            self.refresh()
        except NotReady:
            # Whatever answers next may lack the state: a standby that takes over is a moment behind.
            self._done = None
            raise

    def refresh(self) -> int | None:
        """Bring the stored state up to the clock.

        Returns
        -------
        int or None
            The tick computed now; None when there was nothing to do: the state is there, no event is, or a
            history is being loaded.
        """
        reading = self._clock.read()
        tick = tick_of(minute_floor(reading.now))
        if tick == self._done:
            return None
        if self._states.has(tick):
            self._states.notify(tick)  # the clock was set back: whoever waits for this state hears of it
            self._done = tick
            return None
        if not self._events.has_events():
            return None
        self._guard.require_plausible(reading)
        return self._compute(tick)

    def close(self) -> None:
        """Close the connection that listens."""
        self._listener.close()

    def _compute(self, tick: int) -> int | None:
        watermark = self._states.seal(tick)
        if watermark is None:
            return None
        flights, weather = self._buffer.update(tick, watermark)
        self._states.save(compute_block(flights, weather, tick, 1))
        self._done = tick
        logger.debug("state stored", extra={"tick": from_minute(tick).isoformat(), "flights": len(flights)})
        self._prune(tick)
        return tick

    def _prune(self, tick: int) -> None:
        if self._pruned is None or tick - self._pruned >= self._retention.every_minutes:
            self._states.prune(tick - self._retention.kept_minutes)
            self._pruned = tick


def main() -> None:
    """Run until SIGTERM."""
    configure_logging(settings().log_level, "refresher")
    stop = stop_on_signals()
    database = Database.from_settings(settings(), max_connections=2, application="ontime-refresher")
    refresher = Refresher(database)
    run(refresher.step, stop)
    refresher.close()
    database.close()


if __name__ == "__main__":
    main()
