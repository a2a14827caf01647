"""A prediction as a line of the spool, in COPY's text form: the API writes it, the shipper and PostgreSQL read it."""

import math
import re
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any

import numpy as np
import orjson

from adapters.spool import HEADER_MARK
from domain.errors import OntimeError
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
