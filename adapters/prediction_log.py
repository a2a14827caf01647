"""The log of predictions: lines in COPY's text form, stored exactly once, read back joined with labels."""

import io
import math
import re
from collections.abc import Sequence
from dataclasses import dataclass, fields
from datetime import UTC, date, datetime, timedelta
from typing import Any, cast

import numpy as np
import numpy.typing as npt
import orjson

from adapters.postgres import Cursor, Database, query
from adapters.spool import HEADER_MARK
from domain.clock import minute_floor
from domain.errors import Conflict, OntimeError
from domain.flights import Floats


@dataclass(frozen=True)
class PredictionRecord:
    """One prediction as it is logged; the fields are the columns of `predictions`, in their order."""

    prediction_id: str
    request_id: str
    flight_id: str
    carrier: str
    flight_number: int
    origin: str
    dest: str
    scheduled_departure: datetime
    scheduled_arrival: datetime
    as_of: datetime
    lead_minutes: int
    state_tick: datetime
    features: Floats
    """Shape (n_features,), in the order of the contract."""
    contract_hash: str
    probability: float
    model_version: int
    challenger_version: int | None
    challenger_probability: float | None
    latency_us: int
    served_at: datetime


COLUMNS = tuple(f.name for f in fields(PredictionRecord))
FIRST_COLUMNS = COLUMNS
"""Of files without a header. Written out, once a column is added to the record: those files have the old ones."""
HEADER = b"\t".join([HEADER_MARK + b"columns", *(name.encode() for name in COLUMNS)]) + b"\n"
"""First line of a spool file: the columns of the lines after it."""
_COLUMN = re.compile(r"[a-z_]+")
_ESCAPES = str.maketrans(
    {"\\": "\\\\", "\t": "\\t", "\n": "\\n", "\r": "\\r", "\0": "\N{REPLACEMENT CHARACTER}"}
)
_MOMENTS = ("scheduled_departure", "scheduled_arrival", "as_of", "state_tick", "served_at")
_WHOLE = ("flight_number", "lead_minutes", "model_version", "challenger_version", "latency_us")
_REAL = ("probability", "challenger_probability")


def to_copy_line(record: PredictionRecord) -> bytes:
    r"""Write a record as one line of COPY's text form, its end included: PostgreSQL takes it as it is."""
    r = record
    head = (
        f"{_text(r.prediction_id)}\t{_text(r.request_id)}\t{_text(r.flight_id)}\t{_text(r.carrier)}\t"
        f"{r.flight_number}\t{_text(r.origin)}\t{_text(r.dest)}\t{r.scheduled_departure.isoformat()}\t"
        f"{r.scheduled_arrival.isoformat()}\t{r.as_of.isoformat()}\t{r.lead_minutes}\t{r.state_tick.isoformat()}\t"
    )
    tail = (
        f"\t{_text(r.contract_hash)}\t{_real(r.probability)}\t{r.model_version}\t{_whole(r.challenger_version)}\t"
        f"{_real(r.challenger_probability)}\t{r.latency_us}\t{r.served_at.isoformat()}\n"
    )
    return head.encode("utf-8", "replace") + _array(r.features) + tail.encode("utf-8", "replace")


class UnknownColumns(OntimeError):  # noqa: N818  named like its kin in domain.errors
    """A spool file's header does not name columns of the table; those of a later release may come to be known."""


def columns_of(header: bytes) -> tuple[str, ...]:
    """Return the columns that a spool file's header names; without one, those from before there were headers.

    Raises
    ------
    UnknownColumns
        If it is no header.
    """
    if not header:
        return FIRST_COLUMNS
    mark, *names = header.decode("utf-8", "replace").removesuffix("\n").split("\t")
    if mark != "#columns" or "as_of" not in names or not all(map(_COLUMN.fullmatch, names)):
        raise UnknownColumns(f"expected a header with the names of columns, got {header[:60]!r}")
    return tuple(names)


def from_copy_line(line: bytes, columns: tuple[str, ...] = COLUMNS) -> PredictionRecord:
    """Read what `to_copy_line` wrote, in this release or another: a column this one lacks is passed over.

    Raises
    ------
    ValueError
        If it is not a whole line of a prediction.
    """
    parts = line.decode("utf-8").removesuffix("\n").split("\t")
    if len(parts) != len(columns):
        raise ValueError(f"expected {len(columns)} fields, got {len(parts)}")
    there = dict(zip(columns, parts, strict=True))
    return PredictionRecord(**{name: _parsed(name, there.get(name, r"\N")) for name in COLUMNS})


def _text(value: str) -> str:
    return value if value.isalnum() else value.translate(_ESCAPES)


def _whole(value: int | None) -> str:
    return r"\N" if value is None else str(value)


def _real(value: float | None) -> str:
    """Write a float so that the same float is read back."""
    if value is None:
        return r"\N"
    value = float(value)
    if math.isfinite(value):
        return repr(value)
    return "NaN" if math.isnan(value) else ("Infinity" if value > 0 else "-Infinity")


def _array(features: Floats) -> bytes:
    values = np.ascontiguousarray(features, dtype=np.float64)
    if np.isinf(values).any():
        return ("{" + ",".join(_real(v) for v in values.tolist()) + "}").encode()
    # orjson writes the shortest text that reads back as the same float, 20 times faster than repr; null = NaN.
    body = orjson.dumps(values, option=orjson.OPT_SERIALIZE_NUMPY)[1:-1]
    return b"{" + body.replace(b"null", b"NaN") + b"}"


def _parsed(name: str, part: str) -> Any:
    if part == r"\N":
        return None
    if name in _MOMENTS:
        return datetime.fromisoformat(part)
    if name in _WHOLE:
        return int(part)
    if name in _REAL:
        return float(part)
    if name == "features":
        return np.array(part[1:-1].split(",") if len(part) > 2 else [], dtype=np.float64)
    return _unescaped(part)


def _unescaped(part: str) -> str:
    if "\\" not in part:
        return part
    pieces = part.split("\\\\")
    plain = (p.replace("\\t", "\t").replace("\\n", "\n").replace("\\r", "\r") for p in pieces)
    return "\\".join(plain)


@dataclass(frozen=True)
class PredictionColumns:
    """Predictions of some days and what became of their flights; every array has n rows, in order of `as_of`."""

    prediction_id: npt.NDArray[np.str_]
    flight_id: npt.NDArray[np.str_]
    carrier: npt.NDArray[np.str_]
    origin: npt.NDArray[np.str_]
    dest: npt.NDArray[np.str_]
    sched_dep: npt.NDArray[np.int64]
    sched_arr: npt.NDArray[np.int64]
    as_of: npt.NDArray[np.int64]
    lead_minutes: npt.NDArray[np.int64]
    state_tick: npt.NDArray[np.int64]
    contract_hash: npt.NDArray[np.str_]
    probability: Floats
    model_version: npt.NDArray[np.int64]
    challenger_version: npt.NDArray[np.int64]
    """-1 where no challenger was scored."""
    challenger_probability: Floats
    """NaN where no challenger was scored."""
    latency_us: npt.NDArray[np.int64]
    arr_delay_minutes: Floats
    """NaN where no label is known."""
    is_late: Floats
    """1 or 0; NaN where no label is known."""
    features: Floats
    """Shape (n, n_features) when a contract was asked for, else (n, 0)."""

    def __len__(self) -> int:
        return len(self.as_of)

    def take(self, rows: npt.NDArray[np.bool_] | npt.NDArray[np.int64]) -> "PredictionColumns":
        """Keep some rows."""
        return PredictionColumns(**{f.name: getattr(self, f.name)[rows] for f in fields(self)})


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


def columns_of_rows(rows: Sequence[tuple[Any, ...]], with_features: bool) -> PredictionColumns:
    """Return the columns of the rows of a query that selects what `PredictionColumns` holds, features as text."""
    names = [f.name for f in fields(PredictionColumns)]
    columns = dict(zip(names, zip(*rows, strict=True) if rows else [()] * len(names), strict=True))
    arrays: dict[str, npt.NDArray[Any]] = {}
    for name in names[:-1]:
        arrays[name] = _typed(name, columns[name])
    arrays["features"] = _feature_matrix(columns["features"], with_features)
    return PredictionColumns(**arrays)


def _typed(name: str, values: Sequence[Any]) -> npt.NDArray[Any]:
    if name in ("sched_dep", "sched_arr", "as_of", "state_tick"):
        return np.array([minute_floor(v) for v in values], dtype=np.int64)
    if name in ("lead_minutes", "model_version", "challenger_version", "latency_us"):
        return np.array([-1 if v is None else v for v in values], dtype=np.int64)
    if name in ("probability", "challenger_probability", "arr_delay_minutes", "is_late"):
        return np.array([np.nan if v is None else v for v in values], dtype=np.float64)
    return np.array(values, dtype=np.str_)


def _feature_matrix(values: Sequence[str | None], with_features: bool) -> Floats:
    """Parse arrays in PostgreSQL's text form, all of one length, at once."""
    if not with_features or not values:
        return np.empty((len(values), 0))
    joined = ",".join(cast(str, v)[1:-1] for v in values)
    return np.array(joined.split(","), dtype=np.float64).reshape(len(values), -1)
