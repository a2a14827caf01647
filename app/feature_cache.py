"""The newest states and the clock in memory, told by PostgreSQL's notifications and checked now and then."""

import threading
from collections import OrderedDict
from datetime import datetime, timedelta

from adapters import clock_store, feature_store
from adapters.clock_store import ClockStore
from adapters.event_store import EventStore
from adapters.feature_store import FeatureStore
from adapters.postgres import Database, Listener
from domain.clock import ClockReading, from_minute, minute_floor
from domain.errors import NotReady
from domain.features.grid import tick_of
from domain.features.state import AHEAD_MINUTES, LOOKBACK_MINUTES, StateBlock, compute_block

RING = 48
"""States kept: four hours of ticks."""
WAIT_SECONDS = 1.0


class FeatureCache:
    """Gives the state a question sees, and what time it is."""

    def __init__(self, database: Database):
        self._database = database
        self._states = FeatureStore(database)
        self._clock = ClockStore(database)
        self._events = EventStore(database)
        self._ring: OrderedDict[int, StateBlock] = OrderedDict()
        self._lock = threading.Lock()
        self._reading: ClockReading | None = None
        self._listener: Listener | None = None

    def refresh(self) -> None:
        """Wait for news, at most a second, then look at the clock and the newest state."""
        if self._listener is None:
            self._listener = self._database.listen(clock_store.CHANNEL, feature_store.CHANNEL)
        self._listener.wait(WAIT_SECONDS)
        self._reading = self._clock.read()
        newest = self._states.newest_tick()
        if newest is not None and newest not in self._ring:
            block = self._states.load(newest)
            if block is not None:
                self._keep(block)

    def now(self) -> ClockReading:
        """What the stack's clock says; in system mode the real time, without a look at the database.

        Raises
        ------
        NotReady
            If the clock was never read.
        """
        reading = self._reading or self.read_clock()
        return reading if reading.mode == "simulated" else ClockReading(clock_store.system_now(), "system")

    def read_clock(self) -> ClockReading:
        """Read the clock again: a replayed moment may have moved on since the last notice."""
        self._reading = self._clock.read()
        return self._reading

    def newest_tick(self) -> int | None:
        """The newest tick in memory."""
        with self._lock:
            return max(self._ring, default=None)

    def state_for(self, as_of: datetime) -> StateBlock:
        """Give the state a question as of some moment sees: that of the newest tick at or before it.

        In memory, stored, or, for a moment before the stored ones, computed from the event log.

        Raises
        ------
        NotReady
            If it is not in memory and PostgreSQL is away, or there is no event at all.
        """
        tick = int(tick_of(minute_floor(as_of)))
        with self._lock:
            found = self._ring.get(tick)
            newest = max(self._ring, default=None)
        if found is not None:
            return found
        if newest is not None and tick > newest:
            return self._newer(tick, newest)
        block = self._states.load(tick) or self._computed(tick)
        self._keep(block)
        return block

    def _newer(self, tick: int, newest: int) -> StateBlock:
        """The tick is ahead of memory: stored meanwhile, or not yet computed; then the newest there is."""
        try:
            block = self._states.load_newest(tick)
        except NotReady:
            block = None
        if block is not None:
            self._keep(block)
            return block
        with self._lock:
            return self._ring[newest]

    def _computed(self, tick: int) -> StateBlock:
        moment = from_minute(tick)
        flights, weather = self._events.facts(
            moment,
            moment - timedelta(minutes=LOOKBACK_MINUTES + 1440),
            moment + timedelta(minutes=AHEAD_MINUTES),
        )
        if not len(flights):
            raise NotReady("there are no events yet to compute features from")
        return compute_block(flights, weather, tick, 1)

    def _keep(self, block: StateBlock) -> None:
        with self._lock:
            self._ring[block.first_tick] = block
            while len(self._ring) > RING:
                del self._ring[min(self._ring)]

    def stored_tick_at(self, moment: datetime) -> int | None:
        """The newest stored tick at or before a moment."""
        found = self._states.ticks(int(tick_of(minute_floor(moment))), 1)
        return found[0] if found else None
