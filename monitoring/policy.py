"""When to retrain, when a challenger is promoted, when a champion is rolled back: pure decisions with their evidence.

A fit is cheap and waiting is not: a candidate is fitted every week, and at once when the concept drifts, and serves the
same evening, unless its account of evidence convicts it on days that it was not fitted on. The account goes on while it
serves, and convicts it then.
"""

from dataclasses import dataclass, replace
from datetime import date
from typing import Any

from domain.account_record import ANCHOR, BEFORE, VERSION, AccountRecord
from domain.evidence import Account


@dataclass(frozen=True)
class Decision:
    """Yes or no, why, and on what evidence."""

    verdict: bool
    reason: str
    evidence: dict[str, Any]

    def naming(self, versions: dict[str, int]) -> "Decision":
        """Return the decision with versions that it is about."""
        return replace(self, evidence=self.evidence | versions)


@dataclass(frozen=True)
class RetrainPolicy:
    """A retrain starts when it is due by the calendar, or concept drift begins, and there is something to learn from.

    Concept drift is an alarm that the model loses more than it expects. Inputs that drift start none, nor does a bad
    week: a refit costs half a minute of a core, so that a week is not long to wait; `make policies` compares weekly
    with other ways to tell when one pays.
    """

    cadence_days: int = 7
    """Days between two retrains, those asked for by hand included; 0 = only by hand, whatever drifts."""
    minimum_labels: int = 1_000
    """New labels a retrain is worth."""


@dataclass(frozen=True)
class RetrainState:
    """What the policy looks at."""

    day: date
    first_unknown: date
    """First day whose labels the champion could not have seen."""
    new_labels: int
    """Labels that came since the champion's own were read, however long ago their flights flew."""
    last_retrain: date | None
    losing_since: date | None = None
    """First of the newest days in a row on which the model loses more than it expects; None where it does not."""


def decide_retrain(state: RetrainState, policy: RetrainPolicy) -> Decision:
    """Decide whether a retrain is due; a challenger on trial holds none back."""
    waited = (state.day - (state.last_retrain or state.first_unknown)).days
    # Once for each alarm: what was fitted since it began has seen what there is.
    drifts = state.losing_since and (state.last_retrain is None or state.last_retrain < state.losing_since)
    evidence = {
        "new_labels": state.new_labels,
        "first_unknown": state.first_unknown.isoformat(),
        "last_retrain": state.last_retrain.isoformat() if state.last_retrain else None,
        "losing_since": state.losing_since.isoformat() if state.losing_since else None,
        "cadence_days": policy.cadence_days,
    }
    if not policy.cadence_days:
        return Decision(False, "retrains are made by hand only", evidence)
    if waited < policy.cadence_days and not drifts:
        return Decision(False, f"the next is due {policy.cadence_days - waited} days from now", evidence)
    if state.new_labels < policy.minimum_labels:
        return Decision(False, f"only {state.new_labels} new labels", evidence)
    why = (
        f"losing more than expected since {state.losing_since}" if drifts else f"{waited} days since the last"
    )
    said = f"{why}, {state.new_labels} labels that the champion has not seen"
    return Decision(True, said, evidence)


@dataclass(frozen=True)
class ShadowPolicy:
    """A challenger is promoted when it answers the day's own requests soundly and no evidence is against it."""

    minimum_days: int = 3
    """Days of its account, held-out days included, before it may serve: who came past the gate has none of those."""
    largest_microseconds: float = 2_000.0
    """Median time to score one live row."""
    give_up_days: int = 7
    """A challenger that could not be tried, or waits for a person, is dropped then; it blocks no retrain before."""
    needs_approval: bool = False
    """Whether a person has the last word: then what held waits for one, beside the champion."""


AWAITS = "awaits_approval"
BACK_TO = "back_to"
DROPPED = "dropped"


@dataclass(frozen=True)
class Trial:
    """What a challenger made of one day's logged vectors."""

    rows: int
    unsound: int
    """Answers that are no probability."""
    microseconds: float
    """Median time to score one row; NaN without rows."""
    error: str = ""
    """Why it could not be loaded; empty where it could."""

    def fault(self, policy: ShadowPolicy) -> str:
        """Return what is technically wrong, empty where nothing is."""
        if self.error:
            return f"it cannot be loaded: {self.error}"
        if self.unsound:
            return f"{self.unsound} of {self.rows} answers are no probability"
        if self.microseconds > policy.largest_microseconds:
            return f"it takes {self.microseconds:.0f} microseconds a row"
        return ""


def decide_shadow(trial: Trial, account: Account, age_days: int, policy: ShadowPolicy) -> Decision:
    """Decide whether a challenger serves from now on, is dropped, or waits; the evidence says which.

    Parameters
    ----------
    account : Account
        Of the challenger against the champion.
    age_days : int
        Since it became challenger.
    """
    evidence: dict[str, Any] = {
        "rows": trial.rows,
        "microseconds": trial.microseconds if trial.microseconds == trial.microseconds else None,
        "age_days": age_days,
        **AccountRecord.of(account).as_dict(),
    }
    fault = trial.fault(policy)
    if fault:
        return Decision(False, f"dropped: {fault}", evidence | {DROPPED: True})
    said = account.sentence("the champion")
    if account.convicted:
        return Decision(False, f"dropped: {said}", evidence | {DROPPED: True})
    if trial.rows and account.compared_days >= policy.minimum_days:
        if not policy.needs_approval:
            return Decision(True, f"sound on {trial.rows} live requests; {said}", evidence)
        waits = f"{said}: it held, and waits for a person's approval"
        evidence |= {AWAITS: True}
    else:
        waits = f"not enough to go by yet: {trial.rows} live requests; {said}"
    if age_days >= policy.give_up_days:
        evidence.pop(AWAITS, None)
        return Decision(False, f"dropped after {age_days} days: {waits}", evidence | {DROPPED: True})
    return Decision(False, waits, evidence)


@dataclass(frozen=True)
class Standing:
    """An account of the champion against another version."""

    other: int
    """The version that is the rollback target."""
    account: Account


def decide_guardrail(before: Standing | None, anchor: Standing | None) -> Decision:
    """Decide whether to roll the champion back; the evidence names the rollback target.

    Parameters
    ----------
    before : Standing, optional
        Against the last admitted version before it, from its first held-out day on; None when it is not watched.
    anchor : Standing, optional
        Of what served each day against what served four weeks earlier; None when there is none.
    """
    evidence: dict[str, Any] = {}
    said = []
    convicted: Standing | None = None
    for name, standing in ((BEFORE, before), (ANCHOR, anchor)):
        if standing is None:
            continue
        evidence[name] = {VERSION: standing.other, **AccountRecord.of(standing.account).as_dict()}
        said.append(standing.account.sentence(f"version {standing.other}"))
        if standing.account.convicted and convicted is None:
            convicted = standing
    if convicted is not None:
        evidence[BACK_TO] = convicted.other
    return Decision(convicted is not None, "; ".join(said) or "nothing to compare with", evidence)
