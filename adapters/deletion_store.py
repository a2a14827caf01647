"""What may be deleted from the database, and the ledger of it: by the owner of the tables, old months by a flow."""

import json
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from psycopg2 import sql

from adapters.postgres import Database, query
from domain.errors import NotFound

LOCK_SECONDS = 5
"""A partition waits so long for those who read; behind it everybody waits."""
IMPATIENT = f"SET LOCAL lock_timeout = {LOCK_SECONDS * 1000}"


@dataclass(frozen=True)
class Partition:
    """A month of predictions."""

    name: str
    bytes: int


@dataclass(frozen=True)
class Deletion:
    """A row of the ledger."""

    kind: str
    who: str
    reason: str
    deleted: dict[str, Any]


class DeletionStore:
    """Drops, erases, and records both."""

    def __init__(self, database: Database):
        self._database = database

    def partitions(self, before: datetime) -> list[Partition]:
        """Return the months of predictions that are over before that of a moment, oldest first."""
        return [Partition(*row) for row in self._database.rows("old_partitions", {"before": before})]

    def newest_prediction(self) -> datetime | None:
        """Return when the newest prediction of the log was asked, None before the first."""
        row = self._database.row("newest_prediction")
        return row[0] if row else None

    def drop(self, partition: str) -> None:
        """Drop a partition; NotReady where somebody reads the log for longer than it may wait."""
        with self._database.transaction() as cursor:
            cursor.execute(IMPATIENT)
            cursor.execute(sql.SQL("DROP TABLE {}").format(sql.Identifier(partition)))

    def drop_recorded(self, partition: str, who: str, reason: str) -> int:
        """Drop a partition as `drop` does and record it with that; return the number of the ledger's row.

        The role that monitors may do this too, of months that have been over for a month, by the log as by the clock.
        """
        with self._database.transaction() as cursor:
            cursor.execute(IMPATIENT)
            cursor.execute(query("drop_partition"), {"partition": partition, "who": who, "reason": reason})
            [(number,)] = cursor.fetchall()
        return int(number)

    def states(self, before: datetime) -> tuple[int, int]:
        """Return how many feature states are older than a moment, and their bytes."""
        [(count, size)] = self._database.rows("old_states", {"before": before})
        return int(count), int(size)

    def record(self, who: str, reason: str, deleted: dict[str, Any]) -> int:
        """Record what a policy deleted; return the row's number."""
        values = {"kind": "retention", "who": who, "reason": reason, "deleted": json.dumps(deleted)}
        [(number,)] = self._database.rows("deletion_record", values)
        return int(number)

    def erase(self, prediction_id: str, who: str, reason: str) -> int:
        """Delete a prediction for good, and record it; return the number of the ledger's row.

        Raises
        ------
        NotFound
            If the log has no such prediction; one that is still in the spool can be erased once it is shipped.
        """
        with self._database.transaction() as cursor:
            values = {"prediction_id": prediction_id, "who": who, "reason": reason}
            cursor.execute(query("deletion_erase"), values)
            row = cursor.fetchone()
        if row is None:
            raise NotFound(f"the log has no prediction {prediction_id}: it may be in the spool still")
        return int(row[0])

    def newest(self, limit: int = 50) -> list[Deletion]:
        """Return the newest rows of the ledger, newest first."""
        return [Deletion(*row) for row in self._database.rows("deletion_list", {"limit": limit})]
