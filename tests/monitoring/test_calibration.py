from dataclasses import replace

import numpy as np
import pytest

from monitoring.calibration import CalibrationPolicy, calibrated, draw_days, false_pages
from monitoring.rules import AlertRule, evaluate

POLICY = CalibrationPolicy(draws=300)
HIGH = AlertRule("high", "loss", 2.0, "warning", "Look at the loss.")
SPELL = AlertRule("spell", "loss", 1.0, "warning", "Look at the loss.", k=2, n=3)
LOW = AlertRule("low", "auc", -2.0, "critical", "Look at the ranking.", above=False)


def history(n: int = 330) -> dict[str, np.ndarray]:
    draw = np.random.default_rng(5)
    return {"loss": draw.normal(size=n), "auc": draw.normal(size=n)}


def counted_by_hand(rule: AlertRule, values: np.ndarray) -> int:
    """Openings when the rule is asked day after day, as the flow does."""
    opened, before = 0, False
    for i in range(len(values)):
        newest = [(f"2013-{j:03d}", float(values[j]), 500) for j in range(i, -1, -1)]
        fires = bool(evaluate([rule], {rule.metric: newest}))
        opened += fires and not before
        before = fires
    return opened


@pytest.mark.parametrize("rule", [HIGH, SPELL, LOW], ids=lambda rule: rule.name)
def test_pages_are_counted_as_runs_would_open_them(rule):
    days = history()
    policy = CalibrationPolicy(draws=4)
    drawn = draw_days(330, policy)
    expected = np.mean([counted_by_hand(rule, days[rule.metric][row]) for row in drawn])
    assert false_pages(days, [rule], policy).mean == pytest.approx(expected)


def test_calibrated_rules_page_as_rarely_as_the_policy_says():
    rules = calibrated([HIGH, SPELL, LOW], history(), POLICY)
    assert false_pages(history(), [HIGH, SPELL, LOW], POLICY).mean > 3
    found = false_pages(history(), rules, POLICY)
    assert found.mean <= 1.0
    assert [rule.bound >= before.bound for rule, before in zip(rules[:2], (HIGH, SPELL), strict=True)]
    assert rules[2].bound < LOW.bound


def test_a_rule_that_is_rare_enough_keeps_its_bound():
    rare = replace(HIGH, bound=50.0)
    assert calibrated([rare], history(), POLICY) == [rare]


def test_what_is_for_information_or_not_measured_counts_no_page():
    rules = [replace(HIGH, severity="info", bound=0.0), replace(HIGH, metric="unknown", bound=0.0)]
    assert false_pages(history(), rules, POLICY).mean == 0
    assert calibrated(rules, history(), POLICY) == rules


def test_unknown_days_page_nobody():
    days = {"loss": np.full(60, np.nan)}
    assert false_pages(days, [HIGH, SPELL], POLICY).mean == 0


def test_blocks_keep_days_that_follow_each_other_together():
    drawn = draw_days(100, POLICY)
    assert drawn.shape == (300, 60)
    assert (np.diff(drawn.reshape(300, 60)[:, :7], axis=1) == 1).all()
    with pytest.raises(ValueError, match="at least 7 days to draw from, got 6"):
        draw_days(6, POLICY)
