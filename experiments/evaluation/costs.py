"""What warnings cost an operator: a missed late flight against a false warning, by the threshold of the warning."""

import numpy as np
import numpy.typing as npt

from domain.flights import Floats

RATIOS = (1, 2, 5, 10, 20)
"""A missed late flight costs so many false warnings."""
THRESHOLDS = tuple(round(float(t), 2) for t in np.arange(0.02, 0.99, 0.02))
PER = 1000


def cost_curve(late: npt.NDArray[np.bool_], probability: Floats) -> list[dict[str, float]]:
    """Return the cost per 1,000 flights, in false warnings, by ratio.

    `cost` is that of warning from the threshold that calibrated probabilities call for, 1 / (1 + ratio); `best` is
    the smallest over that one and `THRESHOLDS`, known only afterwards; `never` and `always` need no model.
    """
    rows = []
    for ratio in RATIOS:
        called = 1 / (1 + ratio)
        thresholds = (called, *THRESHOLDS)
        costs = [_cost(late, probability, t, ratio) for t in thresholds]
        rows.append(
            {
                "ratio": float(ratio),
                "threshold": called,
                "cost": costs[0],
                "best": min(costs),
                "best_threshold": thresholds[int(np.argmin(costs))],
                "never": _cost(late, probability, 2.0, ratio),
                "always": _cost(late, probability, 0.0, ratio),
                "warned": float((probability >= called).mean()),
            }
        )
    return rows


def swept(late: npt.NDArray[np.bool_], probability: Floats, ratio: float) -> list[float]:
    """Return the cost at each of `THRESHOLDS`."""
    return [_cost(late, probability, threshold, ratio) for threshold in THRESHOLDS]


def _cost(late: npt.NDArray[np.bool_], probability: Floats, threshold: float, ratio: float) -> float:
    warned = probability >= threshold
    missed, false = (late & ~warned).mean(), (~late & warned).mean()
    return float(PER * (ratio * missed + false))
