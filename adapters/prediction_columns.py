"""Predictions of some days as columns, with what became of their flights: what monitoring and reports compute on."""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Any, cast

import numpy as np
import numpy.typing as npt

from domain.clock import minute_floor
from domain.flights import Floats


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
