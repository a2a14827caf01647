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
    [features] = array_texts(r.features[None, :])
    return copy_line(
        _text(r.prediction_id),
        _text(r.request_id),
        flight_text(
            r.flight_id,
            r.carrier,
            r.flight_number,
            r.origin,
            r.dest,
            r.scheduled_departure,
            r.scheduled_arrival,
        ),
        r.as_of.isoformat(),
        r.lead_minutes,
        r.state_tick.isoformat(),
        features,
        _text(r.contract_hash),
        real_text(r.probability),
        r.model_version,
        challenger_text(r.challenger_version, r.challenger_probability),
        r.latency_us,
        r.served_at.isoformat(),
    )


def copy_line(
    prediction_id: str,
    request_id: str,
    flight: str,
    as_of: str,
    lead_minutes: int,
    state_tick: str,
    features: bytes,
    contract_hash: str,
    probability: str,
    model_version: int,
    challenger: str,
    latency_us: int,
    served_at: str,
) -> bytes:
    """Write a line from parts that are in COPY's text form already: what many lines share is formed once.

    Parameters
    ----------
    flight, features, challenger
        As `flight_text`, `array_texts` and `challenger_text` return them; `probability` as `real_text` does.
    """
    head = f"{prediction_id}\t{request_id}\t{flight}\t{as_of}\t{lead_minutes}\t{state_tick}\t"
    tail = f"\t{contract_hash}\t{probability}\t{model_version}\t{challenger}\t{latency_us}\t{served_at}\n"
    return head.encode("utf-8", "replace") + features + tail.encode("utf-8", "replace")


def flight_text(
    flight_id: str, carrier: str, number: int, origin: str, dest: str, departure: datetime, arrival: datetime
) -> str:
    """Return the columns of a line that name a flight and its schedule."""
    names = f"{_text(flight_id)}\t{_text(carrier)}\t{number}\t{_text(origin)}\t{_text(dest)}"
    return f"{names}\t{departure.isoformat()}\t{arrival.isoformat()}"


def challenger_text(version: int | None, probability: float | None) -> str:
    """Return the columns of a line that hold what the challenger said."""
    return f"{_whole(version)}\t{real_text(probability)}"


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
    if len(set(names)) < len(names):
        raise UnknownColumns(f"expected a header with each column once, got {header!r}")
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


def real_text(value: float | None) -> str:
    """Write a float so that the same float is read back."""
    if value is None:
        return r"\N"
    value = float(value)
    if math.isfinite(value):
        return repr(value)
    return "NaN" if math.isnan(value) else ("Infinity" if value > 0 else "-Infinity")


def array_texts(rows: Floats) -> list[bytes]:
    """Write each row of shape (n, n_features) as an array of PostgreSQL; the same floats are read back.

    All rows at once: one call for a thousand costs half of a thousand calls.
    """
    values = np.ascontiguousarray(rows, dtype=np.float64)
    if not values.size or np.isinf(values).any():
        return [("{" + ",".join(map(real_text, row)) + "}").encode() for row in values.tolist()]
    # orjson writes the shortest text that reads back as the same float, 20 times faster than repr; null = NaN.
    texts = orjson.dumps(values, option=orjson.OPT_SERIALIZE_NUMPY).replace(b"null", b"NaN")
    return [b"{" + text + b"}" for text in texts[2:-2].split(b"],[")]


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
