"""Every metric with its interval from one bootstrap over days, overall and by group."""

import numpy as np
import numpy.typing as npt

from domain.bootstrap import DRAWS, RankedRows, bootstrap, percentile_interval
from domain.flights import Floats, Ints
from domain.metrics import METRICS, Labels


def quality(
    late: Labels, probability: Floats, day: Ints, draws: int = DRAWS, seed: int = 0
) -> dict[str, float]:
    """Return every metric of n rows, with `_low` and `_high` of its 95% interval, `n` and `late_rate`.

    Where all labels are the same, AUC and average precision are NaN.
    """
    rows, once = RankedRows.of(late, probability), np.ones((1, len(late)))
    found = {name: float(rows.metric(name, once)[0]) for name in METRICS}
    for name, drawn in bootstrap(late, probability, day, draws=draws, seed=seed).items():
        found[f"{name}_low"], found[f"{name}_high"] = percentile_interval(drawn)
    return found | {
        "n": float(len(late)),
        "late_rate": float(late.mean()),
        "days": float(len(np.unique(day))),
    }


def by_name(
    late: Labels, probability: Floats, day: Ints, names: npt.NDArray[np.generic]
) -> dict[str, dict[str, float]]:
    """Return the quality of each group of rows that share a name, names ascending."""
    groups = {str(name): names == name for name in np.unique(names)}
    return {name: quality(late[rows], probability[rows], day[rows]) for name, rows in groups.items()}
