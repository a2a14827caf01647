"""How far a day may lie from the reference by chance: distances, and thresholds from days of the reference itself.

Evidently's defaults assume independent rows. Flights of one day share its weather, so that a day without any change
lies beyond them every time. Here each day of the reference is compared with all its other days: the distances that
come out are what "no drift" looks like, and the thresholds leave a stated share of such days outside.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from domain.bootstrap import draw_blocks
from domain.flights import Floats, Ints

GRID_POINTS = 2048
TYPICAL = 0.9
"""Quantile of a column's distances that makes columns comparable before the worst of them is taken."""
SMALLEST = 1e-3
"""No threshold is below: a column that never moves would be flagged at its first rounding."""


@dataclass(frozen=True)
class ThresholdPolicy:
    """How often a day without drift may flag any column at all, and how many days make a window."""

    false_alarm_rate: float = 0.05
    window_days: int = 1
    minimum_days: int = 14
    draws: int = 2_000
    seed: int = 2013


def wasserstein(reference: Floats, current: Floats) -> float:
    """Return the Wasserstein distance over the reference's standard deviation: mean shift of a value, in deviations.

    The same number as Evidently's method "wasserstein".

    Examples
    --------
    >>> wasserstein(np.array([-1.0, 1.0]), np.array([0.0, 2.0]))
    1.0
    """
    values = np.sort(np.concatenate([reference, current]))
    gaps = np.diff(values)
    shares = [np.searchsorted(np.sort(x), values[:-1], side="right") / len(x) for x in (reference, current)]
    return float((np.abs(shares[0] - shares[1]) * gaps).sum() / max(float(reference.std()), 0.001))


def jensen_shannon(reference: Floats, current: Floats) -> float:
    """Return the Jensen-Shannon distance of two counts of the same categories, natural logarithm, in [0, 0.833].

    The same number as Evidently's method "jensenshannon".

    Examples
    --------
    >>> jensen_shannon(np.array([5.0, 5.0]), np.array([10.0, 10.0]))
    0.0
    """
    p, q = reference / reference.sum(), current / current.sum()
    m = (p + q) / 2
    divergence = sum((side[side > 0] * np.log(side[side > 0] / m[side > 0])).sum() for side in (p, q))
    return float(np.sqrt(max(divergence / 2, 0.0)))


def day_distances(values: Floats, day: Ints, categorical: bool, window_days: int = 1) -> Floats:
    """Return the distance of every run of consecutive days of a column from all its other days.

    Parameters
    ----------
    values : float64, shape (n,)
        NaN where missing.
    day : int64, shape (n,)
        Equal within a day, ascending over days.

    Returns
    -------
    float64, shape (n_days - window_days + 1,)
        NaN for a run without values.
    """
    days, position = np.unique(day, return_inverse=True)
    known = np.isfinite(values)
    position, values = position.reshape(-1)[known], values[known]
    n_runs = len(days) - window_days + 1
    if not len(values):
        return np.full(max(n_runs, 0), np.nan)
    edges = np.unique(values) if categorical else _grid(values)
    cell = np.searchsorted(edges, values) if categorical else np.searchsorted(edges, values, side="left")
    table = np.zeros((len(days), len(edges)))
    np.add.at(table, (position, np.minimum(cell, len(edges) - 1)), 1.0)
    runs = _runs(table, window_days)
    rest = table.sum(axis=0) - runs
    if categorical:
        return np.array([_split(a, b) for a, b in zip(rest, runs, strict=True)])
    return _shifts(runs, rest, edges, max(float(values.std()), 0.001))


def thresholds(distances: dict[str, Floats], policy: ThresholdPolicy) -> dict[str, float]:
    """Set a threshold a column so that a window without drift flags any of them as rarely as the policy says.

    Columns are made comparable by their own usual distance; then whole runs are drawn with replacement, the worst
    column of each is taken, and one factor on all columns leaves the stated share of the draws outside.

    Parameters
    ----------
    distances : dict
        By column, from `day_distances`; all of one length, a run at one position.

    Returns
    -------
    dict
        By column; a column without any distance has none.

    Raises
    ------
    ValueError
        If there are too few runs to speak of a rate.
    """
    kept = {name: d for name, d in distances.items() if np.isfinite(d).any()}
    if not kept:
        return {}
    table = np.array(list(kept.values()))
    if table.shape[1] < policy.minimum_days:
        raise ValueError(f"expected a reference of at least {policy.minimum_days} days, got {table.shape[1]}")
    usual = np.maximum(np.nanquantile(table, TYPICAL, axis=1), SMALLEST)
    worst = np.nanmax(table / usual[:, None], axis=0)
    factor = _upper_quantile(worst, policy)
    return {name: float(u * factor) for name, u in zip(kept, usual, strict=True)}


def _upper_quantile(worst: Floats, policy: ThresholdPolicy) -> float:
    """Return the quantile of the worst run, averaged over bootstrap draws, from the side that flags less."""
    drawn = worst[draw_blocks(len(worst), policy.draws, policy.seed)]
    quantiles = np.quantile(drawn, 1 - policy.false_alarm_rate, axis=1, method="higher")
    return float(quantiles.mean())


def _grid(values: Floats) -> Floats:
    return np.unique(np.quantile(values, np.linspace(0, 1, GRID_POINTS), method="higher"))


def _runs(table: npt.NDArray[np.float64], window_days: int) -> Floats:
    sums = np.cumsum(np.vstack([np.zeros(table.shape[1]), table]), axis=0)
    runs: Floats = sums[window_days:] - sums[:-window_days]
    return runs


def _shifts(runs: Floats, rest: Floats, edges: Floats, deviation: float) -> Floats:
    with np.errstate(invalid="ignore", divide="ignore"):
        shares = [np.cumsum(t, axis=1) / t.sum(axis=1, keepdims=True) for t in (runs, rest)]
    gaps = np.diff(edges)
    shifts: Floats = (np.abs(shares[0] - shares[1])[:, :-1] * gaps).sum(axis=1) / deviation
    return shifts


def _split(reference: Floats, current: Floats) -> float:
    return jensen_shannon(reference, current) if reference.sum() and current.sum() else float("nan")
