"""An account of evidence as decisions keep it on record: one definition for the flows that write it and the pages."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any

from domain.evidence import Account
from domain.monitored import GUARDRAIL, SHADOW

ACCOUNT, BEFORE, ANCHOR = "account", "before", "anchor"
CANDIDATE, CHALLENGER, CHAMPION, VERSION = "candidate", "challenger", "champion", "version"
"""Names of evidence: where an account is, and whom it is about."""


@dataclass(frozen=True)
class AccountRecord:
    """What a decision keeps of an account."""

    account_days: int
    """Calendar days on which both were scored."""
    mean: float | None
    """Mean log-loss of the candidate less the other's; None before the first day."""
    evidence: float
    convicted: bool
    bound: float | None = None
    """Evidence at which the candidate is convicted; None on record of earlier code."""

    @classmethod
    def of(cls, account: Account) -> "AccountRecord":
        """Return what is kept of an account."""
        mean = account.mean if account.days else None
        return cls(account.compared_days, mean, account.evidence, account.convicted, account.bound)

    @classmethod
    def read(cls, evidence: Mapping[str, Any]) -> "AccountRecord | None":
        """Return the account among the fields of a decision's evidence; None where there is none."""
        found = {field.name: evidence[field.name] for field in fields(cls) if field.name in evidence}
        return cls(**found) if len(found) >= len(fields(cls)) - 1 else None

    def as_dict(self) -> dict[str, Any]:
        """Return it as plain values."""
        return asdict(self)


@dataclass(frozen=True)
class KnownAccount:
    """An account, and whose it is."""

    candidate: int
    other: int
    record: AccountRecord
    anchored: bool = False
    """Whether it is that of whatever served each day against what served weeks before."""


def known_accounts(kind: str, evidence: Mapping[str, Any]) -> list[KnownAccount]:
    """Return the accounts that a decision of a kind rests on.

    Examples
    --------
    >>> known_accounts("retrain", {"new_labels": 921})
    []
    """
    candidate, champion = evidence.get(CANDIDATE), evidence.get(CHAMPION)
    if kind == GUARDRAIL:
        standings = {name: evidence.get(name) or {} for name in (BEFORE, ANCHOR)}
        found = [
            (champion, standing.get(VERSION), standing, name == ANCHOR)
            for name, standing in standings.items()
        ]
    elif kind == SHADOW:
        found = [(evidence.get(CHALLENGER), champion, evidence, False)]
    else:
        found = [(candidate, champion, evidence.get(ACCOUNT) or {}, False)]
    return [
        KnownAccount(version, other, record, anchored)
        for version, other, stored, anchored in found
        if version and other and (record := AccountRecord.read(stored))
    ]
