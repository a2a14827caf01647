"""The newest states and the clock in memory, told by PostgreSQL's notifications and checked now and then."""

import threading
import time
from collections import OrderedDict
from datetime import datetime, timedelta

from adapters import clock_store, feature_store
from adapters.clock_store import ClockStore
from adapters.event_store import EventStore
from adapters.feature_store import FeatureStore
from adapters.postgres import Database, Listener
from domain.clock import ClockReading, from_minute, minute_floor
from domain.errors import InvalidInput, NotReady
from domain.features.grid import tick_of
from domain.features.state import AHEAD_MINUTES, LOOKBACK_MINUTES, StateBlock, compute_block

RING = 48
"""Newest states kept: four hours of ticks."""
PAST = 32
"""Older states kept: those that questions about the past asked for last."""
WAIT_SECONDS = 1.0
LOOK_AGAIN_SECONDS = 0.1
"""How long a request trusts that no newer state is stored, when the one before it found none."""
AWAY_SECONDS = 5.0
"""The same after PostgreSQL did not answer: the thread that follows it will tell."""


class FeatureCache:
    """Gives the state a question sees, and what time it is."""

    def __init__(self, database: Database):
        self._database = database
        self._states = FeatureStore(database)
        self._clock = ClockStore(database)
        self._events = EventStore(database)
        self._ring: dict[int, StateBlock] = {}
        self._past: OrderedDict[int, StateBlock] = OrderedDict()
        self._lock = threading.Lock()
        self._look_at = 0.0
        self._reading: ClockReading | None = None
        self._listener: Listener | None = None

    def refresh(self) -> None:
        """Wait for news, at most a second, then look at the clock and the newest state.

        Raises
        ------
        NotReady
            If PostgreSQL is away.
        """
        if self._listener is None:
            self._listener = self._database.listen(clock_store.CHANNEL, feature_store.CHANNEL)
        self._listener.wait(WAIT_SECONDS)
        self._reading = self._clock.read()
        newest = self._states.newest_tick()
        if newest is not None and newest not in self._ring:
            block = self._states.load(newest)
            if block is not None:
                self._keep(block)
        self._look_at = 0.0

    def now(self) -> ClockReading:
        """What the stack's clock says; in system mode the real time, without a look at the database.

        Raises
        ------
        NotReady
            If the clock was never read.
        """
        reading = self._reading or self.read_clock()
        return reading if reading.mode == "simulated" else ClockReading(clock_store.system_now(), "system")

    def last_known(self) -> ClockReading | None:
        """What the clock said when it was last looked at; None before the first look. Asks no database."""
        return self.now() if self._reading else None

    def read_clock(self) -> ClockReading:
        """Read the clock again: a replayed moment may have moved on since the last notice."""
        self._reading = self._clock.read()
        return self._reading

    def newest_tick(self) -> int | None:
        """The newest tick in memory."""
        with self._lock:
            return max(self._ring, default=None)

    def newest_for(self, tick: int) -> StateBlock | None:
        """The state a tick sees that memory or the store has; None where it lies before them and must be computed.

        A tick whose state is not computed yet sees the newest one there is.

        Raises
        ------
        NotReady
            If there is no state at all, or it is not in memory and PostgreSQL is away.
        """
        with self._lock:
            found = self._ring.get(tick) or self._past.get(tick)
            newest = max(self._ring, default=None)
            if tick in self._past:
                self._past.move_to_end(tick)
        if found is not None:
            return found
        if newest is None:
            newest = self._first()
        block = self._newer(tick, newest) if tick >= newest else self._states.load(tick)
        if block is not None:
            self._keep(block)
        return block

    def compute(self, tick: int) -> StateBlock:
        """Compute the state of a tick of the past from the event log; a fifth of a second for a month of flights.

        Raises
        ------
        InvalidInput
            If nothing was known yet then.
        NotReady
            If PostgreSQL is away.
        """
        moment = from_minute(tick)
        flights, weather = self._events.facts(
            moment,
            moment - timedelta(minutes=LOOKBACK_MINUTES + 1440),
            moment + timedelta(minutes=AHEAD_MINUTES),
        )
        if not len(flights) and not self._knew_flights(moment):
            raise InvalidInput("as_of", "a moment at which flights were known", moment.isoformat())
        block = compute_block(flights, weather, tick, 1)
        self._keep(block)
        return block

    def _knew_flights(self, moment: datetime) -> bool:
        """Whether any flight of a year before or of the future was known; asked only when none was near."""
        return len(self._events.facts(moment, moment - timedelta(days=365))[0]) > 0

    def _first(self) -> int:
        """Begin with the newest stored state; what is not sealed yet is never computed here."""
        block = self._states.load_newest()
        if block is None:
            raise NotReady("no feature state is stored yet")
        self._keep(block)
        return block.first_tick

    def _newer(self, tick: int, newest: int) -> StateBlock:
        """The tick is ahead of memory: its state was stored a moment ago, or is not computed yet."""
        if time.monotonic() >= self._look_at:
            try:
                stored = self._states.ticks(tick, 1)
                block = self._states.load(stored[0]) if stored and stored[0] > newest else None
            except NotReady:
                block, self._look_at = None, time.monotonic() + AWAY_SECONDS
            else:
                self._look_at = 0.0 if block else time.monotonic() + LOOK_AGAIN_SECONDS
            if block is not None:
                return block
        with self._lock:
            return self._ring[newest]

    def _keep(self, block: StateBlock) -> None:
        """Keep a state among the newest, or, older than those, among the ones last asked for."""
        with self._lock:
            if len(self._ring) < RING or block.first_tick >= min(self._ring):
                self._ring[block.first_tick] = block
                if len(self._ring) > RING:
                    del self._ring[min(self._ring)]
            else:
                self._past[block.first_tick] = block
                while len(self._past) > PAST:
                    self._past.popitem(last=False)


class RequestView:
    """What one request sees: the clock, read again at most once, and each state looked for once."""

    MAX_COMPUTED = 20
    """States one request may have computed: each takes a fifth of a second, and a worker has 30."""

    def __init__(self, cache: FeatureCache):
        self._cache = cache
        self._states: dict[int, StateBlock] = {}
        self._reread = False
        self._computed = 0
        self.clock = cache.now()

    def reaches(self, moment: datetime) -> bool:
        """Whether a moment has come; the clock is read again for one that seems ahead of it."""
        if moment > self.clock.now and not self._reread:
            self.clock, self._reread = self._cache.read_clock(), True
        return moment <= self.clock.now

    def state_for(self, as_of: datetime) -> StateBlock:
        """Give the state a question as of some moment sees: that of the newest tick at or before it.

        In memory, stored, or, for a moment before the stored ones, computed from the event log.

        Raises
        ------
        InvalidInput
            If nothing was known then, or too many states had to be computed for this request.
        NotReady
            If it is not in memory and PostgreSQL is away, or there is no state at all.
        """
        tick = int(tick_of(minute_floor(as_of)))
        found = self._states.get(tick)
        if found is None:
            found = self._cache.newest_for(tick) or self._compute(tick)
            self._states[tick] = found
        return found

    def _compute(self, tick: int) -> StateBlock:
        if self._computed >= self.MAX_COMPUTED:
            expected = f"at most {self.MAX_COMPUTED} moments of the distant past in one request"
            raise InvalidInput("as_of", expected, from_minute(tick).isoformat())
        self._computed += 1
        return self._cache.compute(tick)
