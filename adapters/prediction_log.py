"""The log of predictions: the spool's lines stored exactly once, and read back joined with labels."""

import io
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

import numpy as np
import numpy.typing as npt

from adapters.postgres import Cursor, Database, query
from adapters.prediction_columns import PredictionColumns, columns_of_rows
from adapters.prediction_lines import COLUMNS, PredictionRecord, UnknownColumns
from domain.errors import Conflict
from domain.flights import Floats


@dataclass(frozen=True)
class FlightPrediction:
    """One logged prediction of a flight, without its features."""

    prediction_id: str
    as_of: datetime
    lead_minutes: int
    state_tick: datetime
    probability: float
    model_version: int
    challenger_version: int | None
    challenger_probability: float | None
    served_at: datetime


@dataclass(frozen=True)
class ListRecord:
    """What came of the lists of the riskiest flights of some days."""

    listed: int
    labelled: int
    """Of those listed."""
    late: int
    """Of those listed."""
    all_labelled: int
    all_late: int

    @property
    def precision(self) -> float | None:
        """Return the share of the listed flights that were late; None before any outcome is known."""
        return self.late / self.labelled if self.labelled else None

    @property
    def base_rate(self) -> float | None:
        """Return the share of all flights that were late; None before any outcome is known."""
        return self.all_late / self.all_labelled if self.all_labelled else None


@dataclass(frozen=True)
class ScoredByBoth:
    """Predictions that two versions made of the same flights at the same moments, with what came; shape (n,) each."""

    day: npt.NDArray[np.int64]
    """Local day of the flight, as the number YYYYMMDD."""
    one: Floats
    other: Floats
    late: npt.NDArray[np.bool_]

    def __len__(self) -> int:
        return len(self.day)


class PredictionLog:
    """Stores blocks of lines and finds predictions again."""

    def __init__(self, database: Database):
        self._database = database
        self._months: set[tuple[int, int]] = set()

    def offset(self, file: str) -> int:
        """Return how many bytes of a spool file are stored."""
        row = self._database.row("spool_offset", {"file": file})
        return int(row[0]) if row else 0

    def offsets(self) -> dict[str, int]:
        """Return how many bytes of each spool file are stored."""
        return {file: int(shipped) for file, shipped in self._database.rows("spool_offsets")}

    def ship(
        self,
        file: str,
        offset: int,
        block: bytes,
        skipped: int = 0,
        columns: tuple[str, ...] = COLUMNS,
    ) -> int:
        """Store a block of whole lines of a spool file and the file's new offset, in one transaction.

        Parameters
        ----------
        file : str
            Name of the file.
        offset : int
            Where the block begins in it.
        block : bytes
            Whole lines; may be empty to move over `skipped` bytes only.
        skipped : int
            Bytes after the block that are passed over.
        columns : tuple of str
            Of the block's lines.

        Returns
        -------
        int
            The new offset.

        Raises
        ------
        Conflict
            If the stored offset is another one: somebody else shipped. Read it again.
        ValueError
            If PostgreSQL refuses a line; nothing is stored then.
        UnknownColumns
            If the table lacks one of the columns; nothing is stored then.
        NotReady
            If PostgreSQL is away; nothing is stored then, or all: read the offset again.
        """
        self._ensure_partitions(block, columns)
        try:
            return self._store(file, offset, block, skipped, columns)
        except ValueError:
            # A month that was there when this process looked may have been dropped since.
            self._months.clear()
            self._ensure_partitions(block, columns)
            return self._store(file, offset, block, skipped, columns)

    def _store(self, file: str, offset: int, block: bytes, skipped: int, columns: tuple[str, ...]) -> int:
        until = offset + len(block) + skipped
        with self._database.transaction() as cursor:
            cursor.execute(query("begin_spool_file"), {"file": file})
            cursor.execute(query("move_spool_offset"), {"file": file, "from": offset, "until": until})
            if cursor.rowcount != 1:
                raise Conflict(f"the stored offset of {file} is no longer {offset}")
            if block:
                _copy(cursor, block, columns)
        return until

    def make_ahead(self) -> None:
        """Make the partitions of this month and the next, by the stack's clock, before any row needs them."""
        self._database.rows("make_partitions_ahead")

    def forget(self, file: str) -> None:
        """Forget the offset of a file that is gone."""
        self._database.execute("forget_spool_file", {"file": file})

    def find(self, prediction_id: str) -> PredictionRecord | None:
        """Return the stored prediction of an id, None when there is none."""
        row = self._database.row("find_prediction", {"prediction_id": prediction_id})
        if row is None:
            return None
        values = dict(zip(COLUMNS, row, strict=True))
        values["prediction_id"] = str(values["prediction_id"])
        values["features"] = np.array(values["features"], dtype=np.float64)
        return PredictionRecord(**values)

    def fetch(
        self,
        first_day: date,
        last_day: date | None = None,
        known_by: datetime | None = None,
        contract_hash: str | None = None,
    ) -> PredictionColumns:
        """Return the predictions of the flights of some local days, both ends included, with their labels.

        Parameters
        ----------
        first_day, last_day : date
            Local days of scheduled departure; `last_day` defaults to `first_day`.
        known_by : datetime, optional
            Use the labels as they were known then; by default as they are known now.
        contract_hash : str, optional
            Only predictions of this feature contract, and with them their features.
        """
        parameters = _window(first_day, last_day or first_day) | {
            "known_by": known_by or "infinity",
            "contract_hash": contract_hash,
        }
        return columns_of_rows(
            self._database.rows("fetch_predictions", parameters), contract_hash is not None
        )

    def of_flight(self, flight_id: str, day: date) -> list[FlightPrediction]:
        """Return every prediction of a flight whose local day is known, in the order of `as_of`."""
        window = _window(day, day)
        parameters = {"flight_id": flight_id} | {n: window[n] for n in ("as_of_from", "as_of_until")}
        return [FlightPrediction(*row) for row in self._database.rows("predictions_of_flight", parameters)]

    def precision_of_riskiest(
        self, size: int, span: timedelta, departing_from: datetime, until: datetime, lead_minutes: int
    ) -> ListRecord:
        """Return what came of lists of the riskiest flights.

        Parameters
        ----------
        size : int
            Flights on a list.
        span : timedelta
            Departures that a list is drawn from.
        departing_from, until : datetime
            Departures that are counted.
        lead_minutes : int
            How long before departure a flight has its place on the list, at least.
        """
        parameters = {
            "size": size,
            "seconds": span.total_seconds(),
            "from": departing_from,
            "until": until,
            "lead": lead_minutes,
        }
        row = self._database.row("precision_of_riskiest", parameters)
        return ListRecord(*(row or (0, 0, 0, 0, 0)))

    def scored_by_both(self, one: int, other: int, asked_from: datetime, until: datetime) -> ScoredByBoth:
        """Return what two versions said of the same flights an hour before departure, where the label is known."""
        parameters = {"one": one, "other": other, "from": asked_from, "until": until}
        rows = self._database.rows("predictions_of_both", parameters)
        days, first, second, late = zip(*rows, strict=True) if rows else ((), (), (), ())
        return ScoredByBoth(
            np.array(days, dtype=np.int64),
            np.array(first, dtype=np.float64),
            np.array(second, dtype=np.float64),
            np.array(late, dtype=np.bool_),
        )

    def by_day(self, first_day: date, last_day: date) -> dict[date, tuple[int, int]]:
        """Return the predictions of the flights of each local day, and of how many flights they are."""
        rows = self._database.rows("predictions_by_day", _window(first_day, last_day))
        return {day: (predictions, flights) for day, predictions, flights in rows}

    def count(self) -> int:
        """Return the number of stored predictions."""
        row = self._database.row("count_predictions")
        return int(row[0]) if row else 0

    def _ensure_partitions(self, block: bytes, columns: tuple[str, ...]) -> None:
        # In a transaction of its own: the new partition's lock must not be held while rows are copied.
        for when in sorted(_months_of(block, columns)):
            if (when.year, when.month) not in self._months:
                self._database.rows("ensure_partition", {"moment": when})
                self._months.add((when.year, when.month))


def _months_of(block: bytes, columns: tuple[str, ...]) -> set[datetime]:
    """Return the first moments of the months of the lines.

    A line that is none is a ValueError, whatever is wrong with it.
    """
    at = columns.index("as_of")
    try:
        moments = {line.split(b"\t", at + 1)[at] for line in block.split(b"\n")[:-1]}
        found = {datetime.fromisoformat(moment.decode()).astimezone(UTC) for moment in moments}
    except (IndexError, OverflowError) as error:
        raise ValueError(f"a line is not a prediction: it has no moment in column {at + 1}") from error
    return {when.replace(day=1, hour=0, minute=0, second=0, microsecond=0) for when in found}


def _window(first_day: date, last_day: date) -> dict[str, Any]:
    first, last = (datetime(day.year, day.month, day.day, tzinfo=UTC) for day in (first_day, last_day))
    return {
        "from": f"{first_day:%Y%m%d}",
        "until": f"{last_day:%Y%m%d}",
        # A prediction is asked up to a day before departure; local days differ from UTC's by less than one.
        "as_of_from": first - timedelta(days=2),
        "as_of_until": last + timedelta(days=3),
    }


def _copy(cursor: Cursor, block: bytes, columns: tuple[str, ...]) -> None:
    try:
        # Names from a file's header: `columns_of` lets only plain ones through.
        cursor.copy_expert(f"COPY predictions ({', '.join(columns)}) FROM STDIN", io.BytesIO(block))
    except Database.REFUSALS as error:
        raise ValueError(str(error).strip().splitlines()[0]) from error
    except Database.UNKNOWN_COLUMN as error:
        raise UnknownColumns(str(error).strip().splitlines()[0]) from error
