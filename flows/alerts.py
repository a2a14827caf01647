"""Alerts that a flow raises of itself, beside those of a monitored day's measures."""

from datetime import date
from typing import Any

from domain.watch_rule import WatchRule
from flows.parts import parts


def raise_alert(rule: WatchRule, said: str, evidence: dict[str, Any], day: date | None = None) -> None:
    """Open the alert of a rule and deliver it; by default of today by the stack's clock. One that is open stays."""
    own = parts()
    now = own.clock.read().now
    own.monitoring.open_alert(rule.name, rule.severity, day or now.date(), now, rule.message(said), evidence)
    own.pager.deliver_due()


def close_alert(rule: WatchRule) -> None:
    """Resolve the alert of a rule, where one is open."""
    own = parts()
    own.monitoring.resolve_alerts([rule.name], [], own.clock.read().now)
