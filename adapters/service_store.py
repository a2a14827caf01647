"""What the API's workers answered, minute by minute: written by them, summed by the monitoring run."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Literal

from adapters.postgres import Database, query

Kind = Literal["answered", "refused", "shed", "failed", "predicted"]


@dataclass(frozen=True)
class ServiceCount:
    """How often something happened in a minute."""

    minute: datetime
    """Real time, also where the stack's clock is simulated: throughput is of machines."""
    day: date
    """Of requests the local day by the stack's clock; of predictions that of the flight."""
    kind: Kind
    count: int


@dataclass(frozen=True)
class ServiceDay:
    """A day's requests by what became of them."""

    answered: int
    refused: int
    shed: int
    failed: int
    minutes: int
    """Minutes that had requests."""
    most_a_minute: int

    @property
    def requests(self) -> int:
        """Return all of them."""
        return self.answered + self.refused + self.shed + self.failed


class ServiceStore:
    """Keeps counts; a batch of a worker counts once, also when the answer to its commit was lost."""

    def __init__(self, database: Database):
        self._database = database

    def save(self, worker: str, batch: int, counts: Sequence[ServiceCount]) -> None:
        """Store a worker's batch, whole or not at all.

        Raises
        ------
        NotReady
            If PostgreSQL is away; send the same batch again later.
        """
        with self._database.transaction() as cursor:
            for count in counts:
                cursor.execute(query("service_count"), vars(count) | {"worker": worker, "batch": batch})

    def day(self, day: date) -> ServiceDay:
        """Sum the requests of a local day."""
        row = self._database.row("service_day", {"day": day})
        assert row is not None  # noqa: S101  an aggregate without groups has one row
        return ServiceDay(*row)

    def acknowledged(self, day: date) -> int | None:
        """Return how many predictions of a local day's flights were acknowledged; None where nobody counted."""
        row = self._database.row("service_acknowledged", {"day": day})
        return row[0] if row else None

    def forget(self, before: date) -> int:
        """Forget the counts of days before one; return how many rows went."""
        return self._database.execute("service_forget", {"before": before})
