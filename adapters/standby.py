"""Reads that may go to a streaming standby: the long ones of monitoring and training, of what was stored before.

Each read waits until the standby has replayed what the primary had committed when it was asked for, so that it finds
what it would find there. What a run decides by, and whatever it reads back of its own writing, is asked of the primary.
"""

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass, replace

from adapters.postgres import ConnectionParameters, Cursor, Database, Result, query
from adapters.settings import Settings
from adapters.waiting import wait_until
from domain.errors import NotReady

APPLICATION = "ontime-standby"
"""Name of the connections to the standby."""
READ_ONLY = "SET TRANSACTION READ ONLY"
logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class StandbyPolicy:
    """When the primary is read in the standby's place."""

    patience_seconds: float = 30.0
    """A read waits so long for the standby to replay what was committed before."""
    avoided_seconds: float = 300.0
    """A standby that was away or too late is not asked for so long."""


class StandbyReads(Database):
    """A standby's pool of connections, whose reads are the primary's where the standby cannot give them.

    What would write is refused, wherever it is read.
    """

    def __init__(self, primary: Database, standby: ConnectionParameters, policy: StandbyPolicy | None = None):
        super().__init__(standby, max_connections=2, application=APPLICATION)
        self._primary = primary
        self._policy = policy or StandbyPolicy()
        self._avoided_until = float("-inf")

    def run(self, work: Callable[[Cursor], Result]) -> Result:
        """Do work that only reads: on the standby, and where that is away, late or lost, on the primary.

        Raises
        ------
        NotReady
            If the primary is away, or the work would write.
        """
        if time.monotonic() >= self._avoided_until:
            wanted = self._primary.row("log_position")
            assert wanted is not None  # noqa: S101  a function's row
            try:
                self._wait(*wanted)
                return super().run(_reading(work))
            except NotReady as error:
                self._avoid(str(error))
        return self._primary.run(_reading(work))

    def _wait(self, cluster: int, position: str) -> None:
        """Wait until the standby has replayed the primary's log; NotReady where it has not in time."""

        def has_replayed() -> bool:
            with self.transaction() as cursor:
                cursor.execute(query("has_replayed"), {"cluster": cluster, "position": position})
                is_standby, replayed = cursor.fetchone() or (False, False)
            if not is_standby:
                raise NotReady(f"{self.parameters!r} is no standby of {self._primary.parameters!r}")
            return bool(replayed)

        seconds = self._policy.patience_seconds
        if not wait_until(has_replayed, seconds, pause=0.02):
            raise NotReady(f"it has not replayed {position} within {seconds:g} s")

    def _avoid(self, reason: str) -> None:
        self._avoided_until = time.monotonic() + self._policy.avoided_seconds
        logger.warning(
            "the primary is read in the place of the standby",
            extra={
                "standby": repr(self.parameters),
                "reason": reason,
                "for_seconds": self._policy.avoided_seconds,
            },
        )


def reads_of(settings: Settings, primary: Database) -> Database:
    """Return where long reads go: the standby of the settings, the primary where there is none."""
    if not settings.postgres_replica_host:
        return primary
    where = replace(
        primary.parameters, host=settings.postgres_replica_host, port=settings.postgres_replica_port
    )
    return StandbyReads(primary, where)


def _reading(work: Callable[[Cursor], Result]) -> Callable[[Cursor], Result]:
    def done(cursor: Cursor) -> Result:
        cursor.execute(READ_ONLY)
        return work(cursor)

    return done
