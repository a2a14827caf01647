"""Alert rules as data: which measure, past which bound, on how many of how many nights, how severe, what to do."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

Severity = Literal["info", "warning", "critical"]


@dataclass(frozen=True)
class AlertRule:
    """A rule; it fires when `k` of the newest `n` nights breach the bound."""

    name: str
    metric: str
    bound: float
    severity: Severity
    advice: str
    above: bool = True
    """Whether a breach is above the bound, or below it."""
    k: int = 1
    n: int = 1
    minimum_rows: int = 0

    def is_breach(self, value: float, rows: int | None) -> bool:
        """Whether one night's value is past the bound; a night with too few rows is not judged."""
        if value != value or (rows or 0) < self.minimum_rows:
            return False
        return value > self.bound if self.above else value < self.bound


NIGHTLY: tuple[AlertRule, ...] = (
    AlertRule("features drifted", "drift_columns", 0, "info", "Look at the drift report: season, feed or sensor?"),
    AlertRule(
        "losing more than expected", "log_loss_gap", 0.08, "warning",
        "Look at the slices; a retrain follows when it lasts.", k=3, n=7, minimum_rows=300,
    ),
    AlertRule(
        "ranking is poor", "realised_auc", 0.62, "warning",
        "Look at the slices: one airport, or all?", above=False, k=2, n=3, minimum_rows=300,
    ),
    AlertRule(
        "served features are not training's", "parity_mismatches", 0, "critical",
        "Stop promoting; compare the logged vectors with the event log.",
    ),
    AlertRule(
        "features are stale", "feature_age_minutes_max", 15, "warning", "Is the feature refresher keeping up?",
    ),
    AlertRule("values are missing", "missing_excess", 0.2, "warning", "Which sensor or feed stopped sending?"),
    AlertRule("answers are slow", "latency_us_p99", 100_000, "warning", "Is the machine overloaded?"),
    AlertRule(
        "few flights were predicted", "schedule_coverage", 0.5, "warning", "Is a client or the feed down?", above=False,
    ),
)  # fmt: skip


@dataclass(frozen=True)
class Alert:
    """A rule that fires on a night."""

    rule: str
    severity: Severity
    message: str
    evidence: dict[str, Any]


def evaluate(
    rules: Sequence[AlertRule], history: Mapping[str, Sequence[tuple[str, float, int | None]]]
) -> list[Alert]:
    """Hold the newest nights against the rules.

    Parameters
    ----------
    history : mapping of metric to nights
        Each night: day, value, rows; newest first.
    """
    alerts = []
    for rule in rules:
        nights = list(history.get(rule.metric, ()))[: rule.n]
        breaches = [(day, value) for day, value, rows in nights if rule.is_breach(value, rows)]
        # The newest night must breach: an alert resolves on the first good night.
        if len(breaches) >= rule.k and breaches[0][0] == nights[0][0]:
            alerts.append(_alert(rule, breaches))
    return alerts


def _alert(rule: AlertRule, breaches: list[tuple[str, float]]) -> Alert:
    day, value = breaches[0]
    side = "above" if rule.above else "below"
    message = f"{rule.name}: {rule.metric} is {value:.4g} on {day}, {side} {rule.bound:g}"
    if rule.n > 1:
        message += f", {len(breaches)} of {rule.n} nights"
    evidence = {"metric": rule.metric, "bound": rule.bound, "nights": dict(breaches)}
    return Alert(rule.name, rule.severity, f"{message}. {rule.advice}", evidence)
