"""What a fit of so many days costs: `python -m experiments.capacity.training DATA DAYS`."""

import json
import sys
import time
from datetime import timedelta
from pathlib import Path
from typing import Any

from data.dataset import load_dataset
from data.facts import FactsInMemory, facts_of
from experiments.benchmarks.world import NOW
from experiments.capacity.meters import peak_bytes
from training import run
from training.split import SplitPolicy
from training.train import TreeParameters


def measure(data_dir: Path, days: int, parameters: TreeParameters | None = None) -> dict[str, Any]:
    """Build the training set of the newest days and fit; return rows, CPU seconds and the peak of memory."""
    flights, weather = facts_of(load_dataset(data_dir).events)
    last = (NOW - timedelta(days=2)).date()
    request = run.TrainingRequest(
        last - timedelta(days=days - 1),
        last,
        NOW,
        "bench",
        parameters=parameters or TreeParameters(),
        split=SplitPolicy(evaluation_days=3, minimum_fit_days=days - 8),
    )
    began = time.process_time()
    made = run.make_model(FactsInMemory(flights, weather), request)
    seconds = time.process_time() - began
    return {
        "days": days,
        "rows": len(made.rows),
        "cpu_seconds": round(seconds, 1),
        "peak_bytes": peak_bytes(),
    }


if __name__ == "__main__":
    print(json.dumps(measure(Path(sys.argv[1]), int(sys.argv[2]))))
