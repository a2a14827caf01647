"""How often rules page while nothing is wrong, and the bounds that keep that rare: pure, over days of the past.

Days are drawn in blocks of consecutive ones, as storms last: single days drawn alone would hide k-of-n rules that
fire on spells.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from domain.flights import Floats, Ints
from monitoring.rules import AlertRule

PAGES = ("warning", "critical")


@dataclass(frozen=True)
class CalibrationPolicy:
    """At how many pages in how many undisturbed days the bounds aim, by how many draws that is estimated."""

    days: int = 60
    pages: float = 1.0
    """Expected pages of all rules together in that many days, at most."""
    block_days: int = 7
    draws: int = 1_000
    seed: int = 2013


@dataclass(frozen=True)
class FalsePages:
    """Pages in undisturbed days."""

    mean: float
    share_above_one: float
    """Share of draws with more than one page."""
    by_rule: dict[str, float]
    """Mean by rule; those that never paged are left out."""


def false_pages(
    history: Mapping[str, Floats], rules: Sequence[AlertRule], policy: CalibrationPolicy | None = None
) -> FalsePages:
    """Count the pages that rules open over days drawn in blocks from undisturbed ones.

    Parameters
    ----------
    history : mapping of metric to float64, shape (n_days,)
        Values of consecutive days, oldest first; NaN where unknown. Rules on other metrics are left out.
    """
    policy = policy or CalibrationPolicy()
    watched = [rule for rule in rules if rule.severity in PAGES and rule.metric in history]
    if not watched:
        return FalsePages(0.0, 0.0, {})
    drawn = draw_days(len(next(iter(history.values()))), policy)
    counts = {rule.name: _openings(rule, np.asarray(history[rule.metric])[drawn]) for rule in watched}
    total = np.sum(list(counts.values()), axis=0)
    by_rule = {name: float(count.mean()) for name, count in counts.items() if count.any()}
    return FalsePages(float(total.mean()), float((total > 1).mean()), by_rule)


def calibrated(
    rules: Sequence[AlertRule], history: Mapping[str, Floats], policy: CalibrationPolicy | None = None
) -> list[AlertRule]:
    """Widen the bounds of rules that page too often; none becomes tighter than it is.

    Each rule may have an equal part of the pages that the policy allows.
    """
    policy = policy or CalibrationPolicy()
    watched = [rule for rule in rules if rule.severity in PAGES and rule.metric in history]
    if not watched:
        return list(rules)
    drawn = draw_days(len(next(iter(history.values()))), policy)
    allowed = policy.pages / len(watched)
    return [
        _widened(rule, np.asarray(history[rule.metric]), drawn, allowed) if rule in watched else rule
        for rule in rules
    ]


def draw_days(n: int, policy: CalibrationPolicy) -> Ints:
    """Return the positions of drawn days, shape (draws, days): blocks of consecutive days, the last one cut.

    Raises
    ------
    ValueError
        If there are fewer days than a block has.
    """
    if n < policy.block_days:
        raise ValueError(f"expected at least {policy.block_days} days to draw from, got {n}")
    blocks = -(-policy.days // policy.block_days)
    starts = np.random.default_rng(policy.seed).integers(0, n - policy.block_days + 1, (policy.draws, blocks))
    positions: Ints = (starts[:, :, None] + np.arange(policy.block_days)).reshape(policy.draws, -1)
    return positions[:, : policy.days]


def _openings(rule: AlertRule, values: Floats) -> npt.NDArray[np.int64]:
    """Count how often a rule opens an alert in each row of days, oldest first, shape (draws,)."""
    with np.errstate(invalid="ignore"):
        breach = (values > rule.bound) if rule.above else (values < rule.bound)
    padded = np.pad(breach, ((0, 0), (rule.n - 1, 0)))
    among = np.lib.stride_tricks.sliding_window_view(padded, rule.n, axis=1).sum(axis=2)
    firing = breach & (among >= rule.k)
    before = np.pad(firing, ((0, 0), (1, 0)))[:, :-1]
    opened: npt.NDArray[np.int64] = (firing & ~before).sum(axis=1)
    return opened


def _widened(rule: AlertRule, values: Floats, drawn: Ints, allowed: float) -> AlertRule:
    if _openings(rule, values[drawn]).mean() <= allowed:
        return rule
    beyond = values[np.isfinite(values)]
    beyond = np.sort(beyond[beyond >= rule.bound] if rule.above else -beyond[beyond <= rule.bound])
    for value in np.unique(beyond):
        wider = replace(rule, bound=float(value if rule.above else -value))
        if _openings(wider, values[drawn]).mean() <= allowed:
            return wider
    return rule
