"""Replay the year under one retrain policy, day by day, with the decisions of production.

Each day the flow `nightly-monitoring` checks the champion, asks the retrain policy, and tries the challenger the same
evening; here the same functions are called in the same order on the same evidence. What differs: a candidate's speed
is not measured. Nothing here looks past the monitoring run: labels count from the minute they were known, and a
version answers from the minute it was promoted.
"""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any, Protocol

import numpy as np

from adapters.deployments import Deployment
from domain.clock import minute_floor
from domain.evidence import DayLoss, EvidencePolicy, Losses, compare_versions, day_losses
from domain.flights import Floats, Ints
from domain.metrics import log_loss_gap, log_losses
from experiments.retrain_policies.candidates import Candidate
from experiments.retrain_policies.year import Year, day_number
from monitoring.policy import (
    BACK_TO,
    DROPPED,
    Decision,
    RetrainState,
    ShadowPolicy,
    Trial,
    decide_guardrail,
    decide_shadow,
)
from monitoring.standing import (
    ANCHOR_EPOCH_DAYS,
    Promotion,
    served_by_day,
    standing_anchor,
    standing_before,
    versions_in_play,
    with_held_out,
)
from monitoring.windows import last_complete_day, run_moment
from training.gate import CANDIDATE, CHAMPION, GateVerdict, evaluate_gate
from training.retraining import RetrainPlan, comparison

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
    gap: float
    """Realised less expected log-loss of what was answered that day; NaN without labels."""
    probability: Floats
    """What was answered; shape (n,) as the year's rows, NaN where nothing was asked yet."""
    year: Year


class Contestant(Protocol):
    """A retrain policy in the contest."""

    name: str
    gated: bool
    """Whether a candidate is checked by gate and accounts; without, it serves at once and for good."""

    def alarms(self, view: DayView) -> list[str]:
        """Return what it raises that day; asked before `decide`."""
        ...

    def decide(self, view: DayView) -> Decision:
        """Return whether to retrain now."""
        ...


@dataclass
class Record:
    """What happened under a policy."""

    name: str
    probability: Floats
    """What was answered to each of the year's rows; NaN before the contest."""
    rows: Ints
    """The year's rows of the contest's days."""
    gated: bool = True
    """Whether the policy's candidates are checked."""
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
        self._versions = {1: first}
        self._held_out: dict[int, Losses] = {}
        self._ledger: list[Deployment] = []
        self._losses: dict[date, dict[int, DayLoss]] = {}
        self._last_retrain: date | None = None
        self._served = first.probability.copy()
        self._shadow = ShadowPolicy()
        self._challenger: tuple[int, date] | None = None
        """The version that waits, and since when."""
        self._change("promote", 1, first.window.as_of - timedelta(minutes=1), "the first")

    @property
    def _policy(self) -> EvidencePolicy:
        return self._plan.gate.evidence

    @property
    def _champion(self) -> int:
        return self._ledger[0].to_version

    def replay(self, begins: date, ends: date, progress: Callable[[date], None] = lambda day: None) -> Record:
        """Replay the days from one to another, both included."""
        day = self._year.rows.day
        rows = np.flatnonzero((day >= day_number(begins)) & (day <= day_number(ends)))
        self._record = Record(self._contestant.name, self._served, rows, self._contestant.gated)
        for offset in range((ends - begins).days + 1):
            self.monitor(begins + timedelta(days=offset))
            progress(begins + timedelta(days=offset))
        return self._record

    def monitor(self, day: date) -> None:
        """Measure the day, check the champion, ask the policy, retrain where it says so: the flow's order."""
        view = self._look(day)
        self._record.alarms.append((day, self._contestant.alarms(view)))
        if self._contestant.gated:
            self._measure_versions(view)
            self._check_guardrail(view)
        decision = self._contestant.decide(self._look(day))
        if decision.verdict:
            self._retrain(view, decision)
        if self._challenger is not None:
            self._try(*self._challenger, view)

    def _look(self, day: date) -> DayView:
        as_of = run_moment(day)
        champion = self._versions[self._champion]
        flown = self._year.known(self._plan.window(day)[0], day, as_of)
        new = flown & (self._year.label_known > minute_floor(champion.window.as_of))
        state = RetrainState(
            day=day,
            first_unknown=champion.window.as_of.date(),
            new_labels=int(new.sum()),
            last_retrain=self._last_retrain,
        )
        labelled = self._known(day, day, as_of)
        return DayView(
            day,
            as_of,
            state,
            champion,
            np.flatnonzero(self._year.rows.day == day_number(day)),
            labelled,
            log_loss_gap(self._year.rows.y[labelled], self._served[labelled]),
            self._served,
            self._year,
        )

    def _known(self, first: date, last: date, as_of: datetime) -> Ints:
        return np.flatnonzero(self._year.known(first, last, as_of))

    def _measure_versions(self, view: DayView) -> None:
        rows = view.labelled
        if not len(rows):
            return
        late = self._year.rows.y[rows]
        played = versions_in_play(self._ledger, view.day, self._policy)
        if self._challenger is not None:
            played.add(self._challenger[0])
        losses = {v: log_losses(late, self._versions[v].probability[rows]) for v in played}
        for day, found in day_losses(self._year.rows.day[rows], losses).items():
            self._losses.setdefault(day, {}).update(found)

    def _check_guardrail(self, view: DayView) -> None:
        promotion, champion = self._promotion(), self._champion
        before = None
        if promotion is not None:
            before = standing_before(promotion, self._account_of(champion), view.day, self._policy)
        first = view.day - timedelta(days=ANCHOR_EPOCH_DAYS + self._policy.anchor_days)
        served = served_by_day(self._ledger, first, view.day)
        last = next((row for row in self._ledger if row.action == "rollback"), None)
        rolled_back = last_complete_day(last.at) if last else None
        anchor = standing_anchor(champion, served, self._losses, view.day, rolled_back, self._policy)
        decision = decide_guardrail(before, anchor)
        if decision.verdict:
            self._seat("rollback", decision.evidence[BACK_TO], view, decision)

    def _promotion(self) -> Promotion | None:
        newest = self._ledger[0]
        if newest.action != "promote":
            return None
        version = newest.to_version
        first = min(self._held_out.get(version, {}), default=None)
        return Promotion(version, newest.from_version, last_complete_day(newest.at), first)

    def _account_of(self, version: int) -> Losses:
        return with_held_out(self._losses, self._held_out.get(version, {}))

    def _retrain(self, view: DayView, asked: Decision) -> None:
        candidate = self._fit(view.day)
        version = max(self._versions) + 1
        self._versions[version] = candidate
        self._last_retrain = view.day
        self._record.cpu_seconds += candidate.cpu_seconds
        verdict = self._gate(candidate) if self._contestant.gated else GateVerdict(())
        self._record.retrains.append(
            {
                "day": view.day.isoformat(),
                "version": version,
                "asked": asked.reason,
                "passed": verdict.passed,
                "gate": verdict.reason,
                "evidence": verdict.account and round(verdict.account.evidence, 3),
            }
        )
        self._keep_held_out(version, verdict)
        if not self._contestant.gated:
            self._seat("promote", version, view, Decision(True, "no gate", {}))
        elif verdict.passed:
            self._challenger = version, view.day

    def _gate(self, candidate: Candidate) -> GateVerdict:
        rows = candidate.held_out
        # What the champion would say of the held-out days, were it asked: not what another one answered then.
        return evaluate_gate(
            comparison(
                self._year.rows.take(rows),
                candidate.probability[rows],
                self._versions[self._champion].probability[rows],
                candidate.baselines,
                0.0,
                candidate.megabytes,
            ),
            self._plan.gate,
        )

    def _keep_held_out(self, version: int, verdict: GateVerdict) -> None:
        """Begin the candidate's account with the days that the gate evaluated it on."""
        self._held_out[version] = {
            day: {version: losses[CANDIDATE], self._champion: losses[CHAMPION]}
            for day, losses in verdict.held_out.items()
        }

    def _try(self, version: int, since: date, view: DayView) -> None:
        p = self._versions[version].probability[view.flown]
        trial = Trial(len(p), int((~np.isfinite(p)).sum()), 0.0)
        losses = self._account_of(version)
        first = min(self._held_out[version], default=since)
        account = compare_versions(losses, version, self._champion, first, view.day, self._policy)
        decision = decide_shadow(trial, account, (view.day - since).days, self._shadow)
        if decision.verdict:
            self._challenger = None
            self._seat("promote", version, view, decision)
        elif DROPPED in decision.evidence:
            self._challenger = None
            self._note("dropped", version, view.day, decision.reason)

    def _seat(self, action: str, version: int, view: DayView, decision: Decision) -> None:
        self._change(action, version, view.as_of, decision.reason)
        asked_later = self._year.rows.queries.as_of >= minute_floor(view.as_of)
        self._served[asked_later] = self._versions[version].probability[asked_later]
        self._note(action, version, view.day, decision.reason)

    def _note(self, action: str, version: int, day: date, reason: str) -> None:
        self._record.changes.append(
            {"day": day.isoformat(), "action": action, "version": version, "reason": reason}
        )

    def _change(self, action: Any, version: int, at: datetime, reason: str) -> None:
        """Write the ledger's newest row."""
        before = self._ledger[0].to_version if self._ledger else None
        row = Deployment(
            len(self._ledger) + 1, action, before, version, "contest", reason, {}, None, "done", at, at
        )
        self._ledger.insert(0, row)
