"""What a monitoring run adds to the traces of predictions."""

import time
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np

from adapters import telemetry
from adapters.prediction_columns import PredictionColumns
from domain.metrics import log_loss
from flows.tasks.inputs import RunContext

if TYPE_CHECKING:
    from adapters.traces import Traces


@lru_cache(maxsize=1)
def traces() -> "Traces | None":
    """Return where this process records, made once; None where traces are off."""
    return telemetry.begin("flows")


def trace_scored(run: RunContext, predictions: PredictionColumns) -> None:
    """Add to the traces of the run's predictions how they were scored by their labels; nothing where traces are off."""
    found = traces()
    if found is None:
        return
    ended = time.time_ns()
    began = ended - int((time.monotonic() - run.started) * 1e9)
    rows = {str(predictions.prediction_id[i]): i for i in np.flatnonzero(~np.isnan(predictions.is_late))}
    for prediction in found.chosen(rows):
        late = predictions.is_late[[rows[prediction]]] == 1
        probability = predictions.probability[[rows[prediction]]]
        described = {
            "ontime.monitored_day": run.day.isoformat(),
            "ontime.label.late": bool(late[0]),
            "ontime.label.arr_delay_minutes": float(predictions.arr_delay_minutes[rows[prediction]]),
            "ontime.probability": float(probability[0]),
            "ontime.log_loss": log_loss(late, probability),
        }
        found.child(found.root_of(prediction), "score", began, ended, attributes=described)
    found.flush()
