"""The account of evidence: its rate under the null by simulation, and what it finds."""

import math
from datetime import date, timedelta

import numpy as np
import pytest

from domain.evidence import (
    DayLoss,
    EvidencePolicy,
    change_evidence,
    compare_versions,
    compare_with_anchor,
    keep_account,
    martingale,
)

POLICY = EvidencePolicy()
DAYS, ACCOUNTS = 60, 4_000
FIRST = date(2013, 4, 1)


def removed(differences: np.ndarray, policy: EvidencePolicy = POLICY) -> np.ndarray:
    """Day on which each account convicts, 0 = never; one account a row."""
    over = martingale(differences, policy) >= 1 / policy.alpha
    return np.where(over.any(axis=1), over.argmax(axis=1) + 1, 0)


def simulated(mean: float, deviation: float = 0.012, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(mean, deviation, (ACCOUNTS, DAYS))


@pytest.mark.parametrize("alpha", [0.01, 0.05, 0.2])
@pytest.mark.parametrize("deviation", [0.004, 0.008, 0.012])
def test_a_candidate_at_the_margin_is_ever_removed_no_more_often_than_alpha(alpha, deviation):
    policy = EvidencePolicy(alpha=alpha)
    share = (removed(simulated(policy.margin, deviation), policy) > 0).mean()
    assert share <= alpha + 2 * np.sqrt(alpha * (1 - alpha) / ACCOUNTS)


def test_heavy_tails_are_clipped_and_do_not_raise_the_rate():
    draw = np.random.default_rng(1)
    heavy = draw.standard_t(2.5, (ACCOUNTS, DAYS)) * 0.008
    assert (removed(heavy) > 0).mean() <= POLICY.alpha


def test_an_equal_candidate_is_hardly_ever_removed():
    assert 0 < (removed(simulated(0.0)) > 0).mean() < 0.03


def test_harm_is_found_the_sooner_the_larger_it_is():
    medians = []
    for harm in (0.01, 0.03, 0.1):
        found = removed(simulated(harm))
        assert (found > 0).mean() > 0.95
        medians.append(np.median(found))
    assert medians == sorted(medians, reverse=True)
    assert medians[0] <= 16
    assert medians[2] == 1


def test_the_sum_is_that_of_the_stated_formula():
    x = np.array([0.01, -0.004, 0.02])
    doubt = np.log(20)
    rho = 0.012**2 * 14 / (2 * doubt + np.log(1 + 2 * doubt))
    s2 = [0.012**2, 7 * 0.012**2 / 7, (7 * 0.012**2 + 2 * 0.007**2) / 8]
    v, s = sum(s2), float((x - 0.002).sum())
    z = s / np.sqrt(v + rho)
    phi = 0.5 * (1 + math.erf(z / np.sqrt(2)))
    expected = 2 * phi * np.sqrt(rho / (v + rho)) * np.exp(z**2 / 2)
    assert martingale(x, POLICY)[-1] == pytest.approx(expected, rel=1e-12)


def test_what_was_convicted_once_stays_convicted():
    account = keep_account(np.array([0.05, *[-0.05] * 30]), POLICY)
    assert (account.convicted, account.convicted_after) == (True, 1)
    assert account.mean < 0


def test_without_a_day_nothing_is_said():
    for none in (np.array([]), np.array([np.nan])):
        account = keep_account(none, POLICY)
        assert (account.days, account.evidence, account.convicted) == (0, 1.0, False)


@pytest.mark.parametrize("difference", [1.0, -1.0])
def test_no_difference_however_large_overflows(difference):
    evidence = martingale(np.full(5_000, difference), POLICY)
    assert np.isfinite(evidence).all()
    assert (evidence >= 0).all()


@pytest.mark.parametrize("alpha", [0.001, 0.05, 0.5])
@pytest.mark.parametrize(("margin", "clip"), [(0.0, 0.05), (0.002, 0.05), (0.01, 0.05), (0.002, 0.1)])
def test_a_candidate_that_is_better_every_day_is_never_removed(alpha, margin, clip):
    policy = EvidencePolicy(alpha=alpha, margin=margin, clip=clip)
    account = keep_account(np.full(400, -1.0), policy)
    assert (account.convicted, account.evidence) == (False, 1.0)


def days_of(**versions: list[tuple[int, float]]) -> dict[date, dict[int, DayLoss]]:
    n = max(len(values) for values in versions.values())
    return {
        FIRST + timedelta(days=i): {
            int(name.removeprefix("v")): DayLoss(*values[i])
            for name, values in versions.items()
            if i < len(values)
        }
        for i in range(n)
    }


def test_days_with_few_flights_are_taken_together_until_they_suffice():
    losses = days_of(v2=[(200, 0.6), (400, 0.3), (550, 0.5)], v1=[(200, 0.4), (400, 0.4), (550, 0.4)])
    account = compare_versions(losses, 2, 1, FIRST, FIRST + timedelta(days=9), POLICY)
    assert account.days == 1  # the third day waits for others
    assert account.mean == pytest.approx(0.0)


def test_only_days_of_the_window_on_which_both_were_scored_count():
    losses = days_of(v2=[(900, 0.5)] * 4, v1=[(900, 0.4)] * 3)
    assert (
        compare_versions(losses, 2, 1, FIRST + timedelta(days=1), FIRST + timedelta(days=9), POLICY).days == 2
    )


def test_the_anchor_compares_each_day_with_what_served_weeks_before():
    losses = days_of(v1=[(900, 0.40)] * 40, v2=[(900, 0.43)] * 40)
    served = {FIRST + timedelta(days=i): 1 if i < 10 else 2 for i in range(40)}
    last = FIRST + timedelta(days=39)
    account = compare_with_anchor(losses, served, FIRST, last, POLICY)
    # From the 29th day on there is a day 28 days before; from the 39th on version 2 served then too.
    assert account.days == 10
    assert account.mean == pytest.approx(0.03)
    assert account.convicted


def test_while_nothing_changes_the_detector_reaches_its_bound_no_more_often_than_once_in_as_many_days():
    policy = EvidencePolicy(
        margin=0.01, clip=0.25, typical_deviation=0.07, typical_days=28, horizon_days=7, alpha=0.01
    )
    draw, bound, days, reached = np.random.default_rng(3), 60, 60, 0
    runs = 150
    for _ in range(runs):
        x = draw.normal(0.01, 0.07, days)
        reached += any(change_evidence(x[max(0, i - 27) : i + 1], policy) >= bound for i in range(days))
    # A mean of at least 60 days until the first: within 60 days fewer than two in three have one.
    assert reached / runs < 0.5


def test_a_change_is_found_though_good_days_went_before_it():
    policy = EvidencePolicy(
        margin=0.01, clip=0.25, typical_deviation=0.07, typical_days=28, horizon_days=7, alpha=0.01
    )
    good, bad = np.full(20, -0.05), np.full(8, 0.15)
    assert change_evidence(good, policy) < 20
    assert change_evidence(np.concatenate([good, bad]), policy) > 120
    assert np.isnan(change_evidence(np.array([np.nan]), policy))
