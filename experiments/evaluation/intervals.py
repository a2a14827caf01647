"""Every metric with its interval from one bootstrap over weeks, overall and by group.

Weather lasts for days: days drawn one by one would make the intervals too narrow. A few weeks drawn again and again
would make them narrower still: of fewer than `MINIMUM_BLOCKS` weeks days are drawn, of fewer days nothing.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from domain.bootstrap import DRAWS, MINIMUM_BLOCKS, RankedRows, bootstrap, percentile_interval
from domain.flights import Floats, Ints
from domain.metrics import METRICS, Labels
from training.split import day_of


def quality(
    late: Labels, probability: Floats, day: Ints, draws: int = DRAWS, seed: int = 0
) -> dict[str, float]:
    """Return every metric of n rows, with `_low` and `_high` of its 95% interval over weeks, `n` and `late_rate`.

    Where all labels are the same, AUC and average precision are NaN; so are bounds where too few days are there.
    """
    rows, once = RankedRows.of(late, probability), np.ones((1, len(late)))
    found = {name: float(rows.metric(name, once)[0]) for name in METRICS}
    found |= {f"{name}{end}": float("nan") for name in METRICS for end in ("_low", "_high")}
    drawn_from = _blocks_of(day)
    if drawn_from is not None:
        for name, drawn in bootstrap(late, probability, drawn_from, draws=draws, seed=seed).items():
            found[f"{name}_low"], found[f"{name}_high"] = percentile_interval(drawn)
    return found | {
        "n": float(len(late)),
        "late_rate": float(late.mean()),
        "days": float(len(np.unique(day))),
    }


def _blocks_of(day: Ints) -> Ints | None:
    """Return the week of each row, or its day where weeks are few; None where days are few too."""
    return next((of for of in (weeks_of(day), day) if len(np.unique(of)) >= MINIMUM_BLOCKS), None)


def weeks_of(day: Ints) -> Ints:
    """Return the number of the week of each local date YYYYMMDD, Monday first; shape (n,).

    Examples
    --------
    >>> weeks = weeks_of(np.array([20130106, 20130107, 20130113, 20130114]))
    >>> (weeks - weeks[0]).tolist()
    [0, 1, 1, 2]
    """
    dates, position = np.unique(day, return_inverse=True)
    weeks = np.array([(day_of(int(date)).toordinal() - 1) // 7 for date in dates], dtype=np.int64)
    return weeks[position.reshape(-1)]


def by_name(
    late: Labels, probability: Floats, day: Ints, names: npt.NDArray[np.generic]
) -> dict[str, dict[str, float]]:
    """Return the quality of each group of rows that share a name, names ascending."""
    groups = {str(name): names == name for name in np.unique(names)}
    return {name: quality(late[rows], probability[rows], day[rows]) for name, rows in groups.items()}


def blocks(found: Mapping[str, Any]) -> str:
    """Return what the intervals of some figures draw: weeks, or days in files of earlier commands."""
    return str(found.get("blocks", "days"))
