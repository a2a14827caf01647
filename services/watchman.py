"""The watchman: sees days that were not monitored, and brings every open page to every address.

It stands apart from what it watches: neither Prefect nor the nightly flow need be alive for it.
"""

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date, timedelta

from adapters.alert_deliveries import AlertDeliveries
from adapters.clock_store import ClockStore
from adapters.logging import configure_logging
from adapters.monitoring_store import MonitoringStore
from adapters.notifier import Notifier, Pager
from adapters.postgres import Database
from adapters.settings import settings
from domain import runbook
from monitoring.rules import RUN_MISSED
from monitoring.windows import last_complete_day
from services.health import WATCHMAN
from services.loop import run, stop_on_signals

logger = logging.getLogger(__name__)

PAUSE_SECONDS = 15.0


@dataclass(frozen=True)
class WatchPolicy:
    """How long a monitoring run may be overdue before somebody is notified."""

    grace: timedelta = timedelta(hours=2)
    """By the stack's clock: a run takes a while, and may wait for another."""
    patience_seconds: float = 600.0
    """By the real time: a replayed clock runs through two hours in a second."""
    look_back_days: int = 7


@dataclass
class Watchman:
    """Looks again and again; `look` is one look."""

    database: Database
    pager: Pager
    policy: WatchPolicy = field(default_factory=WatchPolicy)
    elapsed: Callable[[], float] = time.monotonic
    _seen: dict[date, float] = field(default_factory=dict)

    def look(self) -> list[date]:
        """Open or resolve the alert of days that were not monitored, deliver what is due; return those days.

        Raises
        ------
        NotReady
            If PostgreSQL is away.
        """
        overdue = self._overdue()
        self._report(overdue)
        self.pager.deliver_due()
        return overdue

    def _overdue(self) -> list[date]:
        """Return the days that are not monitored, and have not been for longer than patience lasts."""
        now = ClockStore(self.database).read().now
        last = last_complete_day(now - self.policy.grace)
        first = last - timedelta(days=self.policy.look_back_days - 1)
        missed = MonitoringStore(self.database).missed_days(first, last)
        self._seen = {day: self._seen.get(day, self.elapsed()) for day in missed}
        return [day for day in missed if self.elapsed() - self._seen[day] >= self.policy.patience_seconds]

    def _report(self, overdue: list[date]) -> None:
        store, now = MonitoringStore(self.database), ClockStore(self.database).read().now
        if overdue:
            days = ", ".join(str(day) for day in overdue)
            message = f"{RUN_MISSED.name}: {days}. {RUN_MISSED.advice} {runbook.entry(RUN_MISSED.name)}"
            evidence = {"days": [str(day) for day in overdue]}
            if store.open_alert(RUN_MISSED.name, RUN_MISSED.severity, overdue[-1], now, message, evidence):
                logger.error("monitoring run missed", extra=evidence)
        else:
            store.resolve_alerts([RUN_MISSED.name], [], now)


def main() -> None:
    """Run until SIGTERM."""
    configure_logging(settings().log_level, "watchman")
    stop: threading.Event = stop_on_signals()
    database = Database.from_settings(settings(), max_connections=2, application=WATCHMAN)
    watchman = Watchman(database, Pager(AlertDeliveries(database), Notifier.from_settings(settings())))

    def step() -> None:
        watchman.look()
        stop.wait(PAUSE_SECONDS)

    run(step, stop)
    database.close()


if __name__ == "__main__":
    main()
