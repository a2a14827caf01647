from dataclasses import replace
from datetime import date, timedelta

import pytest

from monitoring.rules import LOSES_MORE, NIGHTLY, AlertRule, evaluate, since_when, unable

RULE = AlertRule("too high", "loss", 0.5, "warning", "Look.", k=2, n=3, minimum_rows=100)


def days(*values: float, rows: int = 500) -> dict[str, list[tuple[str, float, int | None]]]:
    """Newest first."""
    return {"loss": [(f"2013-04-{10 - i:02d}", value, rows) for i, value in enumerate(values)]}


def fires(rule: AlertRule, history) -> bool:
    return bool(evaluate([rule], history))


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ((0.6, 0.6, 0.4), True),
        ((0.6, 0.4, 0.6), True),
        ((0.6, 0.4, 0.4), False),
        ((0.6, 0.4, 0.4, 0.9), False),
        ((0.5, 0.5, 0.5), False),
    ],
)
def test_a_rule_fires_on_k_of_the_newest_n_days(values, expected):
    assert fires(RULE, days(*values)) is expected


def test_an_alert_ends_with_the_first_good_day():
    assert not fires(RULE, days(0.4, 0.9, 0.9))


def test_a_day_with_too_few_flights_is_not_evaluated():
    assert not fires(RULE, days(0.9, 0.9, 0.9, rows=99))


def test_an_unknown_value_is_no_breach():
    assert not fires(replace(RULE, k=1, n=1), days(float("nan")))


def test_a_rule_may_look_below_its_bound():
    rule = replace(RULE, above=False, k=1, n=1)
    assert fires(rule, days(0.4))
    assert not fires(rule, days(0.6))


@pytest.mark.parametrize(
    ("evidence", "since"),
    [
        ([500, 300, 1, 400], date(2013, 4, 8)), ([500], date(2013, 4, 9)), ([500, float("nan"), 300], date(2013, 4, 9)),
        ([1, 500, 500], None), ([], None),
    ],
)  # fmt: skip
def test_a_rule_holds_since_the_first_of_the_newest_days_in_a_row(evidence, since):
    newest = date(2013, 4, 9)
    history = [((newest - timedelta(days=i)).isoformat(), value, 20) for i, value in enumerate(evidence)]
    assert since_when(LOSES_MORE, {"performance_evidence": history}) == since


def test_an_alert_says_what_when_how_far_and_what_to_do():
    [alert] = evaluate([RULE], days(0.61, 0.7, 0.1))
    assert (
        alert.message
        == "too high: loss is 0.61 on 2013-04-10, above 0.5, 2 of 3 days. Look. docs/runbook.md#too-high"
    )
    assert alert.evidence == {
        "metric": "loss",
        "bound": 0.5,
        "days": {"2013-04-10": 0.61, "2013-04-09": 0.7},
    }


def test_without_a_history_nothing_fires():
    assert evaluate(NIGHTLY, {}) == []


def test_drift_alone_is_for_information():
    [rule] = [rule for rule in NIGHTLY if rule.metric == "drift_columns"]
    assert rule.severity == "info"


def test_every_rule_has_a_name_of_its_own_and_says_what_to_do():
    assert len({rule.name for rule in NIGHTLY}) == len(NIGHTLY)
    assert all(len(rule.advice) > 15 for rule in NIGHTLY)


def test_a_rule_that_cannot_evaluate_a_day_says_so():
    rules = [RULE, replace(RULE, name="another", metric="other")]
    assert unable(rules, {"loss": (0.2, 500), "other": (0.2, 500)}) == []
    assert unable(rules, {"loss": (float("nan"), 500), "other": (0.2, 99)}) == ["too high", "another"]
    assert unable(rules, {}) == ["too high", "another"]
