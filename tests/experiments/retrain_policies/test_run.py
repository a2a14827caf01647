import itertools
import json
from datetime import UTC, date, datetime

import pytest

from experiments.retrain_policies.candidates import Workshop
from experiments.retrain_policies.contestants import NaiveDrift
from experiments.retrain_policies.report import (
    NAIVE,
    NEVER,
    OURS,
    _models,
    _retrain_line,
    cheapest,
    write,
)
from experiments.retrain_policies.run import SHOWN, Bench, ContestPlan, findings
from monitoring.policy import RetrainPolicy
from tests.experiments.retrain_policies import worlds
from training.gate import GatePolicy
from training.retraining import RetrainPlan
from training.run import TrainingRequest
from training.split import SplitPolicy
from training.train import TreeParameters

PLAN = ContestPlan(
    begins=date(2013, 3, 25),
    ends=date(2013, 4, 8),
    parameters=TreeParameters(n_trees=10, learning_rate=0.3),
    retrain=RetrainPlan(30, SplitPolicy(5, 24), GatePolicy(minimum_rows=200)),
    policy=RetrainPolicy(minimum_labels=100),
    drift_columns=8,
)


@pytest.fixture(scope="module")
def found(tmp_path_factory):
    """Every policy's year, made up and short, with real fits."""
    folder = tmp_path_factory.mktemp("contest")
    bench = Bench(worlds.year(days=100, per_day=100, turns=66), folder, PLAN)
    records = {c.name: bench.replay(c, lambda text: None) for c in PLAN.contestants()}
    made = findings(bench, [records[name] for name in SHOWN])
    report = write(made, folder / "reports" / "policies.json", folder / "docs" / "policies.md")
    return folder, report, {policy["name"]: policy for policy in report["policies"]}


def test_every_policy_is_scored_on_the_same_flights(found):
    _, report, policies = found
    assert report["flights"] == 15 * 100
    assert {policy["n"] for policy in policies.values()} == {1_500}
    assert list(policies) == [*SHOWN, "oracle"]


def test_never_neither_retrains_nor_gains(found):
    never = found[2][NEVER]
    assert (never["retrains"], never["promotions"], never["gain"], never["alarms"]) == (0, 0, 0.0, 0)


def test_on_a_law_that_turned_retraining_gains_and_hindsight_gains_most(found):
    policies = found[2]
    assert policies[OURS]["retrains"] >= 1
    assert policies["oracle"]["gain"] > 0
    assert policies["oracle"]["gain"] >= policies["weekly, no gate"]["gain"]
    assert policies["monthly, no gate"]["promotions"] == 1
    text = (found[0] / "docs" / "policies.md").read_text()
    assert all(f"| {one['day']} | {one['asked']} |" in text for one in policies[OURS]["retrained"])


def test_what_came_of_a_retrain_is_what_became_of_its_own_version():
    changes = [
        {"day": "2013-04-08", "action": "promote", "version": 2},
        {"day": "2013-04-15", "action": "promote", "version": 3},
        {"day": "2013-04-18", "action": "rollback", "version": 2},
    ]
    lines = [
        _retrain_line({"day": day, "asked": "weekly", "gate": "sound", "version": version}, changes)
        for day, version in (("2013-04-08", 2), ("2013-04-15", 3), ("2013-04-22", 4))
    ]
    assert [line.split(" | ")[-1] for line in lines] == [
        "promote, 2013-04-08, then rollback, 2013-04-18 |\n", "promote, 2013-04-15 |\n", "nothing |\n",
    ]  # fmt: skip


def test_the_page_says_in_what_the_models_are_not_those_that_serve(found):
    text = (found[0] / "docs" / "policies.md").read_text()
    assert (
        "models not as they serve: n_trees 10 for 350, learning_rate 0.3 for 0.05, 10 trees in each" in text
    )
    own = {"parameters": TreeParameters().as_dict(), "trees": TreeParameters().n_trees}
    assert _models(own) == "models as they serve, 350 trees in each"


def test_of_policies_that_cost_the_same_the_one_without_a_gate_is_named():
    gated = {"name": "gated", "log_loss": 0.4, "retrains": 9, "alarm_days": 0, "gated": True}
    policies = [gated, gated | {"name": "ungated", "gated": False}]
    assert cheapest(policies, 1000, 1.0, 1.0) == "ungated"


def test_naive_drift_alarms_and_its_retrains_keep_their_distance(found):
    naive = found[2][NAIVE]
    assert naive["alarm_days"] > 0
    days = [date.fromisoformat(retrain["day"]) for retrain in naive["retrained"]]
    assert all((b - a).days >= NaiveDrift.cool_down_days for a, b in itertools.pairwise(days))


def test_the_report_is_a_json_file_a_table_and_a_plot(found):
    folder, report, _ = found
    assert json.loads((folder / "reports" / "policies.json").read_text()) == json.loads(json.dumps(report))
    text = (folder / "docs" / "policies.md").read_text()
    assert all(f"| {name} |" in text for name in [*SHOWN, "oracle"])
    assert "(policies.png)" in text
    assert (folder / "docs" / "policies.png").stat().st_size > 10_000


def test_the_contest_fits_what_a_retrain_fits(tmp_path):
    workshop = Workshop(worlds.year(days=1, per_day=100, turns=1), tmp_path, ContestPlan().parameters)
    day = ContestPlan().begins
    assert workshop._recipe == TrainingRequest(day, day, datetime(2013, 4, 1, tzinfo=UTC), "any").recipe
