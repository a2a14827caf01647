from dataclasses import replace
from datetime import date

import numpy as np
import pytest

from domain.evidence import Account, EvidencePolicy, keep_account
from monitoring.policy import (
    AWAITS,
    BACK_TO,
    DROPPED,
    RetrainPolicy,
    RetrainState,
    ShadowPolicy,
    Standing,
    Trial,
    decide_guardrail,
    decide_retrain,
    decide_shadow,
)

POLICY = RetrainPolicy()
DUE = RetrainState(
    day=date(2013, 4, 8), first_unknown=date(2013, 4, 1), new_labels=6_300, last_retrain=None,
)  # fmt: skip
SOUND = Trial(rows=900, unsound=0, microseconds=150.0)
SHADOW = ShadowPolicy()


def account(mean: float, days: int = 5) -> Account:
    return keep_account(np.full(days, mean), EvidencePolicy())


def test_a_retrain_is_due_a_week_after_the_first_day_the_champion_has_not_seen():
    assert decide_retrain(DUE, POLICY).verdict
    early = decide_retrain(replace(DUE, day=date(2013, 4, 7)), POLICY)
    assert not early.verdict
    assert early.reason == "the next is due 1 days from now"


def test_a_retrain_is_due_a_week_after_the_last_one_whoever_serves():
    state = replace(DUE, last_retrain=date(2013, 4, 5), day=date(2013, 4, 11))
    assert not decide_retrain(state, POLICY).verdict
    assert decide_retrain(replace(state, day=date(2013, 4, 12)), POLICY).verdict


def test_neither_drift_of_inputs_nor_a_challenger_is_part_of_what_a_retrain_is_decided_on():
    assert not [name for name in vars(DUE) if "drift" in name or "challenger" in name]


def test_concept_drift_starts_a_retrain_once_whatever_the_calendar_says():
    drifting = replace(
        DUE, day=date(2013, 4, 10), last_retrain=date(2013, 4, 8), losing_since=date(2013, 4, 9)
    )
    decision = decide_retrain(drifting, POLICY)
    assert decision.verdict
    assert decision.reason.startswith("losing more than expected since 2013-04-09, 6300 labels that")
    assert decision.evidence["losing_since"] == "2013-04-09"
    after = replace(drifting, day=date(2013, 4, 11), last_retrain=date(2013, 4, 10))
    assert decide_retrain(after, POLICY).reason == "the next is due 6 days from now"
    assert not decide_retrain(drifting, RetrainPolicy(cadence_days=0)).verdict
    assert not decide_retrain(replace(drifting, new_labels=999), POLICY).verdict


def test_the_cadence_is_the_operators_and_zero_is_by_hand_only():
    assert not decide_retrain(DUE, RetrainPolicy(cadence_days=14)).verdict
    assert not decide_retrain(replace(DUE, day=date(2014, 4, 8)), RetrainPolicy(cadence_days=0)).verdict


def test_too_few_labels_retrain_nothing_whatever_they_say():
    assert not decide_retrain(replace(DUE, new_labels=999), POLICY).verdict


def test_a_sound_challenger_with_no_evidence_against_it_serves_the_same_evening():
    for mean in (-0.01, 0.0, 0.004):
        assert decide_shadow(SOUND, account(mean), 0, SHADOW).verdict


def test_a_challenger_that_came_past_the_gate_waits_until_it_has_days_of_its_own():
    decision = decide_shadow(SOUND, account(0.0, days=1), 0, SHADOW)
    assert not decision.verdict
    assert DROPPED not in decision.evidence
    assert decide_shadow(SOUND, account(0.0, days=3), 2, SHADOW).verdict


def test_a_challenger_that_is_plainly_worse_is_dropped_on_its_first_day():
    decision = decide_shadow(SOUND, account(0.3, days=1), 0, SHADOW)
    assert not decision.verdict
    assert decision.evidence[DROPPED]


@pytest.mark.parametrize(
    ("trial", "said"),
    [
        (replace(SOUND, unsound=3), "3 of 900 answers are no probability"),
        (replace(SOUND, microseconds=9_000.0), "9000 microseconds a row"),
        (Trial(0, 0, float("nan"), "wrong signature"), "cannot be loaded: wrong signature"),
    ],
)
def test_a_challenger_that_is_technically_unsound_is_dropped_and_says_why(trial, said):
    decision = decide_shadow(trial, account(-0.01), 0, SHADOW)
    assert not decision.verdict
    assert decision.evidence[DROPPED]
    assert said in decision.reason


def test_a_challenger_without_live_rows_waits_and_is_dropped_after_a_bound():
    nothing = Trial(0, 0, float("nan"))
    assert DROPPED not in decide_shadow(nothing, account(0.0), 6, SHADOW).evidence
    assert decide_shadow(nothing, account(0.0), 7, SHADOW).evidence[DROPPED]
    late_labels = decide_shadow(SOUND, account(0.0, days=0), 7, SHADOW)
    assert late_labels.evidence[DROPPED]


def test_where_a_person_has_the_last_word_what_held_waits_for_one_until_the_bound():
    policy = ShadowPolicy(needs_approval=True)
    held = decide_shadow(SOUND, account(0.0), 1, policy)
    assert (held.verdict, held.evidence[AWAITS]) == (False, True)
    assert "approval" in held.reason
    assert AWAITS not in decide_shadow(SOUND, account(0.3), 1, policy).evidence
    tired = decide_shadow(SOUND, account(0.0), 7, policy)
    assert tired.evidence[DROPPED]
    assert AWAITS not in tired.evidence


def test_a_champion_is_taken_back_to_the_one_its_account_lost_to():
    decision = decide_guardrail(Standing(6, account(0.03)), Standing(3, account(0.0)))
    assert decision.verdict
    assert decision.evidence[BACK_TO] == 6
    assert decision.evidence["before"]["convicted"]


def test_a_champion_that_rotted_slowly_is_taken_back_to_the_anchor():
    decision = decide_guardrail(Standing(6, account(0.001)), Standing(3, account(0.02, days=20)))
    assert decision.verdict
    assert decision.evidence[BACK_TO] == 3


def test_a_champion_stays_while_no_account_convicts_it():
    assert not decide_guardrail(Standing(6, account(0.0)), None).verdict
    nothing = decide_guardrail(None, None)
    assert (nothing.verdict, nothing.reason) == (False, "nothing to compare with")
