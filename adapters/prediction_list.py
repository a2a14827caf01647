"""Stored predictions, listed by flight and by time, a page at a time."""

from dataclasses import dataclass, fields
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from adapters.label_store import Label
from adapters.postgres import Database

BEFORE_ALL = datetime(1, 1, 2, tzinfo=UTC)
AFTER_ALL = datetime(9999, 12, 30, tzinfo=UTC)
LARGEST_ID = UUID(int=2**128 - 1)


@dataclass(frozen=True)
class ListedPrediction:
    """A stored prediction without its features, and the newest label of its flight."""

    prediction_id: str
    flight_id: str
    carrier: str
    flight_number: int
    origin: str
    dest: str
    scheduled_departure: datetime
    scheduled_arrival: datetime
    as_of: datetime
    lead_minutes: int
    probability: float
    model_version: int
    challenger_version: int | None
    challenger_probability: float | None
    served_at: datetime
    label: Label | None


COLUMNS = tuple(f.name for f in fields(ListedPrediction) if f.name != "label")


class PredictionList:
    """Lists what is stored; what is still in the spool comes with the next shipment."""

    def __init__(self, database: Database):
        self._database = database

    def page(
        self,
        limit: int,
        flight_id: str | None = None,
        from_: datetime = BEFORE_ALL,
        until: datetime = AFTER_ALL,
        after: tuple[datetime, UUID] = (AFTER_ALL, LARGEST_ID),
    ) -> list[ListedPrediction]:
        """Return a page, newest first.

        Parameters
        ----------
        limit : int
            Rows at most.
        flight_id : str, optional
            Only of this flight.
        from_, until : datetime
            Bounds of `as_of`; the second is not included.
        after : tuple of datetime and UUID
            `as_of` and id of the last row of the page before. A row that is stored meanwhile is in a later page or in
            none: no row comes twice, and none that was there is left out.
        """
        parameters = {
            "flight_id": flight_id, "from": from_, "until": until,
            "as_of": after[0], "prediction_id": str(after[1]), "limit": limit,
        }  # fmt: skip
        return [_listed(row) for row in self._database.rows("list_predictions", parameters)]


def _listed(row: tuple[Any, ...]) -> ListedPrediction:
    *columns, delay, is_late, known_at, corrected = row
    values = dict(zip(COLUMNS, columns, strict=True))
    values["prediction_id"] = str(values["prediction_id"])
    label = None if delay is None else Label(values["flight_id"], delay, is_late, known_at, corrected)
    return ListedPrediction(**values, label=label)
