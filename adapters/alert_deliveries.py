"""Which alerts have to reach which addresses, and every attempt to deliver them."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from adapters.postgres import Database, query

RETRY_PAUSE = timedelta(seconds=30)
"""Between the first attempt to deliver an alert and the second; it doubles from then on."""


@dataclass(frozen=True)
class DueAlert:
    """An open page that has not reached every address."""

    alert_id: int
    rule: str
    severity: str
    message: str
    day: date
    delivered_to: frozenset[str]


@dataclass(frozen=True)
class Delivery:
    """One attempt to deliver an alert."""

    address: str
    delivered: bool
    detail: str | None
    attempted_at: datetime


class AlertDeliveries:
    """The open pages, each until every address has taken it."""

    def __init__(self, database: Database):
        self._database = database

    def attempt_next(self, attempt: Callable[[DueAlert], dict[str, str | None]]) -> bool:
        """Have `attempt` deliver the next page that is due, and put on record what became of it.

        The alert is locked meanwhile: two processes do not deliver it twice.

        Parameters
        ----------
        attempt : callable
            Returns what went wrong by address, None where the alert was taken.

        Returns
        -------
        bool
            Whether one was due.
        """
        with self._database.transaction() as cursor:
            cursor.execute(query("alert_claim_due"), {"pause": RETRY_PAUSE})
            row = cursor.fetchone()
            if row is None:
                return False
            alert_id, rule, severity, message, day = row
            alert = {"alert_id": alert_id}
            cursor.execute(query("alert_delivered_to"), alert)
            taken = frozenset(address for (address,) in cursor.fetchall())
            problems = attempt(DueAlert(alert_id, rule, severity, message, day, taken))
            for address, problem in problems.items():
                came = {"address": address, "delivered": problem is None, "detail": problem}
                cursor.execute(query("alert_record_delivery"), alert | came)
            if not any(problems.values()):
                cursor.execute(query("alert_notified"), alert)
        return True

    def of(self, alert_id: int) -> list[Delivery]:
        """Return every attempt to deliver an alert, in their order."""
        return [Delivery(*row) for row in self._database.rows("alert_deliveries", {"alert_id": alert_id})]
