from dataclasses import replace

import numpy as np
import pytest

from training.gate import Comparison, GatePolicy, evaluate_gate

DAYS, PER_DAY = 7, 900
N = DAYS * PER_DAY
POLICY = GatePolicy()


def calibrated(log_odds):
    return 1 / (1 + np.exp(-log_odds))


@pytest.fixture(scope="module")
def world():
    """True log-odds of lateness, labels, days and slices of a week of flights."""
    generator = np.random.default_rng(5)
    number = np.repeat(np.arange(DAYS), PER_DAY)
    day = 20130401 + number
    log_odds = -1.5 + generator.normal(0, 1.2, N) + np.linspace(-0.5, 0.5, DAYS)[number]
    late = generator.random(N) < calibrated(log_odds)
    noise = generator.normal(0, 1, N)
    return log_odds, late, day, noise


@pytest.fixture(scope="module")
def better(world):
    """A candidate that knows more than the champion, and one baseline that knows little."""
    log_odds, late, day, noise = world
    return Comparison(
        late=late,
        day=day,
        candidate=calibrated(log_odds + 0.2 * noise),
        champion=calibrated(log_odds + 0.5 * noise),
        baselines={"carrier_by_hour": np.full(N, late.mean())},
        slices={
            "origin": np.array(["EWR", "JFK", "LGA"])[np.arange(N) % 3],
            "carrier": np.where(np.arange(N) % 50 == 0, "OO", "UA"),
        },
        microseconds=150.0,
        megabytes=1.5,
    )


def failed(verdict):
    return {check.name for check in verdict.checks if not check.passed}


def test_a_better_candidate_passes_every_check(better):
    verdict = evaluate_gate(better, POLICY)
    assert verdict.passed, verdict.reason
    assert verdict.reason == "every check of the gate passed"


def test_every_check_is_in_the_evidence_by_name(better):
    evidence = evaluate_gate(better, POLICY).evidence()
    assert set(evidence) == {
        "rows", "days", "auc", "ece", "microseconds", "megabytes", "worse_than_carrier_by_hour",
        "evidence_against", "worst_origin_loss", "worst_carrier_loss",
    }  # fmt: skip
    assert evidence["evidence_against"]["required"] == "at most 20"
    assert evidence["evidence_against"]["measured"] < 2
    assert [name for name, check in evidence.items() if not check["refuses"]] == [
        "ece", "worst_origin_loss", "worst_carrier_loss",
    ]  # fmt: skip


def test_a_candidate_trained_on_poisoned_labels_is_refused(better):
    verdict = evaluate_gate(replace(better, candidate=1 - better.candidate), POLICY)
    assert {"auc", "worse_than_carrier_by_hour", "evidence_against"} <= failed(verdict)
    assert verdict.account is not None
    assert verdict.account.convicted_after == 1
    assert "auc is 0.2" in verdict.reason


def test_a_candidate_shown_to_be_worse_than_the_champion_is_refused(better):
    swapped = replace(better, candidate=better.champion, champion=better.candidate)
    assert failed(evaluate_gate(swapped, POLICY)) == {"evidence_against"}


def test_an_equal_candidate_is_not_refused_for_lack_of_proof(better, world):
    log_odds, *_ = world
    draw = np.random.default_rng(9)
    equal = replace(
        better,
        candidate=calibrated(log_odds + 0.3 * draw.normal(0, 1, N)),
        champion=calibrated(log_odds + 0.3 * draw.normal(0, 1, N)),
    )
    assert evaluate_gate(equal, POLICY).passed


def test_the_held_out_days_begin_the_candidates_account(better):
    verdict = evaluate_gate(better, POLICY)
    assert [day.day for day in verdict.held_out] == [1, 2, 3, 4, 5, 6, 7]
    assert {loss.rows for day in verdict.held_out.values() for loss in day.values()} == {PER_DAY}
    assert verdict.account.days == DAYS


def test_a_candidate_shown_to_be_worse_for_one_airport_passes_with_a_warning(better, world):
    log_odds, _, _, noise = world
    at_lga = better.slices["origin"] == "LGA"
    comparison = replace(
        better,
        candidate=calibrated(log_odds + np.where(at_lga, 1.6, 0.0) * noise),
        champion=calibrated(log_odds + 1.0 * noise),
    )
    verdict = evaluate_gate(comparison, POLICY)
    assert verdict.passed
    assert failed(verdict) == {"worst_origin_loss"}
    assert "warning: worst_origin_loss (LGA) is" in verdict.reason


def test_a_slice_of_few_flights_is_not_evaluated(better, world):
    log_odds, _, _, noise = world
    rare = better.slices["carrier"] == "OO"
    worse_there = replace(better, candidate=calibrated(log_odds + np.where(rare, 2.0, 0.0) * noise))
    assert rare.sum() < POLICY.minimum_slice_rows
    assert evaluate_gate(worse_there, POLICY).passed
    assert failed(evaluate_gate(worse_there, GatePolicy(minimum_slice_rows=100))) == {"worst_carrier_loss"}


def test_an_ill_calibrated_candidate_is_warned_of(better):
    overstated = np.clip(better.candidate + 0.12, 0, 0.99)
    assert "ece" in failed(evaluate_gate(replace(better, candidate=overstated), POLICY))


def test_a_candidate_shown_to_lose_to_a_simple_baseline_is_refused(better, world):
    log_odds = world[0]
    strong = replace(better, baselines={"logistic_regression": calibrated(log_odds)})
    assert failed(evaluate_gate(strong, POLICY)) == {"worse_than_logistic_regression"}


@pytest.mark.parametrize(
    ("change", "name"),
    [({"microseconds": 5_000.0}, "microseconds"), ({"megabytes": 25.0}, "megabytes")],
)
def test_a_candidate_too_slow_or_too_large_to_serve_is_refused(better, change, name):
    assert failed(evaluate_gate(replace(better, **change), POLICY)) == {name}


def test_too_few_rows_or_days_decide_nothing(better):
    first = better.day < 20130403
    fewer = replace(
        better,
        late=better.late[first], day=better.day[first], candidate=better.candidate[first],
        champion=better.champion[first], baselines={n: b[first] for n, b in better.baselines.items()},
        slices={n: s[first] for n, s in better.slices.items()},
    )  # fmt: skip
    assert failed(evaluate_gate(fewer, POLICY)) == {"days"}
    assert "rows" in failed(evaluate_gate(fewer, GatePolicy(minimum_rows=5_000)))


def test_no_rows_at_all_are_a_refusal_not_an_error(better):
    none = replace(
        better, late=better.late[:0], day=better.day[:0], candidate=better.candidate[:0],
        champion=better.champion[:0], baselines={"carrier_by_hour": np.array([])}, slices={},
    )  # fmt: skip
    verdict = evaluate_gate(none, POLICY)
    assert not verdict.passed
    assert failed(verdict) == {"rows", "days"}


def test_days_without_a_late_flight_are_a_refusal_not_an_error(better):
    verdict = evaluate_gate(replace(better, late=np.zeros(N, dtype=bool)), POLICY)
    assert not verdict.passed
    assert "auc is nan, required at least 0.65" in verdict.reason


def test_a_first_champion_is_compared_with_floors_and_baselines(better):
    verdict = evaluate_gate(replace(better, champion=None), POLICY)
    assert verdict.passed
    assert {check.name for check in verdict.checks} == {
        "rows", "days", "auc", "ece", "microseconds", "megabytes", "worse_than_carrier_by_hour",
    }  # fmt: skip
