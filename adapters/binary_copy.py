"""COPY in its binary form, whole columns at a time.

When every field of a row has a fixed width and none is null, the stream is an array of equal records, which numpy
reads and writes without looking at a single row. Callers keep to that with sentinels: 'infinity' for a moment that
does not exist, padded text, a number outside its range.
"""

import io
from collections.abc import Mapping
from typing import Any, cast

import numpy as np
import numpy.typing as npt

from adapters.postgres import Cursor
from domain.clock import NEVER

SIGNATURE = b"PGCOPY\n\xff\r\n\0" + bytes(8)
TRAILER = b"\xff\xff"
TIMESTAMP = ">i8"
INT4 = ">i4"
INT8 = ">i8"
FLOAT8 = ">f8"
POSTGRES_EPOCH_US = 946_684_800_000_000
"""2000-01-01, from which PostgreSQL counts microseconds."""
INFINITY = np.iinfo(np.int64).max
"""PostgreSQL's 'infinity' among timestamps."""
MINUTE_US = 60_000_000
Columns = dict[str, npt.NDArray[Any]]


def record(widths: Mapping[str, str]) -> np.dtype[Any]:
    """Describe one row of the stream: before each field its length, before all of them their number."""
    fields: list[tuple[str, str]] = [("n_fields", ">i2")]
    for name, kind in widths.items():
        fields += [(f"{name}_bytes", ">i4"), (name, kind)]
    return np.dtype(fields)


def encode(columns: Columns, widths: Mapping[str, str]) -> bytes:
    """Write columns of equal length as a stream; text is padded with blanks to its width."""
    n = len(next(iter(columns.values())))
    rows = np.zeros(n, dtype=record(widths))
    rows["n_fields"] = len(widths)
    for name, kind in widths.items():
        field = np.dtype(kind)
        rows[f"{name}_bytes"] = field.itemsize
        values = columns[name]
        rows[name] = np.char.ljust(values.astype(kind), field.itemsize) if field.kind == "S" else values
    return SIGNATURE + rows.tobytes() + TRAILER


def decode(stream: bytes, widths: Mapping[str, str]) -> Columns:
    """Read a stream into columns, in the machine's own byte order; text becomes str.

    Raises
    ------
    ValueError
        If a field is null or has another width.
    """
    row = record(widths)
    size = len(stream) - len(SIGNATURE) - len(TRAILER)
    if size % row.itemsize:
        raise ValueError(f"expected records of {row.itemsize} bytes, got {size} bytes")
    rows = np.frombuffer(stream, dtype=row, offset=len(SIGNATURE), count=size // row.itemsize)
    columns: Columns = {}
    for name, kind in widths.items():
        field = np.dtype(kind)
        if not (rows[f"{name}_bytes"] == field.itemsize).all():
            raise ValueError(f"expected {field.itemsize} bytes in every {name}")
        columns[name] = _native(rows[name], field)
    return columns


def _native(values: npt.NDArray[Any], field: np.dtype[Any]) -> npt.NDArray[Any]:
    if field.kind == "S":
        return np.char.rstrip(np.ascontiguousarray(values)).astype(f"U{field.itemsize}")
    return values.astype(field.newbyteorder("="))


def send(cursor: Cursor, table: str, columns: Columns, widths: Mapping[str, str]) -> None:
    """Append columns to a table whose columns are those of `widths`, in that order."""
    statement = f"COPY {table} ({', '.join(widths)}) FROM STDIN (FORMAT binary)"
    cursor.copy_expert(statement, io.BytesIO(encode(columns, widths)))


def fetch(
    cursor: Cursor, statement: str, parameters: Mapping[str, Any], widths: Mapping[str, str]
) -> Columns:
    """Run a SELECT whose columns are those of `widths`, in that order, and return them as arrays."""
    select = cursor.mogrify(statement, parameters).decode()
    sink = io.BytesIO()
    cursor.copy_expert(f"COPY ({select}) TO STDOUT (FORMAT binary)", sink)
    return decode(sink.getvalue(), widths)


def minutes_down(timestamps: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """Return the minutes since 1970 of PostgreSQL's microseconds, rounded down; 'infinity' becomes NEVER."""
    return _minutes(timestamps, 0)


def minutes_up(timestamps: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """Return the minutes since 1970, rounded up: nothing is known early."""
    return _minutes(timestamps, MINUTE_US - 1)


def _minutes(timestamps: npt.NDArray[np.int64], add: int) -> npt.NDArray[np.int64]:
    missing = timestamps == INFINITY
    moments = np.where(missing, 0, timestamps) + POSTGRES_EPOCH_US + add
    return cast(npt.NDArray[np.int64], np.where(missing, NEVER, moments // MINUTE_US))


def from_datetime64(moments: npt.NDArray[np.datetime64]) -> npt.NDArray[np.int64]:
    """Return PostgreSQL's microseconds of UTC moments; NaT becomes 'infinity'."""
    counted = moments.astype("datetime64[us]").astype(np.int64) - POSTGRES_EPOCH_US
    return np.where(np.isnat(moments), INFINITY, counted)
