"""Replay the year under one retrain policy, day by day, with the decisions of production.

Each day the flow `nightly-monitoring` checks the champion, then the challenger, then asks its policy; here the same
functions are called in the same order on the same evidence. What differs: nobody waits for a fit, and a candidate's
speed is not evaluated. Nothing here looks past the monitoring run: labels count from the minute they were known, and a
version answers from the minute it was promoted.
"""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any, Protocol

import numpy as np

from domain.bootstrap import PairedDifference, paired_difference
from domain.clock import from_minute, minute_floor
from domain.flights import Floats, Ints
from domain.metrics import log_loss_gap, log_losses
from experiments.retrain_policies.candidates import Candidate
from experiments.retrain_policies.year import Year, day_number
from monitoring.policy import (
    Decision,
    GuardrailPolicy,
    RetrainState,
    ShadowPolicy,
    decide_guardrail,
    decide_shadow,
)
from monitoring.windows import run_moment, trailing
from training.gate import evaluate_gate
from training.retraining import RetrainPlan, comparison

HISTORY_DAYS = 14
Fit = Callable[[date], Candidate]


@dataclass(frozen=True)
class DayView:
    """What a policy may look at on a day."""

    day: date
    as_of: datetime
    state: RetrainState
    champion: Candidate
    flown: Ints
    """The year's rows of the day."""
    labelled: Ints
    """Those of them whose label was known by the monitoring run."""
    probability: Floats
    """What was answered; shape (n,) as the year's rows, NaN where nothing was asked yet."""
    year: Year


class Contestant(Protocol):
    """A retrain policy in the contest."""

    name: str
    gated: bool
    """Whether a candidate is checked by gate and shadow; without, it serves at once."""

    def alarms(self, view: DayView) -> list[str]:
        """Return what it raises that day; asked before `decide`."""
        ...

    def decide(self, view: DayView) -> Decision:
        """Return whether to retrain now."""
        ...


@dataclass
class Seat:
    """A candidate in the champion's or the challenger's place."""

    candidate: Candidate
    since: int
    """Minute from which it is asked."""
    version: int
    before: "Seat | None" = None
    """Who served before a promotion; None after a rollback, which nothing watches."""


@dataclass
class Record:
    """What happened under a policy."""

    name: str
    probability: Floats
    """What was answered to each of the year's rows; NaN before the contest."""
    rows: Ints
    """The year's rows of the contest's days."""
    alarms: list[tuple[date, list[str]]] = field(default_factory=list)
    retrains: list[dict[str, Any]] = field(default_factory=list)
    changes: list[dict[str, Any]] = field(default_factory=list)
    cpu_seconds: float = 0.0
    """What its fits took of one core."""

    def count(self, action: str) -> int:
        """Count how often the champion changed in a way."""
        return Counter(change["action"] for change in self.changes)[action]


class Contest:
    """One policy's year."""

    def __init__(self, year: Year, first: Candidate, fit: Fit, contestant: Contestant, plan: RetrainPlan):
        self._year, self._fit, self._contestant, self._plan = year, fit, contestant, plan
        self._champion = Seat(first, 0, 1)
        self._challenger: Seat | None = None
        self._versions = 1
        self._retrained: list[date] = []
        self._gaps: list[tuple[date, float]] = []
        self._gap_day: date | None = None
        self._served = first.probability.copy()
        self._answered_by = np.ones(len(year.rows), dtype=np.int64)
        self._shadow, self._guardrail = ShadowPolicy(), GuardrailPolicy()

    def replay(self, begins: date, ends: date, progress: Callable[[date], None] = lambda day: None) -> Record:
        """Replay the days from one to another, both included."""
        day = self._year.rows.day
        rows = np.flatnonzero((day >= day_number(begins)) & (day <= day_number(ends)))
        self._record = Record(self._contestant.name, self._served, rows)
        for offset in range((ends - begins).days + 1):
            self.monitor(begins + timedelta(days=offset))
            progress(begins + timedelta(days=offset))
        return self._record

    def monitor(self, day: date) -> None:
        """Check champion and challenger, ask the policy, retrain where it says so: the flow's order."""
        as_of = run_moment(day)
        view = self._look(day, as_of)
        self._record.alarms.append((day, self._contestant.alarms(view)))
        self._check_guardrail(day, as_of)
        self._check_challenger(day, as_of)
        decision = self._contestant.decide(self._look(day, as_of))
        if decision.verdict:
            self._retrain(day, as_of, decision)

    def _look(self, day: date, as_of: datetime) -> DayView:
        flown = np.flatnonzero(self._year.rows.day == day_number(day))
        labelled = self._known(day, day, as_of)
        if self._gap_day != day:
            gap = log_loss_gap(self._year.rows.y[labelled], self._served[labelled])
            self._gaps, self._gap_day = [(day, gap), *self._gaps][:HISTORY_DAYS], day
        champion = self._champion.candidate
        first_unknown = champion.window.as_of.date()
        serves_since = from_minute(self._champion.since).date()
        state = RetrainState(
            day=day,
            champion_known_until=first_unknown - timedelta(days=1),
            champion_labels=champion.labels,
            new_labels=len(self._known(first_unknown, day, as_of)),
            last_retrain=max(self._retrained, default=None),
            in_vain=sum(day >= first_unknown for day in self._retrained),
            challenger=self._challenger.version if self._challenger else None,
            gaps=tuple(gap for day, gap in self._gaps if gap == gap and day >= serves_since),
        )
        return DayView(day, as_of, state, champion, flown, labelled, self._served, self._year)

    def _known(self, first: date, last: date, as_of: datetime) -> Ints:
        return np.flatnonzero(self._year.known(first, last, as_of))

    def _check_guardrail(self, day: date, as_of: datetime) -> None:
        seat, policy = self._champion, self._guardrail
        age = minute_floor(as_of) - seat.since
        if seat.before is None or not self._contestant.gated or age // 1440 > policy.watch_days:
            return
        rows = self._known(*trailing(day, age // 1440 + 2), as_of)
        rows = rows[self._answered_by[rows] == seat.version]
        decision = decide_guardrail(
            *self._paired(rows, self._served, seat.before.candidate.probability), policy
        )
        if decision.verdict:
            before = seat.before
            self._seat(
                day, as_of, Seat(before.candidate, minute_floor(as_of), before.version), "rollback", decision
            )

    def _check_challenger(self, day: date, as_of: datetime) -> None:
        trial = self._challenger
        if trial is None:
            return
        rows = self._known(*trailing(day, self._shadow.give_up_days), as_of)
        rows = rows[self._year.rows.queries.as_of[rows] >= trial.since]
        difference, n = self._paired(rows, trial.candidate.probability, self._served)
        decision = decide_shadow(difference, n, self._shadow)
        if decision.verdict:
            self._promote(day, as_of, trial, decision)
        elif difference is not None and difference.days >= self._shadow.give_up_days:
            self._challenger = None
            self._record.changes.append(_change(day, "dropped", trial, decision))

    def _paired(self, rows: Ints, one: Floats, other: Floats) -> tuple[PairedDifference | None, int]:
        if not len(rows):
            return None, 0
        late = self._year.rows.y[rows]
        losses = log_losses(late, one[rows]), log_losses(late, other[rows])
        return paired_difference(*losses, self._year.rows.day[rows]), len(rows)

    def _retrain(self, day: date, as_of: datetime, asked: Decision) -> None:
        candidate = self._fit(day)
        self._retrained.append(day)
        self._versions += 1
        seat = Seat(candidate, minute_floor(as_of), self._versions)
        self._record.cpu_seconds += candidate.cpu_seconds
        passed = Decision(True, "no gate", {}) if not self._contestant.gated else self._gate(candidate)
        self._record.retrains.append(
            {
                "day": day.isoformat(),
                "version": seat.version,
                "asked": asked.reason,
                "passed": passed.verdict,
                "gate": passed.reason,
            }
        )
        if not self._contestant.gated:
            self._promote(day, as_of, seat, passed)
        elif passed.verdict:
            self._challenger = seat

    def _gate(self, candidate: Candidate) -> Decision:
        rows = candidate.held_out
        # What the champion would say of the held-out days, were it asked: not what another one answered then.
        verdict = evaluate_gate(
            comparison(
                self._year.rows.take(rows),
                candidate.probability[rows],
                self._champion.candidate.probability[rows],
                candidate.baselines,
                0.0,
                candidate.megabytes,
            ),
            self._plan.gate,
        )
        return Decision(verdict.passed, verdict.reason, verdict.evidence())

    def _promote(self, day: date, as_of: datetime, seat: Seat, decision: Decision) -> None:
        self._challenger = None
        promoted = Seat(seat.candidate, minute_floor(as_of), seat.version, self._champion)
        self._seat(day, as_of, promoted, "promote", decision)

    def _seat(self, day: date, as_of: datetime, seat: Seat, action: str, decision: Decision) -> None:
        self._champion = seat
        asked_later = self._year.rows.queries.as_of >= seat.since
        self._served[asked_later] = seat.candidate.probability[asked_later]
        self._answered_by[asked_later] = seat.version
        self._record.changes.append(_change(day, action, seat, decision))


def _change(day: date, action: str, seat: Seat, decision: Decision) -> dict[str, Any]:
    return {"day": day.isoformat(), "action": action, "version": seat.version, "reason": decision.reason}
