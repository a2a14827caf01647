"""What does not fit in a file from outside, and the error of a file that cannot be taken."""

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any

from domain.errors import OntimeError

SHOWN = 100
"""Bad values of one file that are listed; the rest is counted."""


@dataclass(frozen=True)
class BadValue:
    """One value that does not fit: where it is, what was expected, what was there."""

    row: int | None
    """Line of the file, its header included; None where the whole file is meant."""
    column: str
    reason: str
    value: str | None


class BadFile(OntimeError):  # noqa: N818  the name says what happened
    """A file from outside cannot be taken; carries what is wrong with it."""

    def __init__(self, values: Iterable[BadValue], summary: str = ""):
        self.found = list(values)
        self.summary = summary
        first = self.found[0]
        where = "" if first.row is None else f"line {first.row}, "
        more = f" (and {len(self.found) - 1:,} more)" if len(self.found) > 1 else ""
        before = f"{summary}: " if summary else ""
        super().__init__(f"{before}{where}{first.column}: {first.reason}, got {first.value!r}{more}")

    def as_dict(self) -> dict[str, Any]:
        """Return the first bad values and their number as plain values, for JSON."""
        return {
            "errors": [asdict(value) for value in self.found[:SHOWN]],
            "error_count": len(self.found),
            "summary": self.summary,
        }


def whole_file(reason: str, value: str | None = None, column: str = "file") -> BadFile:
    """Return the error of a file that no line of it explains."""
    return BadFile([BadValue(None, column, reason, value)])
