"""Alert rules that need no monitored day to look at: those of the API, of the watchman and of flows."""

from dataclasses import dataclass
from typing import Literal

from domain import runbook

Severity = Literal["info", "warning", "critical"]


@dataclass(frozen=True)
class WatchRule:
    """What fires as soon as something is found."""

    name: str
    severity: Severity
    advice: str

    def message(self, found: str) -> str:
        """Return what an alert says: the rule, what was found, what to do, and where that is explained.

        Examples
        --------
        >>> WatchRule("the disk is full", "critical", "Make room.").message("3 MB are left")
        'the disk is full: 3 MB are left. Make room. docs/runbook.md#the-disk-is-full'
        """
        return f"{self.name}: {found}. {self.advice} {runbook.entry(self.name)}"
