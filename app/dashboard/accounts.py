"""Each candidate's account of evidence over its days, as the decisions kept it: what the Model page draws."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from adapters.monitoring_store import StoredDecision
from app.dashboard.charts import Chart, Series, point_of_day
from domain.account_record import KnownAccount, known_accounts
from domain.monitored import GATE, GUARDRAIL, SHADOW

KINDS = (GATE, SHADOW, GUARDRAIL)
"""Decisions that rest on an account."""
MOST = 8


@dataclass(frozen=True)
class AccountView:
    """An account by the day that a decision read it."""

    days: dict[date, KnownAccount]

    @property
    def newest(self) -> KnownAccount:
        """Return the account as the newest decision read it."""
        return self.days[max(self.days)]

    @property
    def title(self) -> str:
        """Return whose account it is."""
        if self.newest.anchored:
            return f"What serves against what served weeks before, now version {self.newest.other}"
        return f"Version {self.newest.candidate} against version {self.newest.other}"

    @property
    def span(self) -> str:
        """Return from when to when it was read."""
        first, last = (f"{day:%-d %b %Y}" for day in (min(self.days), max(self.days)))
        return first if first == last else f"{first} to {last}"

    @property
    def charts(self) -> list[Chart]:
        """Return the mean difference as of each day, and the evidence against its bound."""
        records = {day: account.record for day, account in self.days.items()}
        means = [point_of_day(day, record.mean) for day, record in records.items()]
        evidence = [point_of_day(day, record.evidence) for day, record in records.items()]
        return [
            Chart(
                "Log-loss less the other's, nats: mean up to each day", [Series("difference", "one", means)],
                bound=0.0, note="no difference",
            ),
            Chart(
                "Evidence that it loses more, each step up ten times more", [Series("evidence", "two", evidence)],
                low=1.0, bound=self.newest.record.bound, note="bound", logarithmic=True,
            ),
        ]  # fmt: skip


def account_views(decisions: Sequence[StoredDecision]) -> list[AccountView]:
    """Return the accounts that decisions rest on, the one that was read last first.

    Parameters
    ----------
    decisions : sequence of StoredDecision
        Newest first.
    """
    found: dict[tuple[int, int] | None, AccountView] = {}
    for decision in reversed(decisions):
        for account in known_accounts(decision.kind, decision.evidence):
            key = None if account.anchored else (account.candidate, account.other)
            found.setdefault(key, AccountView({})).days[decision.day] = account
    views = sorted(found.values(), key=lambda view: (not view.newest.anchored, max(view.days)), reverse=True)
    return views[:MOST]
