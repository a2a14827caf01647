"""Sends alerts through Apprise: webhook, mail, chat. A failure is told, never fatal."""

import logging

from adapters.settings import Settings

logger = logging.getLogger(__name__)


class Notifier:
    """Delivers messages to the addresses of the settings."""

    def __init__(self, addresses: str):
        self._addresses = addresses.split()

    @classmethod
    def from_settings(cls, settings: Settings) -> "Notifier":
        """Take the addresses from the settings."""
        return cls(settings.notify_urls)

    def send(self, title: str, body: str) -> bool:
        """Deliver a message to every address; whether all took it. Without an address: False."""
        if not self._addresses:
            return False
        import apprise  # a second to import, and most nights have nothing to say

        messenger = apprise.Apprise()
        for address in self._addresses:
            if not messenger.add(address):
                # An address may hold a password: only its kind is logged.
                logger.error("notification address not understood", extra={"kind": address.partition(":")[0]})
                return False
        delivered = bool(messenger.notify(title=title, body=body))
        if not delivered:
            logger.error("notification not delivered", extra={"title": title})
        return delivered
