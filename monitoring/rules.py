"""Alert rules as data: which measure, past which bound, on how many of how many days, how severe, what to do."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import takewhile
from typing import Any

from domain import runbook
from domain.monitored import ALL, RULES_UNABLE
from domain.watch_rule import Severity, WatchRule
from monitoring.measures import Measure


@dataclass(frozen=True)
class AlertRule:
    """A rule; it fires when `k` of the newest `n` days breach the bound."""

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

    def can_evaluate(self, value: float, rows: int | None) -> bool:
        """Return whether one day's value is known, from rows enough."""
        return value == value and (rows or 0) >= self.minimum_rows

    def is_breach(self, value: float, rows: int | None) -> bool:
        """Return whether one day's value is past the bound; a day with too few rows is not evaluated."""
        if not self.can_evaluate(value, rows):
            return False
        return value > self.bound if self.above else value < self.bound


LOSES_MORE = "losing more than expected"
"""The rule of concept drift: its account of evidence has a stated error rate, however often it is read."""
NIGHTLY: tuple[AlertRule, ...] = (
    # Feeds: a fault shows on its own day. Bounds lie beyond every undisturbed day; `calibration` says how rarely not.
    AlertRule(
        "a weather sensor is stuck", "weather_stuck_hours", 17, "warning",
        "One value, hour after hour: see the slices for the station; is its feed repeating itself?",
    ),
    AlertRule(
        "a weather station repeats itself", "weather_frozen_hours", 3, "warning",
        "No value of a station moves: see the slices for which; is its feed repeating itself?",
    ),
    AlertRule(
        "weather is missing", "weather_missing_excess", 0.4, "warning",
        "See the slices for station and column: which sensor or feed stopped sending?",
    ),
    AlertRule(
        "weather pressure is missing", "weather_pressure_missing_excess", 0.55, "warning",
        "See the slices for the station: did its barometer stop sending?",
    ),
    AlertRule(
        "weather is stale", "weather_age_hours", 3, "warning",
        "A station has sent nothing for hours: see the slices for which.",
    ),
    AlertRule(
        "weather contradicts itself", "weather_contradiction", 2, "warning",
        "Temperature, dewpoint and humidity do not fit together: did a station change its unit?", k=1, n=1,
    ),
    AlertRule(
        "a station contradicts its neighbours", "weather_station_gap", 6.5, "warning",
        "One airport's weather is far from the others': a wrong unit, or a sensor out of order?",
    ),
    AlertRule(
        "the weather jumped", "weather_jump", 9, "warning",
        "Far from the four weeks before, at once: a wrong unit at every station?",
    ),
    AlertRule(
        "traffic is doubled", "volume_ratio", 1.4, "warning",
        "Far more flights than on this weekday of other weeks: is a feed read twice?",
    ),
    AlertRule(
        "an airport's traffic is doubled", "volume_origin_high", 1.5, "warning",
        "See the slices for the airport: is its feed read twice?",
    ),
    AlertRule(
        "requests are doubled", "request_ratio", 1.6, "warning",
        "Far more predictions than on other days: a client that asks twice, or load from outside?",
    ),
    AlertRule(
        "an airport has hardly a flight", "volume_origin_low", 0.5, "warning",
        "See the slices for the airport: closed, or its schedule no longer sent?", above=False,
    ),
    AlertRule(
        "an airport is closed", "departed_origin_low", 0.25, "warning",
        "See the slices for the airport: hardly a departure. Weather, or its feed?", above=False,
    ),
    AlertRule(
        "a carrier vanished", "volume_carrier_low", 0.3, "warning",
        "See the slices for the carrier: was its code renamed? Then map it, and the model sees it again.",
        above=False,
    ),
    AlertRule(
        "an unknown carrier appeared", "new_carrier_share", 0.004, "warning",
        "A code that is new this week flies a lot: a renamed carrier? Then map it.",
    ),
    AlertRule(
        "an unknown origin appeared", "new_origin_share", 0.004, "warning",
        "A code that is new this week: a renamed airport, or a feed from elsewhere?",
    ),
    AlertRule(
        "hours have moved", "hour_profile_gap", 0.09, "warning",
        "Flights are at other local hours than on this weekday of other weeks: a time zone, or hours lost?",
    ),
    AlertRule(
        "many cancellations", "cancelled_share", 0.3, "info", "Weather, a strike, or a feed that cancels what flies?",
    ),
    AlertRule(
        "arrivals are overdue", "arrivals_overdue_share", 0.05, "warning",
        "Flights that must have landed have not arrived: is the feed of arrivals late?",
    ),
    AlertRule(
        "labels are overdue", "labels_missing_share", 0.05, "warning",
        "Flights that must have landed have no label: is the label feed late? No retrain sees these days.",
    ),
    AlertRule(
        "departures are stale", "departures_age_hours", 14, "warning", "Is the feed of departures down?",
    ),
    AlertRule(
        "arrivals are stale", "arrivals_age_hours", 12, "warning", "Is the feed of arrivals down?",
    ),
    # The model.
    AlertRule(
        "flights lose time on the way", "en_route_shift_minutes", 13.5, "warning",
        "For two days arrivals fall behind departures as never in four weeks: a storm, or a change that lasts?",
    ),
    AlertRule(
        "flights lose time on the ground", "ground_shift_minutes", 10, "warning",
        "For two days flights arrive later than departure and time in the air say: procedures, gates, or the feed?",
    ),
    AlertRule(
        "later than estimated", "late_rate_gap", 0.19, "warning",
        "Far more flights late than the model expects: a concept change? The next retrain learns from it.",
        k=2, n=2, minimum_rows=300,
    ),
    AlertRule(
        LOSES_MORE, "performance_evidence", 120, "warning",
        "The days' losses beyond what the model expected add up to more than chance: look at the slices, and at the "
        "feeds. A retrain follows at once, where enough labels are new.",
    ),
    AlertRule(
        "ranking is poor", "realised_auc", 0.56, "warning",
        "Look at the slices: one airport, or all?", above=False, k=2, n=3, minimum_rows=300,
    ),
    AlertRule("features drifted", "drift_columns", 0, "info", "Look at the drift report: season, feed or sensor?"),
    AlertRule(
        "features drifted from the weeks before", "drift_trailing_columns", 0, "info",
        "Unlike the four weeks just served, so not the season: a storm, a feed or a sensor?",
    ),
    AlertRule(
        "predictions drifted", "prediction_drift_trailing", 1, "info",
        "The model says other things than in the four weeks before: see which features moved with it.",
    ),
    AlertRule(
        "an artifact was refused", "refused_artifacts", 0, "critical",
        "A model's files are not those that were signed: do not promote; find out who changed them.",
    ),
    # The service.
    AlertRule(
        "served features are not training's", "parity_mismatches", 0, "critical",
        "Stop promoting; compare the logged vectors with the event log.",
    ),
    AlertRule(
        "a challenger waits for approval", "awaiting_approval", 0, "warning",
        "It held beside the champion: promote it by API, Prefect or command line, or delete its alias in MLflow.",
    ),
    AlertRule(
        "answers are missing in the log", "log_missing", 0, "critical",
        "Predictions were acknowledged and are not stored: look for *.refused in the spool, and for a lost volume.",
    ),
    AlertRule(
        "requests fail", "error_rate", 0.01, "warning",
        "Answers with 5xx: the API's log has each under its request_id.", minimum_rows=300,
    ),
    # Two days: a restart sheds for a moment, and a quiet day has few requests to set against it.
    AlertRule(
        "requests are shed", "shed_rate", 0.05, "warning",
        "Answers with 503: no state, no model, or no room in the spool? See /health/ready.",
        k=2, n=3, minimum_rows=300,
    ),
    AlertRule(
        "features are stale", "feature_age_minutes_max", 15, "warning", "Is the feature refresher keeping up?",
    ),
    AlertRule("values are missing", "missing_excess", 0.75, "warning", "Which sensor or feed stopped sending?"),
    AlertRule("answers are slow", "latency_us_p99", 100_000, "warning", "Is the machine overloaded?"),
    AlertRule(
        "few flights were predicted", "schedule_coverage", 0.5, "warning", "Is a client or the feed down?", above=False,
    ),
    AlertRule(
        "some rules cannot evaluate a day", RULES_UNABLE, 0, "info",
        "Too few days before, or too few flights: the slices of the measure name the rules. What they say is not "
        "that all is well.",
    ),
)  # fmt: skip


RUN_MISSED = WatchRule(
    "a day was not monitored", "critical",
    "Days were predicted and nobody looked at them: are Prefect's server and worker alive? The next run "
    "catches up by itself; the flow `backfill` does at once.",
)  # fmt: skip
PART_UNHEALTHY = WatchRule(
    "a part of the stack is not healthy", "critical",
    "It has not been for minutes, and what its process manager does did not help: `make status` says what is wrong.",
)  # fmt: skip
RETRAIN_UNENDED = WatchRule(
    "a retrain did not end", "critical",
    "It was decided and never reached the gate: its process was ended from outside, most often for memory. The next "
    "monitoring run decides again; the flow `retrain` trains at once.",
)  # fmt: skip
RUN_FAILED = WatchRule(
    "a monitoring run failed", "critical",
    "Its flow run in Prefect has the traceback. What it measured is kept; run the flow `nightly-monitoring` for "
    "that day again: it decides what it had not decided yet.",
)  # fmt: skip
FILES_REJECTED = WatchRule(
    "files were rejected", "warning",
    "What does not fit and why is in the folder `rejected` of the inbox: correct it, and drop it in again.",
)  # fmt: skip
MONTHS_NOT_KEPT = WatchRule(
    "months of the log are not kept", "warning",
    "The flow `partitions` failed: predictions that the policy keeps no longer are still there, and the coming month "
    "may have no partition. It runs again the next day; run it by hand at an hour when nobody reads the log for long.",
)  # fmt: skip


@dataclass(frozen=True)
class Alert:
    """A rule that fires on a day."""

    rule: str
    severity: Severity
    message: str
    evidence: dict[str, Any]


def unable(rules: Sequence[AlertRule], day: Mapping[str, tuple[float, int | None]]) -> list[str]:
    """Return the rules that cannot evaluate a day: their measure is missing, unknown, or of too few rows.

    Parameters
    ----------
    day : mapping of metric to value and rows
    """
    nothing = (float("nan"), None)
    return [
        rule.name
        for rule in rules
        if rule.metric != RULES_UNABLE and not rule.can_evaluate(*day.get(rule.metric, nothing))
    ]


def measure_unable(measures: Sequence[Measure]) -> list[Measure]:
    """Return how many rules cannot evaluate the day, and each as a slice: the rows it needs, and those it had."""
    today = {m.name: (m.value, m.n) for m in measures if m.slice == ALL}
    found = set(unable(NIGHTLY, today))
    return [
        Measure(RULES_UNABLE, float(len(found)), n=len(NIGHTLY)),
        *(
            Measure(
                RULES_UNABLE,
                float(max(rule.minimum_rows, 1)),
                f"rule={rule.name}",
                n=today.get(rule.metric, (0, 0))[1],
            )
            for rule in NIGHTLY
            if rule.name in found
        ),
    ]


def evaluate(
    rules: Sequence[AlertRule], history: Mapping[str, Sequence[tuple[str, float, int | None]]]
) -> list[Alert]:
    """Evaluate the rules on the newest days.

    Parameters
    ----------
    history : mapping of metric to days
        Each day: day, value, rows; newest first.
    """
    alerts = []
    for rule in rules:
        days = list(history.get(rule.metric, ()))[: rule.n]
        breaches = [(day, value) for day, value, rows in days if rule.is_breach(value, rows)]
        # The newest day must breach: an alert resolves on the first good day.
        if len(breaches) >= rule.k and breaches[0][0] == days[0][0]:
            alerts.append(_alert(rule, breaches))
    return alerts


def since_when(name: str, history: Mapping[str, Sequence[tuple[str, float, int | None]]]) -> date | None:
    """Return the first of the newest days in a row that breach a rule's bound; None where the newest does not.

    Parameters
    ----------
    name : str
        Of a rule of `NIGHTLY`.
    history : mapping of metric to days
        Each day: day, value, rows; newest first.
    """
    [rule] = (rule for rule in NIGHTLY if rule.name == name)
    days = history.get(rule.metric, ())
    breaches = [day for day, *_ in takewhile(lambda found: rule.is_breach(*found[1:]), days)]
    return date.fromisoformat(breaches[-1]) if breaches else None


def _alert(rule: AlertRule, breaches: list[tuple[str, float]]) -> Alert:
    day, value = breaches[0]
    side = "above" if rule.above else "below"
    message = f"{rule.name}: {rule.metric} is {value:.4g} on {day}, {side} {rule.bound:g}"
    if rule.n > 1:
        message += f", {len(breaches)} of {rule.n} days"
    evidence = {"metric": rule.metric, "bound": rule.bound, "days": dict(breaches)}
    return Alert(rule.name, rule.severity, f"{message}. {rule.advice} {runbook.entry(rule.name)}", evidence)
