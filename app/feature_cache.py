"""The newest states and the clock in memory, updated by PostgreSQL's notifications and checked now and then.

A thread follows PostgreSQL; a request about the present reads memory and waits for no database, however it hangs.
Only a question about an older moment than memory holds asks the store.
"""

import threading
import time
from collections import OrderedDict
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache

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
AT_START = 12
"""States of the last hour: what questions of a moment ago see."""
WAIT_SECONDS = 1.0
CATCH_UP_SECONDS = 0.5
"""How long a request waits for the thread where the clock is simulated: it jumps, and questions follow at once."""
LOOK_AGAIN_SECONDS = 0.1
"""How long a request trusts that a state is late, when the one before it found so."""
AWAY_SECONDS = 3.0
"""Without a look that succeeded for so long, the server counts as away: its waits are one of these."""


class FeatureCache:
    """Returns the state a question sees, and what time it is."""

    def __init__(self, database: Database):
        self._database = database
        self._states = FeatureStore(database)
        self._clock = ClockStore(database)
        self.ask_about_the_past(database)
        self._ring: dict[int, StateBlock] = {}
        self._past: OrderedDict[int, StateBlock] = OrderedDict()
        self._lock = threading.Lock()
        self._reading: ClockReading | None = None
        self._listener: Listener | None = None
        self._looked = threading.Condition()
        self._begun = self._finished = 0
        self._waited_in_vain = False
        self._looking_since: float | None = None
        self._late_until = 0.0

    def ask_about_the_past(self, database: Database) -> None:
        """Take the states of the past, and the events they are computed from, from a pool of the requests' own."""
        self._past_states, self._events = FeatureStore(database), EventStore(database)

    def refresh(self) -> None:
        """Wait for news, at most a second, then look at the clock and the newest state.

        Raises
        ------
        NotReady
            If PostgreSQL is away.
        """
        self._looking_since = self._looking_since or time.monotonic()
        if self._listener is None:
            self._listener = self._database.listen(clock_store.CHANNEL, feature_store.CHANNEL)
        self._listener.wait(WAIT_SECONDS)
        with self._looked:
            self._begun += 1
            look = self._begun
        self.read_clock()
        self._load_newer()
        with self._looked:
            self._finished, self._waited_in_vain, self._looking_since = look, False, None
            self._looked.notify_all()

    def catch_up(self) -> bool:
        """Have the thread look once more where the clock is simulated, and wait a moment; return whether it did look.

        A simulated clock jumps, and whoever moved it asks at once. A thread that gave no answer in time is not waited
        for again until it has given one.
        """
        if self.now().mode == "system" or self._listener is None:
            return True
        with self._looked:
            wanted = self._begun + 1
            if self._waited_in_vain:
                return False
            self._listener.wake()
            done = self._looked.wait_for(lambda: self._finished >= wanted, CATCH_UP_SECONDS)
            self._waited_in_vain = not done
            return done

    def require_database(self) -> None:
        """Check that the thread reached PostgreSQL a moment ago; a request does not find out by waiting.

        Raises
        ------
        NotReady
            If it did not.
        """
        since = self._looking_since
        if since is not None and time.monotonic() - since > AWAY_SECONDS:
            raise NotReady("PostgreSQL has not answered for some seconds")

    def now(self) -> ClockReading:
        """Return what the stack's clock says; in system mode the real time, without a look at the database.

        Raises
        ------
        NotReady
            If the clock was never read.
        """
        reading = self._reading
        if reading is None:
            raise NotReady("the clock was not read yet")
        return reading if reading.mode == "simulated" else ClockReading(clock_store.system_now(), "system")

    def last_known(self) -> ClockReading | None:
        """Return what the clock said when it was last looked at; None before the first look. Asks no database."""
        return self.now() if self._reading else None

    def read_clock(self) -> None:
        """Read the clock again."""
        self._reading = self._clock.read()

    def newest_tick(self) -> int | None:
        """Return the newest tick in memory."""
        with self._lock:
            return max(self._ring, default=None)

    def newest_age(self) -> int | None:
        """Return by how many minutes the newest state lies behind the clock; None before there is one."""
        tick, reading = self.newest_tick(), self.last_known()
        return None if tick is None or reading is None else minute_floor(reading.now) - tick

    def newest_for(self, tick: int) -> StateBlock | None:
        """Return the state a tick sees that memory or the store has.

        None where it lies before them and must be computed.

        A tick whose state is not computed yet sees the newest one there is.

        Raises
        ------
        NotReady
            If no state is loaded yet, or it is of the past and not in memory, and PostgreSQL is away.
        """
        found = self._in_memory(tick)
        if found is None and tick > self._newest().first_tick and time.monotonic() >= self._late_until:
            self.catch_up()
            found = self._in_memory(tick)
            if found is None:
                self._late_until = time.monotonic() + LOOK_AGAIN_SECONDS
        if found is not None:
            return found
        # Only now: what the thread caught up with may lie behind the tick, and no question sees what came after it.
        newest = self._newest()
        if tick >= newest.first_tick:
            return newest
        block = self._past_states.load(tick)
        if block is not None:
            self._keep(block)
        return block

    def _newest(self) -> StateBlock:
        with self._lock:
            if not self._ring:
                raise NotReady("no feature state is loaded yet")
            return self._ring[max(self._ring)]

    def _in_memory(self, tick: int) -> StateBlock | None:
        with self._lock:
            if tick in self._past:
                self._past.move_to_end(tick)
            return self._ring.get(tick) or self._past.get(tick)

    def _load_newer(self) -> None:
        """Load every stored state the clock has reached that is newer than memory's; at the start those of an hour."""
        newest = self._states.newest_tick(tick_of(minute_floor(self.now().now)))
        if newest is None:
            return
        self._forget_after(newest)
        known = self.newest_tick()
        if newest == known:
            return
        for tick in reversed(self._states.ticks(newest, AT_START if known is None else RING)):
            block = self._states.load(tick) if known is None or tick > known else None
            if block is not None:
                self._keep(block)

    def _forget_after(self, newest: int) -> None:
        """Forget the states of a clock that went back since: they would count as the newest until it is there again."""
        with self._lock:
            for tick in [tick for tick in self._ring if tick > newest]:
                del self._ring[tick]

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
        """Return whether any flight of a year before or of the future was known; asked only when none was near."""
        return len(self._events.facts(moment, moment - timedelta(days=365))[0]) > 0

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


@dataclass(frozen=True, slots=True)
class Sight:
    """What a question as of one moment sees, and the moment in the forms that answers and the log need."""

    minute: int
    state: StateBlock
    as_of: str
    state_tick: str
    age_seconds: int
    logged_as_of: str
    logged_tick: str


@lru_cache(maxsize=RING)
def _tick_forms(tick: int) -> tuple[datetime, str]:
    moment = from_minute(tick)
    return moment, moment.isoformat()


class RequestView:
    """What one request sees: the clock, looked at again at most once, and each moment and state looked for once."""

    MAX_COMPUTED = 20
    """States one request may have computed: each takes a fifth of a second, and a worker has 30."""

    def __init__(self, cache: FeatureCache):
        self._cache = cache
        self._states: dict[int, StateBlock] = {}
        self._sights: dict[datetime, Sight] = {}
        self._minute: tuple[datetime | None, int] = None, 0
        self._reread = False
        self._computed = 0
        self.clock = cache.now()

    def reaches(self, moment: datetime) -> bool:
        """Return whether a moment has come; the thread is let catch up for one that seems ahead of the clock.

        Raises
        ------
        NotReady
            If it does not in time: then it is not known whether the moment has come.
        """
        if moment > self.clock.now and not self._reread:
            looked = self._cache.catch_up()
            self.clock, self._reread = self._cache.now(), True
            if moment > self.clock.now and not looked:
                raise NotReady("the stack's clock was not read in time")
        return moment <= self.clock.now

    def minute_of(self, moment: datetime) -> int:
        """Return the minute of a moment; the questions of a batch are mostly from the same one."""
        if self._minute[0] is not moment:
            self._minute = moment, minute_floor(moment)
        return self._minute[1]

    def at(self, moment: datetime) -> Sight:
        """Return what a question as of a moment, in UTC, sees; raises as `state_for`."""
        found = self._sights.get(moment)
        if found is None:
            state = self.state_for(moment)
            tick, logged_tick = _tick_forms(state.first_tick)
            logged = moment.isoformat()
            found = self._sights[moment] = Sight(
                minute=minute_floor(moment),
                state=state,
                as_of=f"{logged[:19]}Z",
                state_tick=f"{logged_tick[:19]}Z",
                age_seconds=int((moment - tick).total_seconds()),
                logged_as_of=logged,
                logged_tick=logged_tick,
            )
        return found

    def state_for(self, as_of: datetime) -> StateBlock:
        """Return the state a question as of some moment sees: that of the newest tick at or before it.

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
