"""`make policies`: how retrain policies compare over a year; writes the report and says whether the goals are met."""

from dataclasses import replace
from typing import Any

from adapters.settings import PROJECT_ROOT, Settings
from adapters.terminal import Say
from data.site import Period
from experiments.measured import read as read_measured
from experiments.measured import write as write_measured
from experiments.retrain_policies.error_curves import error_curves, page
from experiments.retrain_policies.report import MONTHLY, NAIVE, OURS, write
from experiments.retrain_policies.run import (
    UNGATED_WEEKLY,
    ContestPlan,
    Workspace,
    compare,
    short,
    weekly_fits,
)

FRAGMENT = PROJECT_ROOT / "docs" / "reports" / "policies.md"
CURVES = "error_curves"
CURVES_PAGE = FRAGMENT.with_name("error-curves.md")
FEWER_ALARMS = 5
SAME = 0.0001
"""Nats: what a rollback may cost that was wrong."""


def compare_policies(settings: Settings, fast: bool, say: Say, period: Period | None = None) -> bool:
    """Run the contest, write its report; return whether ours met its goals.

    Parameters
    ----------
    period : Period, optional
        Days of the settings' site, where that is not New York: their report stays with its state.
    """
    whole = ContestPlan()
    if period is not None:
        whole = replace(whole, begins=period.first, ends=period.last)
    plan = short(whole) if fast else whole
    workspace = Workspace(settings.state_dir / "data", settings.state_dir / "policies", plan)
    findings = compare(workspace, say)
    # A short run is no finding, and another place not the documents' subject: both stay out of them.
    name = "policies-fast" if fast else "policies"
    folder = settings.reports_dir if fast or period else FRAGMENT.parent
    json_path, fragment = settings.reports_dir / f"{name}.json", folder / f"{name}.md"
    found = write(findings, json_path, fragment)
    for policy in found["policies"]:
        say(_line(policy))
    met = goals({policy["name"]: policy for policy in found["policies"]})
    for goal, holds in met.items():
        say(f"{'met' if holds else 'NOT MET'}: {goal}")
    say(f"wrote {json_path} and {fragment}")
    return all(met.values())


def measure_error_curves(settings: Settings, say: Say) -> None:
    """Measure the error curves of the account of evidence on the fits of every Monday; write file and page."""
    plan = ContestPlan()
    workspace = Workspace(settings.state_dir / "data", settings.state_dir / "policies", plan)
    year, fits = weekly_fits(workspace, say)
    found = error_curves(year, fits, plan.ends)
    write_measured(settings, CURVES, found, "make error-curves", year.fingerprint)
    kept = read_measured(settings, CURVES, FRAGMENT.parent)
    assert kept is not None  # noqa: S101  written just now
    CURVES_PAGE.write_text(page(kept))
    say(f"wrote {CURVES_PAGE}")


def goals(policies: dict[str, dict[str, Any]]) -> dict[str, bool]:
    """Return what our policy has to show."""
    ours, monthly, naive = policies[OURS], policies[MONTHLY], policies[NAIVE]
    weekly = policies[UNGATED_WEEKLY]
    return {
        "ours beats never, its whole interval above zero": ours["gain_low"] > 0,
        "ours loses no more than monthly": ours["log_loss"] <= monthly["log_loss"],
        "ours loses no more than weekly without any gate": ours["log_loss"] <= weekly["log_loss"] + SAME,
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
