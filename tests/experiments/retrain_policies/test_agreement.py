"""The contest and the running stack decide alike on the same days: both call the functions of `monitoring.policy`."""

import itertools
import json
from datetime import date

import pytest

from experiments.retrain_policies.command import FRAGMENT
from experiments.retrain_policies.report import OURS

KEPT = FRAGMENT.parent / "measured"
WHOLE_MONTH = 20_000
"""Flights."""
SAME = 0.0002
"""Nats."""


@pytest.fixture(scope="module")
def replayed():
    return json.loads((KEPT / "replay.json").read_text())


@pytest.fixture(scope="module")
def ours(replayed):
    """What our policy did in the contest, on the days that were replayed; the last may have been interrupted."""
    contest = json.loads((KEPT / "policies.json").read_text())
    policy = next(policy for policy in contest["policies"] if policy["name"] == OURS)
    return {
        name: [one for one in policy[name] if replayed["first"] <= one["day"] < replayed["last"]]
        for name in ("retrained", "changes")
    }


def days(replayed, kind):
    found = replayed["decisions"]
    return {d["day"] for d in found if d["kind"] == kind and d["verdict"] and d["day"] < replayed["last"]}


def test_both_retrain_on_the_same_days(replayed, ours):
    assert days(replayed, "retrain") == {one["day"] for one in ours["retrained"]}


def test_they_retrain_by_the_calendar(replayed):
    found = sorted(map(date.fromisoformat, days(replayed, "retrain")))
    assert {(b - a).days for a, b in itertools.pairwise(found)} == {7}


@pytest.mark.parametrize("action", ["promote", "rollback"])
def test_both_promote_and_remove_on_the_same_days(replayed, ours, action):
    # The first champion was promoted before both began.
    begun = [change for change in replayed["changes"] if change["from"] and change["day"] < replayed["last"]]
    assert [c["day"] for c in begun if c["action"] == action] == [
        c["day"] for c in ours["changes"] if c["action"] == action
    ]


def test_what_is_served_loses_what_it_loses_in_the_contest(replayed):
    """Month by month: the same questions are fitted on, by the same recipe."""
    contest = json.loads((KEPT / "policies.json").read_text())
    expected = next(p for p in contest["policies"] if p["name"] == OURS)["log_loss_by_month"]
    whole = [month for month, found in replayed["months"].items() if found["n"] > WHOLE_MONTH]
    assert len(whole) > 5
    for month in whole:
        gap = replayed["months"][month]["log_loss"] - expected[month.replace("-", "")]
        assert abs(gap) < SAME, month
