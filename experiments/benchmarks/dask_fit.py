"""What workers are worth for one fit: the trees of half a year on this process, on one worker and on two."""

import time
from collections.abc import Mapping
from datetime import UTC, date, datetime
from typing import Any

from adapters.engine import TreeWorkers
from adapters.terminal import Say
from data.facts import FactsInMemory
from domain.flights import FlightFacts, WeatherFacts
from domain.metrics import summary
from experiments.markdown import table
from training.train import TreeParameters, fit_trees
from training.training_set import HEADLINE_LEAD, build

FIT_FROM, FIT_UNTIL, HELD_OUT_UNTIL = date(2013, 1, 1), date(2013, 6, 30), date(2013, 7, 31)
AS_OF = datetime(2013, 8, 2, tzinfo=UTC)
SEED = 2013


def measure(
    year: tuple[FlightFacts, WeatherFacts], engines: Mapping[str, TreeWorkers | None], say: Say
) -> dict[str, Any]:
    """Fit on every engine, None being this process; return seconds, and the log-loss of days after the fit's."""
    rows = build(FactsInMemory(*year), FIT_FROM, HELD_OUT_UNTIL, AS_OF, (HEADLINE_LEAD,), extra_leads=0)
    earlier = rows.day <= int(f"{FIT_UNTIL:%Y%m%d}")
    fit, held_out = rows.take(earlier), rows.take(~earlier)
    parameters, seconds, log_loss = TreeParameters(), {}, {}
    for name, workers in engines.items():
        began = time.perf_counter()
        trees = fit_trees(fit, parameters, SEED, workers=workers)
        seconds[name] = round(time.perf_counter() - began, 1)
        log_loss[name] = round(summary(held_out.y, trees.probability(held_out.X))["log_loss"], 5)
        say(f"a fit of {name}: {seconds[name]:.1f} s, log-loss {log_loss[name]:.5f}")
    return {
        "rows": len(fit),
        "held_out": len(held_out),
        "trees": parameters.n_trees,
        "seconds": seconds,
        "log_loss": log_loss,
    }


def text(found: Mapping[str, Any]) -> str:
    """Write the section of the page."""
    seconds, log_loss = found["seconds"], found["log_loss"]
    here = next(iter(seconds.values()))
    rows = [(name, f"{s:.1f} s ({here / s:.2f})", f"{log_loss[name]:.5f}") for name, s in seconds.items()]
    return f"""
## Trees that workers fit together

`ONTIME_FIT_ENGINE=dask` ([what differs](../adr/0032-dask-beside-one-machine.md)): {found["trees"]} trees on
{found["rows"]:,} flights of January to June, an hour before departure, and the log-loss of the trees alone on the
{found["held_out"]:,} of July. Dealing the rows is in the time of workers.

{table(("fitted by", "seconds", "log-loss"), rows)}
"""
