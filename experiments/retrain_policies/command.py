"""`make policies`: how retrain policies compare over 2013; writes the report and says whether the goals are met."""

from typing import Any

from adapters.settings import PROJECT_ROOT, Settings
from adapters.terminal import Say
from experiments.retrain_policies.report import MONTHLY, NAIVE, OURS, write
from experiments.retrain_policies.run import ContestPlan, Workspace, compare, short
from training.train import TreeParameters

FRAGMENT = PROJECT_ROOT / "docs" / "reports" / "policies.md"
SHARE_OF_MONTHLY = 0.9
FEWER_ALARMS = 5


def compare_policies(settings: Settings, fast: bool, exact: bool, say: Say) -> bool:
    """Run the contest, write its report; give whether ours met its goals."""
    whole = ContestPlan(parameters=TreeParameters()) if exact else ContestPlan()
    plan = short(whole) if fast else whole
    workspace = Workspace(settings.state_dir / "data", settings.state_dir / "policies", plan)
    findings = compare(workspace, say)
    # A short run is no finding: it stays out of the documents.
    name, folder = ("policies-fast", settings.reports_dir) if fast else ("policies", FRAGMENT.parent)
    json_path, fragment = settings.reports_dir / f"{name}.json", folder / f"{name}.md"
    found = write(findings, json_path, fragment)
    for policy in found["policies"]:
        say(_line(policy))
    met = goals({policy["name"]: policy for policy in found["policies"]})
    for goal, holds in met.items():
        say(f"{'met' if holds else 'NOT MET'}: {goal}")
    say(f"wrote {json_path} and {fragment}")
    return all(met.values())


def goals(policies: dict[str, dict[str, Any]]) -> dict[str, bool]:
    """Return what our policy has to show."""
    ours, monthly, naive = policies[OURS], policies[MONTHLY], policies[NAIVE]
    return {
        "ours beats never, its whole interval above zero": ours["gain_low"] > 0,
        f"ours has at least {SHARE_OF_MONTHLY:.0%} of monthly's gain": ours["gain"]
        >= SHARE_OF_MONTHLY * monthly["gain"],
        "ours retrains less often than monthly": ours["retrains"] < monthly["retrains"],
        f"ours alarms on less than a {FEWER_ALARMS}th of naive drift's days": ours["alarm_days"]
        * FEWER_ALARMS
        < naive["alarm_days"],
    }


def _line(policy: dict[str, Any]) -> str:
    return (
        f"{policy['name']:>18}: log-loss {policy['log_loss']:.4f}, gain {policy['gain']:+.4f}, "
        f"{policy['retrains']} retrains, {policy['promotions']} promotions, "
        f"{policy.get('alarm_days', 0)} days with alarms"
    )
