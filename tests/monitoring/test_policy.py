from dataclasses import replace
from datetime import date, timedelta

import pytest

from domain.bootstrap import PairedDifference
from monitoring.policy import (
    AWAITS,
    GuardrailPolicy,
    RetrainPolicy,
    RetrainState,
    ShadowPolicy,
    decide_guardrail,
    decide_retrain,
    decide_shadow,
)

POLICY = RetrainPolicy()
QUIET = RetrainState(
    day=date(2013, 4, 2), champion_known_until=date(2013, 3, 31), champion_labels=60_000, new_labels=1_900,
    last_retrain=None, in_vain=0, challenger=None, gaps=(0.0, -0.01),
)  # fmt: skip
BREACHED = replace(QUIET, gaps=(0.1, 0.1, 0.12, -0.02, 0.09))


def difference(mean: float, worse: float, days: int = 2) -> PairedDifference:
    return PairedDifference(mean, mean - 0.01, mean + 0.01, worse, days)


def test_a_quiet_day_retrains_nothing_and_says_why():
    decision = decide_retrain(QUIET, POLICY)
    assert not decision.verdict
    assert decision.reason == "no lasting breach, and only 1900 new labels, 3% of the 60000 it was fitted on"
    assert decision.evidence["new_labels"] == 1_900


def test_drift_is_no_part_of_what_a_retrain_is_decided_on():
    assert not [name for name in vars(QUIET) if "drift" in name]


def test_a_third_more_labels_than_the_champion_was_fitted_on_start_a_retrain():
    state = replace(QUIET, day=date(2013, 4, 23), new_labels=20_000)
    assert decide_retrain(state, POLICY).verdict
    assert not decide_retrain(replace(state, new_labels=19_999), POLICY).verdict


def test_what_is_much_for_a_young_champion_is_little_for_an_old_one():
    young = replace(QUIET, new_labels=25_000)
    assert decide_retrain(young, POLICY).verdict
    assert not decide_retrain(replace(young, champion_labels=300_000), POLICY).verdict


def test_a_champion_of_no_known_labels_is_replaced_as_soon_as_there_are_enough():
    assert decide_retrain(replace(QUIET, champion_labels=0), POLICY).verdict


def test_a_lasting_breach_starts_a_retrain_and_a_single_bad_day_does_not():
    assert decide_retrain(BREACHED, POLICY).verdict
    assert not decide_retrain(replace(BREACHED, gaps=(0.3, 0.0, 0.0)), POLICY).verdict


def test_breaches_long_ago_no_longer_count():
    gaps = (0.1, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.2, 0.2)
    assert not decide_retrain(replace(BREACHED, gaps=gaps), POLICY).verdict


def test_a_retrain_is_not_repeated_within_the_cool_down():
    state = replace(BREACHED, day=date(2013, 4, 12), last_retrain=date(2013, 4, 6))
    assert not decide_retrain(state, POLICY).verdict
    assert decide_retrain(replace(state, last_retrain=date(2013, 4, 5)), POLICY).verdict


@pytest.mark.parametrize(("in_vain", "days"), [(0, 7), (1, 14), (3, 28)])
def test_each_retrain_in_vain_lengthens_the_wait_for_the_next(in_vain, days):
    state = replace(BREACHED, last_retrain=date(2013, 4, 6), in_vain=in_vain)
    over = date(2013, 4, 6) + timedelta(days=days)
    assert not decide_retrain(replace(state, day=over - timedelta(days=1)), POLICY).verdict
    assert decide_retrain(replace(state, day=over), POLICY).verdict


def test_a_challenger_on_trial_holds_the_next_retrain_back():
    decision = decide_retrain(replace(BREACHED, challenger=7), POLICY)
    assert not decision.verdict
    assert "version 7" in decision.reason


def test_too_few_labels_retrain_nothing_whatever_they_say():
    assert not decide_retrain(replace(BREACHED, new_labels=999), POLICY).verdict


@pytest.mark.parametrize(("mean", "verdict"), [(-0.01, True), (0.004, True), (0.006, False)])
def test_a_challenger_is_promoted_unless_live_requests_contradict_the_gate(mean, verdict):
    assert decide_shadow(difference(mean, 0.5), 2_000, ShadowPolicy()).verdict is verdict


def test_where_a_person_has_the_last_word_what_held_waits_for_one():
    policy = ShadowPolicy(needs_approval=True)
    held, lost = (decide_shadow(difference(mean, 0.5), 2_000, policy) for mean in (-0.01, 0.02))
    assert (held.verdict, held.evidence[AWAITS]) == (False, True)
    assert "approval" in held.reason
    assert AWAITS not in lost.evidence


def test_a_challenger_waits_for_enough_live_requests_and_days():
    policy = ShadowPolicy()
    assert not decide_shadow(None, 0, policy).verdict
    assert not decide_shadow(difference(-0.1, 0.0), policy.minimum_rows - 1, policy).verdict
    assert not decide_shadow(difference(-0.1, 0.0, days=1), 5_000, policy).verdict


@pytest.mark.parametrize(
    ("mean", "worse", "verdict"),
    [(0.02, 0.99, True), (0.02, 0.8, False), (0.005, 1.0, False), (-0.02, 0.0, False)],
)
def test_a_new_champion_is_taken_back_only_when_clearly_worse(mean, worse, verdict):
    assert decide_guardrail(difference(mean, worse), 2_000, GuardrailPolicy()).verdict is verdict


def test_a_new_champion_stays_while_there_are_too_few_labels():
    assert not decide_guardrail(difference(0.5, 1.0), 100, GuardrailPolicy()).verdict
    assert not decide_guardrail(None, 0, GuardrailPolicy()).verdict
