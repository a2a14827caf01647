"""The watchman: sees unmonitored days, retrains that did not end and unhealthy parts; brings pages to every address.

It stands apart from what it watches: neither Prefect nor the nightly flow need be alive for it.
"""

import logging
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from functools import partial
from typing import Any

from adapters.alert_deliveries import AlertDeliveries
from adapters.clock_store import ClockStore
from adapters.logging import configure_logging
from adapters.monitoring_store import MonitoringStore
from adapters.notifier import Notifier, Pager
from adapters.postgres import Database
from adapters.settings import Settings, settings
from domain.errors import NotReady
from domain.monitored import GATE, RETRAIN
from domain.run_days import GRACE
from domain.watch_rule import WatchRule
from monitoring.rules import PART_UNHEALTHY, RETRAIN_UNENDED, RUN_FAILED, RUN_MISSED
from monitoring.windows import last_complete_day
from services import health
from services.loop import run, stop_on_signals

logger = logging.getLogger(__name__)

PAUSE_SECONDS = 15.0
POSTGRES_SECONDS = 60.0
"""After which a server that takes a question and is silent is away: else nobody would hear of it."""


@dataclass(frozen=True)
class WatchPolicy:
    """How long a monitoring run may be overdue before somebody is notified."""

    grace: timedelta = GRACE
    patience_seconds: float = 600.0
    """By the real time: a replayed clock runs through two hours in a second."""
    look_back_days: int = 7
    unhealthy_seconds: float = 300.0
    """How long a part may be unhealthy: managers start what ends again, and an upgrade replaces one by one."""


WATCHED = tuple(name for name in health.CHECKS if name not in ("postgres", "watchman"))
"""Parts of which it asks; without PostgreSQL it can ask, and record, nothing."""


@dataclass
class Watchman:
    """Looks again and again; `look` is one look.

    Parameters
    ----------
    problems : callable
        Returns what is wrong with each part that is not healthy now.
    """

    database: Database
    pager: Pager
    problems: Callable[[], Mapping[str, str]]
    policy: WatchPolicy = field(default_factory=WatchPolicy)
    elapsed: Callable[[], float] = time.monotonic
    _seen: dict[str, dict[date, float]] = field(default_factory=dict)
    """By what is looked for: since when each day lacks it."""
    _failing: dict[str, float] = field(default_factory=dict)
    _away: float | None = None
    _said_away: bool = False

    def look(self) -> list[date]:
        """Open or resolve the alerts of days, retrains and parts, deliver what is due; return the unmonitored days.

        Raises
        ------
        NotReady
            If PostgreSQL is away; said to every address once, when it has been for long.
        """
        try:
            overdue = self._overdue()
            days = [str(day) for day in overdue]
            self._report(RUN_MISSED, days, {"days": days}, max(overdue, default=None))
            unended = self._unended()
            days = [str(day) for day in unended]
            self._report(RETRAIN_UNENDED, days, {"days": days}, max(unended, default=None))
            lasting = self._lasting()
            self._report(
                PART_UNHEALTHY, [f"{name}: {why}" for name, why in lasting.items()], {"parts": lasting}
            )
            self.pager.deliver_due()
        except NotReady as error:
            self._note_away(str(error))
            raise
        self._away, self._said_away = None, False
        return overdue

    def _overdue(self) -> list[date]:
        """Return the days that are not monitored, and have not been for longer than patience lasts."""
        return self._due("run", MonitoringStore(self.database).missed_days(*self._window()))

    def _unended(self) -> list[date]:
        """Return the days whose retrain was decided and not gated since, for longer than patience lasts.

        One that failed was reported by its run; one whose process was killed by nobody. One that was left to a person's
        is gated with that, which may be of the day before.
        """
        store, (first, last) = MonitoringStore(self.database), self._window()
        decisions = store.decisions(first, last)
        # Runs that fail night after night are one open alert, of the first of them.
        failing = min((a.day for a in store.open_alerts() if a.rule == RUN_FAILED.name), default=date.max)
        gated = max(
            (d.decided_at for d in decisions if d.kind == GATE), default=datetime.min.replace(tzinfo=UTC)
        )
        decided = {d.day for d in decisions if d.kind == RETRAIN and d.verdict and d.decided_at > gated}
        return self._due("retrain", sorted(day for day in decided if day < failing))

    def _window(self) -> tuple[date, date]:
        """Return the first and last day whose run is long over."""
        last = last_complete_day(ClockStore(self.database).read().now - self.policy.grace)
        return last - timedelta(days=self.policy.look_back_days - 1), last

    def _due(self, kind: str, days: list[date]) -> list[date]:
        """Return those of some days that have been found for longer than patience lasts."""
        known = self._seen.get(kind, {})
        seen = self._seen[kind] = {day: known.get(day, self.elapsed()) for day in days}
        return [day for day in days if self.elapsed() - seen[day] >= self.policy.patience_seconds]

    def _lasting(self) -> dict[str, str]:
        """Return what is wrong with the parts that have been unhealthy for long."""
        found = self.problems()
        self._failing = {name: self._failing.get(name, self.elapsed()) for name in found}
        return {name: why for name, why in found.items() if self._is_long(self._failing[name])}

    def _is_long(self, since: float) -> bool:
        return self.elapsed() - since >= self.policy.unhealthy_seconds

    def _report(
        self, rule: WatchRule, found: list[str], evidence: dict[str, Any], day: date | None = None
    ) -> None:
        store, now = MonitoringStore(self.database), ClockStore(self.database).read().now
        if not found:
            store.resolve_alerts([rule.name], [], now)
            return
        standing = [alert.evidence for alert in store.open_alerts() if alert.rule == rule.name]
        if any(_named(evidence) - _named(before) for before in standing):
            # An alert that is open is sent no more: what has come since would reach nobody.
            store.resolve_alerts([rule.name], [], now)
        message = rule.message(", ".join(found))
        if store.open_alert(rule.name, rule.severity, day or now.date(), now, message, evidence):
            logger.error("alert opened", extra={"rule": rule.name} | evidence)

    def _note_away(self, reason: str) -> None:
        """Say that PostgreSQL is away, which records alerts, once it has been for long: to every address, once."""
        self._away = self.elapsed() if self._away is None else self._away
        if self._is_long(self._away) and not self._said_away:
            self._said_away = True
            rule = PART_UNHEALTHY
            logger.error("alert not recorded", extra={"rule": rule.name, "reason": reason})
            self.pager.send_unrecorded(
                f"ontime {rule.severity}: {rule.name}", rule.message(f"postgres: {reason}")
            )


def _named(evidence: Mapping[str, Any]) -> set[str]:
    """Return the days or parts that an alert names."""
    return {name for names in evidence.values() for name in names}


def watchman_of(own: Settings) -> Watchman:
    """Make the watchman of a stack."""
    database = Database.from_settings(
        own, max_connections=2, application=health.WATCHMAN, patience=POSTGRES_SECONDS
    )
    # A delivery takes as long as its addresses do; cut off before its end is recorded, it would come twice.
    unhurried = Database.from_settings(own, max_connections=1, application=health.WATCHMAN)
    pager = Pager(AlertDeliveries(unhurried), Notifier.from_settings(own))
    return Watchman(database, pager, partial(health.problems, database, own, WATCHED))


def main() -> None:
    """Run until SIGTERM."""
    configure_logging(settings().log_level, "watchman")
    stop: threading.Event = stop_on_signals()
    watchman = watchman_of(settings())

    def step() -> None:
        watchman.look()
        stop.wait(PAUSE_SECONDS)

    run(step, stop)
    watchman.database.close()


if __name__ == "__main__":
    main()
