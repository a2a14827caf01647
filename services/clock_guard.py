"""Doubts the machine's clock before a tick is sealed: a sealed tick cannot be unsealed.

A clock that jumps a day ahead would seal tomorrow's tick, and whatever became known until then would count as known
only after it.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from adapters.postgres import Database
from domain.clock import ClockReading
from domain.errors import NotReady


def since_boot() -> float:
    """Return the seconds that really passed, sleep included, whatever anybody sets the clock to."""
    return time.clock_gettime(getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC))


@dataclass(frozen=True)
class ClockPolicy:
    """How far clocks may be apart."""

    apart: timedelta = timedelta(minutes=2)
    """This machine's and PostgreSQL's, and the time that a clock shows and the time that passed."""
    steady_seconds: float = 1800.0
    """A clock that jumped is believed after this long: it was wrong before, and somebody set it right."""


class ClockGuard:
    """Remembers what the clock said; simulated clocks may jump, that is what they are for."""

    def __init__(
        self,
        database: Database,
        policy: ClockPolicy | None = None,
        elapsed: Callable[[], float] = since_boot,
    ):
        self._database = database
        self._policy = policy or ClockPolicy()
        self._elapsed = elapsed
        self._mark: tuple[datetime, float] | None = None

    def require_plausible(self, reading: ClockReading) -> None:
        """Check a moment before its tick is sealed.

        Raises
        ------
        NotReady
            If this machine's clock is not PostgreSQL's, or jumped ahead and has not been steady since.
        """
        if reading.mode == "simulated":
            self._mark = None
            return
        row = self._database.row("sealing_clock")
        assert row is not None  # noqa: S101  the statement always has a row
        server, sealed = row
        self._require_server(reading.now, server)
        self._require_steady(reading.now, sealed)

    def _require_server(self, now: datetime, server: datetime) -> None:
        if abs(now - server) > self._policy.apart:
            raise NotReady(
                f"no tick is sealed: this machine's clock says {now:%F %T} and PostgreSQL's {server:%F %T}"
            )

    def _require_steady(self, now: datetime, sealed: datetime | None) -> None:
        passed = self._elapsed()
        if self._mark is None:
            self._mark = now, passed
        then, at = self._mark
        ahead = (now - then) - timedelta(seconds=passed - at)
        # A tick that is sealed already, or lies before one that is, shuts nothing out that was not shut out.
        harmless = sealed is not None and now <= sealed
        if ahead <= self._policy.apart or harmless:
            self._mark = now, passed
            return
        if passed - at < self._policy.steady_seconds:
            raise NotReady(f"no tick is sealed: the clock jumped ahead by {ahead}, to {now:%F %T}")
        self._mark = now, passed
