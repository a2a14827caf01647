"""Alerts at the terminal: which are open, and who has seen them."""

from datetime import timedelta

from adapters.clock_store import ClockStore
from adapters.monitoring_store import MonitoringStore
from adapters.postgres import Database
from adapters.settings import Settings
from adapters.terminal import Say
from deploy.native.manager import with_database

YEAR = timedelta(days=366)


def list_alerts(settings: Settings, every: bool, say: Say) -> None:
    """Tell the open alerts, or all of a year."""

    def tell(database: Database) -> None:
        today = ClockStore(database).read().now.date()
        found = MonitoringStore(database).alerts(today - YEAR, today, open_only=not every)
        for alert in found:
            seen = f", seen by {alert.acknowledged_by}" if alert.acknowledged_by else ""
            state = "resolved" if alert.resolved_at else "open"
            say(f"{alert.alert_id:>5} {alert.severity:8} {alert.day} {state}{seen}: {alert.message}")
        if not found:
            say("no alert is open" if not every else "there was no alert")

    with_database(settings, tell)


def acknowledge_alert(settings: Settings, alert_id: int, who: str, say: Say) -> None:
    """Note who has seen an alert; the first word stands."""

    def note(database: Database) -> None:
        store = MonitoringStore(database)
        store.acknowledge(alert_id, who, ClockStore(database).read().now)
        alert = store.alert(alert_id)
        say(f"{alert.rule} of {alert.day}: seen by {alert.acknowledged_by}")

    with_database(settings, note)
