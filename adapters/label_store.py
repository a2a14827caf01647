"""Labels: how late each flight arrived, since when that is known. Append only; a correction is a new row."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

import numpy as np
import numpy.typing as npt

from adapters.postgres import Cursor, Database, query
from domain.errors import InvalidInput
from domain.events import FLIGHT_ID, LARGEST_DELAY, Outcome

EVERY_LABEL = 2**63 - 1


@dataclass(frozen=True)
class NewLabel:
    """A label to append; `known_at` None = now, by the stack's clock.

    Raises
    ------
    InvalidInput
        If the flight_id or the delay has not the right form, or `known_at` no time zone.
    """

    flight_id: str
    arr_delay_minutes: int
    known_at: datetime | None = None
    source: str = "api"
    correction: bool = False

    def __post_init__(self) -> None:
        if not FLIGHT_ID.fullmatch(self.flight_id):
            raise InvalidInput("flight_id", "like UA1545-EWR-20130101", self.flight_id)
        if not -1440 <= self.arr_delay_minutes <= LARGEST_DELAY:
            raise InvalidInput("arr_delay_minutes", f"-1440 to {LARGEST_DELAY}", self.arr_delay_minutes)
        if self.known_at is not None and self.known_at.tzinfo is None:
            raise InvalidInput("known_at", "a time with a time zone", self.known_at.isoformat())


@dataclass(frozen=True)
class Label:
    """The newest word on one flight."""

    flight_id: str
    arr_delay_minutes: int
    is_late: bool
    known_at: datetime
    corrected: bool


@dataclass(frozen=True)
class LabelColumns:
    """Labels of many flights, sorted by flight_id; every array has shape (n,)."""

    flight_id: npt.NDArray[np.str_]
    arr_delay_minutes: npt.NDArray[np.int64]
    is_late: npt.NDArray[np.bool_]

    def __len__(self) -> int:
        return len(self.flight_id)


class LabelStore:
    """Appends labels and reads back the newest word on each flight."""

    def __init__(self, database: Database):
        self._database = database

    def append(
        self,
        flight_id: str,
        arr_delay_minutes: int,
        known_at: datetime | None,
        source: str,
        correct: bool = False,
    ) -> Outcome:
        """Append one label; see `append_many`."""
        return self.append_many([NewLabel(flight_id, arr_delay_minutes, known_at, source, correct)])[0]

    def append_many(self, labels: Sequence[NewLabel]) -> list[Outcome]:
        """Append labels in one transaction.

        Returns
        -------
        list of Outcome
            One a label. The value that is already there: duplicate. Another value: conflict, unless the label is a
            correction, which is then the newest word. A correction of nothing: conflict.
        """
        with self._database.transaction() as cursor:
            # One order for all callers, so that two batches cannot wait for each other.
            for flight_id in sorted({label.flight_id for label in labels}):
                cursor.execute(query("lock_label"), {"flight_id": flight_id})
            # The same order for what they insert: an arrival appends its label in that order too, and takes no lock.
            order = sorted(range(len(labels)), key=lambda i: labels[i].flight_id)
            outcomes = {i: _append(cursor, labels[i]) for i in order}
        return [outcomes[i] for i in range(len(labels))]

    def current(self, flight_id: str) -> Label | None:
        """Return the newest word on a flight, None when there is none."""
        row = self._database.row("current_label", {"flight_id": flight_id})
        return Label(*row) if row else None

    def known_by(
        self, moment: datetime, flown_from: date, flown_until: date, last_label: int = EVERY_LABEL
    ) -> LabelColumns:
        """Return what was the word at a moment on the flights of some local days, both ends included.

        Only labels numbered up to `last_label` are looked at.
        """
        window = _window(moment, flown_from, flown_until) | {"last_label": last_label}
        rows: list[tuple[Any, ...]] = self._database.rows("labels_known_by", window)
        flights, delays, late = zip(*rows, strict=True) if rows else ((), (), ())
        return LabelColumns(
            np.array(flights, dtype=np.str_), np.array(delays, dtype=np.int64), np.array(late, dtype=np.bool_)
        )

    def count_new(self, after: datetime, moment: datetime, flown_from: date, flown_until: date) -> int:
        """Return how many flights of some local days, both ends included, had a label that came after another moment.

        However long ago they flew: files may bring last month's labels at once.
        """
        row = self._database.row(
            "count_new_labels", _window(moment, flown_from, flown_until) | {"after": after}
        )
        return int(row[0]) if row else 0

    def newest_day(self, known_by: datetime) -> date | None:
        """Return the newest local day with a label that was known at a moment, None where there is none."""
        row = self._database.row("newest_labelled_day", {"known_by": known_by})
        return row[0] if row else None

    def count(self) -> int:
        """Return the number of flights with a label."""
        row = self._database.row("count_labels")
        return int(row[0]) if row else 0


def _window(moment: datetime, flown_from: date, flown_until: date) -> dict[str, Any]:
    return {"known_by": moment, "from": f"{flown_from:%Y%m%d}", "until": f"{flown_until:%Y%m%d}"}


def _append(cursor: Cursor, label: NewLabel) -> Outcome:
    cursor.execute(query("newest_label"), {"flight_id": label.flight_id})
    newest = cursor.fetchone()
    refusal = _refusal(label, newest[1] if newest else None)
    if refusal is not None:
        return refusal
    parameters = {
        "flight_id": label.flight_id,
        "arr_delay_minutes": label.arr_delay_minutes,
        "known_at": label.known_at,
        "source": label.source,
        "corrects": newest[0] if newest else None,
    }
    cursor.execute(query("append_label"), parameters)
    if cursor.rowcount == 0:  # an arrival event, which takes no label lock, was quicker
        return _append(cursor, label)
    return Outcome("accepted")


def _refusal(label: NewLabel, there: int | None) -> Outcome | None:
    if there is None:
        return Outcome("conflict", "there is no label to correct") if label.correction else None
    if there == label.arr_delay_minutes:
        return Outcome("duplicate")
    if not label.correction:
        return Outcome("conflict", f"the label says {there} minutes; a correction must say that it is one")
    return None
