"""When to retrain, when to promote a challenger, when to take a champion back: pure decisions with their evidence."""

from dataclasses import dataclass
from datetime import date
from typing import Any

from domain.bootstrap import PairedDifference


@dataclass(frozen=True)
class Decision:
    """Yes or no, why, and on what evidence."""

    verdict: bool
    reason: str
    evidence: dict[str, Any]


@dataclass(frozen=True)
class RetrainPolicy:
    """A retrain starts on a lasting breach, or when there is much that is new; never twice at once, never soon again.

    What a refit brings depends on how much the champion has not seen, relative to what it has: a month after three
    months moved the loss as much as a quarter after nine. So the clock is the share of new labels, not the calendar:
    it ticks fast for a young champion, slowly for an old one, and by itself as often as seasons turn once the
    training window holds a year. `make policies` compares it with the calendar and with drift.
    """

    growth: float = 1 / 3
    """New labels over those the champion was fitted on."""
    breach_days: int = 4
    of_days: int = 7
    breach_gap: float = 0.08
    """Realised less expected log-loss, in nats: a hard day raises both, a model gone wrong the difference."""
    cool_down_days: int = 7
    """And as many again for each retrain since the champion's own that came to nothing: a second one says that no
    refit pays yet, a third that none will for a while."""
    minimum_labels: int = 1_000


@dataclass(frozen=True)
class RetrainState:
    """What the policy looks at."""

    day: date
    champion_known_until: date
    """Last day whose labels the champion could have seen."""
    champion_labels: int
    """Flights with a label on the days it was fitted on."""
    new_labels: int
    last_retrain: date | None
    in_vain: int
    """Retrains since the champion's own: refused by the gate, dropped in the shadow, or rolled back."""
    challenger: int | None
    gaps: tuple[float, ...]
    """Realised less expected log-loss of the newest days with labels since the champion serves, newest first:
    what an earlier one lost is no reason to replace it."""


def decide_retrain(state: RetrainState, policy: RetrainPolicy) -> Decision:
    """Decide whether a retrain pays now."""
    breaches = sum(gap > policy.breach_gap for gap in state.gaps[: policy.of_days])
    growth = state.new_labels / max(state.champion_labels, 1)
    cool_down = policy.cool_down_days * (1 + state.in_vain)
    evidence = {
        "new_labels": state.new_labels,
        "champion_labels": state.champion_labels,
        "growth": round(growth, 4),
        "champion_age_days": (state.day - state.champion_known_until).days,
        "breaches": breaches,
        "gaps": list(state.gaps[: policy.of_days]),
        "last_retrain": state.last_retrain.isoformat() if state.last_retrain else None,
        "in_vain": state.in_vain,
        "challenger": state.challenger,
    }
    if state.challenger is not None:
        return Decision(False, f"version {state.challenger} is being tried beside the champion", evidence)
    if state.last_retrain and (state.day - state.last_retrain).days < cool_down:
        said = f"the last retrain was on {state.last_retrain}, cool-down of {cool_down} days"
        return Decision(False, said, evidence)
    if state.new_labels < policy.minimum_labels:
        return Decision(False, f"only {state.new_labels} new labels", evidence)
    if breaches >= policy.breach_days:
        return Decision(True, f"lost more than expected on {breaches} of {policy.of_days} days", evidence)
    known = f"{state.new_labels} new labels, {growth:.0%} of the {state.champion_labels} it was fitted on"
    if growth >= policy.growth:
        return Decision(True, known, evidence)
    return Decision(False, f"no lasting breach, and only {known}", evidence)


@dataclass(frozen=True)
class ShadowPolicy:
    """A challenger is promoted when it held beside the champion on live requests."""

    minimum_rows: int = 1_000
    minimum_days: int = 2
    largest_mean_loss: float = 0.005
    """Log-loss it may lose to the champion in the mean, in nats. The gate showed it to be better on more days;
    the shadow has to show that live requests do not contradict that, and two days scatter by as much."""
    give_up_days: int = 7
    needs_approval: bool = False
    """Whether a person has the last word: then what held waits for one, beside the champion."""


AWAITS = "awaits_approval"


def decide_shadow(difference: PairedDifference | None, rows: int, policy: ShadowPolicy) -> Decision:
    """Decide whether a challenger may take over; without enough live rows: not yet."""
    if difference is None or rows < policy.minimum_rows or difference.days < policy.minimum_days:
        return Decision(False, f"not enough live comparisons yet: {rows}", {"rows": rows})
    evidence = {"rows": rows, **vars(difference)}
    said = f"log-loss {difference.mean:+.4f} against the champion on {rows} live requests"
    held = difference.mean <= policy.largest_mean_loss
    if held and policy.needs_approval:
        return Decision(
            False, f"{said}: it held, and waits for a person's approval", evidence | {AWAITS: True}
        )
    return Decision(held, said, evidence)


@dataclass(frozen=True)
class GuardrailPolicy:
    """A new champion is rolled back when it is clearly worse than the one before."""

    watch_days: int = 7
    largest_mean_loss: float = 0.01
    smallest_probability_worse: float = 0.95
    minimum_rows: int = 1_500


def decide_guardrail(difference: PairedDifference | None, rows: int, policy: GuardrailPolicy) -> Decision:
    """Decide whether to roll back; the difference is of the new champion less the one before it."""
    if difference is None or rows < policy.minimum_rows:
        return Decision(False, f"not enough labels since the promotion: {rows}", {"rows": rows})
    evidence = {"rows": rows, **vars(difference)}
    worse = (
        difference.mean > policy.largest_mean_loss
        and difference.probability_worse >= policy.smallest_probability_worse
    )
    return Decision(
        worse, f"log-loss {difference.mean:+.4f} against the champion before, {rows} flights", evidence
    )
