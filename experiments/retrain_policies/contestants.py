"""The policies that meet: never, by the calendar, on drift as Evidently sees it by default, and ours."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import date

import numpy as np

from domain.metrics import auc
from experiments.retrain_policies.contest import DayView
from experiments.retrain_policies.default_drift import DATASET_SHARE, DefaultDrift, distance
from monitoring.performance import PERFORMANCE_DAYS, measure_evidence
from monitoring.policy import Decision, RetrainPolicy, decide_retrain
from monitoring.reference import Reference, is_categorical, make_reference, watched_columns
from monitoring.rules import LOSES_MORE, NIGHTLY, evaluate, since_when
from monitoring.thresholds import wasserstein

NO = Decision(False, "not on this day", {})
HISTORY_DAYS = PERFORMANCE_DAYS


@dataclass
class Calendar:
    """Retrains on given days, whatever happens, and raises nothing."""

    name: str
    days: Sequence[date] = ()
    gated: bool = True

    def alarms(self, view: DayView) -> list[str]:
        """Return none: it does not look."""
        return []

    def decide(self, view: DayView) -> Decision:
        """Return whether the calendar says so."""
        return Decision(True, "the calendar says so", {}) if view.day in self.days else NO


def mondays(begins: date, ends: date) -> list[date]:
    """Return every Monday after the first of the days: a week of labels has to be there."""
    days = (date.fromordinal(n) for n in range(begins.toordinal() + 1, ends.toordinal() + 1))
    return [day for day in days if day.weekday() == 0]


def first_mondays(begins: date, ends: date) -> list[date]:
    """Return the first Monday of each month after the one that begins."""
    found = [day for day in mondays(begins, ends) if day.day <= 7]
    return [day for day in found if (day.year, day.month) != (begins.year, begins.month)]


@dataclass
class NaiveDrift:
    """Retrains whenever Evidently's preset calls a day drifted, at most once in a cool-down as ours."""

    drift: DefaultDrift = field(default_factory=DefaultDrift)
    name: str = "naive drift"
    gated: bool = True
    cool_down_days: int = 7
    _drifted: bool = False

    def alarms(self, view: DayView) -> list[str]:
        """Return one a day on which more than half of the columns are called drifted."""
        share = self.drift.share(view)
        self._drifted = share >= DATASET_SHARE
        return [f"dataset drift: {share:.0%} of the columns"] if self._drifted else []

    def decide(self, view: DayView) -> Decision:
        """Return whether the day drifted, and the last retrain is long enough ago."""
        last = view.state.last_retrain
        if not self._drifted or (last and (view.day - last).days < self.cool_down_days):
            return NO
        return Decision(True, "dataset drift", {})


@dataclass
class Ours:
    """The policy of production, and its alert rules on thresholds from the reference's own days."""

    policy: RetrainPolicy = field(default_factory=RetrainPolicy)
    name: str = "ours"
    gated: bool = True
    _references: dict[str, Reference] = field(default_factory=dict)
    _history: dict[str, list[tuple[str, float, int | None]]] = field(default_factory=dict)
    _gaps: list[tuple[int, float]] = field(default_factory=list)

    def alarms(self, view: DayView) -> list[str]:
        """Return the rules that page on what the day measures of drift and of performance."""
        late, p = view.year.rows.y[view.labelled], view.probability[view.labelled]
        self._gaps = [*self._gaps, (len(late), view.gap)][-PERFORMANCE_DAYS:]
        [evidence] = measure_evidence(self._gaps)
        measured = {
            "drift_columns": (self._drifted(view), len(view.flown)),
            evidence.name: (evidence.value, evidence.n or 0),
            "realised_auc": (auc(late, p), len(late)),
        }
        for metric, (value, n) in measured.items():
            days = self._history.setdefault(metric, [])
            self._history[metric] = [(view.day.isoformat(), value, n), *days][:HISTORY_DAYS]
        return [alert.rule for alert in evaluate(NIGHTLY, self._history) if alert.severity != "info"]

    def decide(self, view: DayView) -> Decision:
        """Return as production decides."""
        state = replace(view.state, losing_since=since_when(LOSES_MORE, self._history))
        return decide_retrain(state, self.policy)

    def _drifted(self, view: DayView) -> float:
        """Count the watched columns that lie beyond their thresholds."""
        reference = self._reference(view)
        columns, current = watched_columns(view.year.rows.X[view.flown], np.full(len(view.flown), np.nan))
        drifted = 0
        for i, name in enumerate(columns):
            today, before = (x[np.isfinite(x)] for x in (current[:, i], reference.sample[:, i]))
            if name in reference.thresholds and len(today) and len(before):
                lies = distance(before, today, True) if is_categorical(name) else wasserstein(before, today)
                drifted += lies >= reference.thresholds[name]
        return float(drifted)

    def _reference(self, view: DayView) -> Reference:
        window = view.champion.window
        key = window.as_of.isoformat()
        if key not in self._references:
            known = view.year.known(view.champion.trained_from, view.champion.trained_until, window.as_of)
            rows = view.year.rows.take(np.flatnonzero(known))
            columns, values = watched_columns(rows.X, np.full(len(rows), np.nan))
            self._references = {key: make_reference(columns, values, rows.day)}
        return self._references[key]
