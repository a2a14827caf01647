"""The stack's one clock: system time in production, the replayed moment in a demo."""

from datetime import UTC, datetime

from adapters.postgres import Database
from domain.clock import ClockReading
from domain.errors import InvalidInput

CHANNEL = "clock"


def system_now() -> datetime:
    """Return the real time, which the clock of a stack in production follows."""
    return datetime.now(UTC)


class ClockStore:
    """Reads and sets the clock; every change is notified on the channel `clock`."""

    def __init__(self, database: Database):
        self._database = database

    def read(self) -> ClockReading:
        """Return what the clock says now.

        Raises
        ------
        NotReady
            If PostgreSQL is away.
        """
        row = self._database.row("read_clock")
        assert row is not None, "the clock's row is made by the first migration"  # noqa: S101  a broken schema
        mode, simulated_now = row
        return ClockReading(simulated_now if mode == "simulated" else system_now(), mode)

    def set_simulated(self, moment: datetime) -> None:
        """Stop the clock at a moment.

        Raises
        ------
        InvalidInput
            If the moment has no time zone.
        """
        if moment.tzinfo is None:
            raise InvalidInput("moment", "a time with a time zone", moment.isoformat())
        self._set("simulated", moment)

    def set_system(self) -> None:
        """Make the clock follow the machine's."""
        self._set("system", None)

    def _set(self, mode: str, moment: datetime | None) -> None:
        payload = moment.astimezone(UTC).isoformat() if moment else mode
        self._database.execute("set_clock", {"mode": mode, "moment": moment, "payload": payload})
