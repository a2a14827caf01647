"""Sends alerts through Apprise: webhook, mail, chat. Every attempt is on record; what is refused is tried again."""

import hashlib
import logging
from dataclasses import dataclass

from adapters.alert_deliveries import AlertDeliveries, DueAlert
from adapters.settings import Settings

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Address:
    """Where alerts are sent to; the URL may hold a password and is never shown."""

    url: str

    @property
    def name(self) -> str:
        """Return its kind and a fingerprint: distinguishes addresses without revealing them."""
        return f"{self.url.partition(':')[0]}-{hashlib.sha256(self.url.encode()).hexdigest()[:8]}"


class Notifier:
    """Delivers messages to the addresses of the settings."""

    def __init__(self, addresses: str):
        self.addresses = [Address(url) for url in addresses.split()]

    @classmethod
    def from_settings(cls, settings: Settings) -> "Notifier":
        """Take the addresses from the settings."""
        return cls(settings.notify_urls)

    def send(self, address: Address, title: str, body: str) -> str | None:
        """Deliver a message to an address; None when it was taken, else what went wrong."""
        import apprise  # a second to import, and most runs have nothing to say

        messenger = apprise.Apprise()
        if not messenger.add(address.url):
            return "the address is not understood"
        return None if messenger.notify(title=title, body=body) else "refused, or not reachable"


class Pager:
    """Brings every open page to every address, once."""

    def __init__(self, deliveries: AlertDeliveries, notifier: Notifier):
        self._deliveries = deliveries
        self._notifier = notifier

    def deliver_due(self) -> int:
        """Attempt the deliveries that are due; return how many alerts were attempted.

        An address that took an alert is not sent it again when another refused it. Safe beside other processes.

        Raises
        ------
        NotReady
            If PostgreSQL is away.
        """
        if not self._notifier.addresses:
            return 0
        attempted = 0
        while self._deliveries.attempt_next(self._attempt):
            attempted += 1
        return attempted

    def send_unrecorded(self, title: str, body: str) -> None:
        """Send a message to every address while PostgreSQL, where deliveries are recorded, is away."""
        for address in self._notifier.addresses:
            problem = self._notifier.send(address, title, body)
            if problem:
                logger.error("alert not delivered", extra={"address": address.name, "why": problem})

    def _attempt(self, alert: DueAlert) -> dict[str, str | None]:
        """Send an alert to the addresses that have not taken it: what went wrong by address."""
        waiting = [a for a in self._notifier.addresses if a.name not in alert.delivered_to]
        title = f"ontime {alert.severity}: {alert.rule}"
        found = {a.name: self._notifier.send(a, title, alert.message) for a in waiting}
        for name, problem in found.items():
            if problem:
                logger.error(
                    "alert not delivered", extra={"address": name, "rule": alert.rule, "why": problem}
                )
        return found
