"""What the contest found: as JSON, as a table for the documents, and as a plot."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np

from domain.bootstrap import paired_difference
from domain.flights import Floats, Ints
from domain.metrics import log_loss, log_losses, summary
from experiments.measured import origin
from experiments.retrain_policies.contest import Record
from experiments.retrain_policies.hindsight import Timetable
from experiments.retrain_policies.year import Year
from training.fit import Recipe

PRICES = (0, 2, 10, 50)
"""Nats of log-loss summed over flights, for a retrain and for a day's alarms."""
NEAR = 0.0002
"""Nats: points of the plot that are as close share a label."""
NEVER, MONTHLY, NAIVE, OURS, ORACLE = "never", "monthly", "naive drift", "ours", "oracle"


@dataclass(frozen=True)
class Findings:
    """Everything the contest gave."""

    year: Year
    begins: date
    ends: date
    records: Sequence[Record]
    oracle: Sequence[Timetable]
    made_with: dict[str, Any]

    @property
    def rows(self) -> Ints:
        """Return the contest's rows."""
        return self.records[0].rows

    @property
    def answers(self) -> dict[str, Floats]:
        """Return the probability of the contest's rows under each policy, the oracle last."""
        served = {record.name: record.probability[self.rows] for record in self.records}
        return served | {ORACLE: self.oracle[-1].probability[self.rows]}


def as_dict(findings: Findings) -> dict[str, Any]:
    """Return all numbers as plain values."""
    late = findings.year.rows.y[findings.rows]
    scores = {name: summary(late, p) for name, p in findings.answers.items()}
    reference = scores[NEVER]["log_loss"]
    monthly = reference - scores[MONTHLY]["log_loss"]
    policies = []
    for name, values in scores.items():
        gain = reference - values["log_loss"]
        policies.append(
            {"name": name}
            | {metric: round(value, 6) for metric, value in values.items()}
            | {"gain": round(gain, 6), "share_of_monthly_gain": round(gain / monthly, 4) if monthly else None}
            | _interval(findings, name)
            | _over_ours(findings, name)
            | _counts(findings, name)
            | {"log_loss_by_month": _by_month(findings, name)}
        )
    return {
        "begins": findings.begins.isoformat(),
        "ends": findings.ends.isoformat(),
        "flights": len(findings.rows),
        "made_with": findings.made_with,
        "policies": policies,
        "hindsight": [
            {"changes": t.changes, "log_loss": round(t.log_loss, 6), "days": t.days} for t in findings.oracle
        ],
    }  # fmt: skip


def week_of(day: Ints) -> Ints:
    """Return a number that is equal within a week, Monday to Sunday, shape (n,).

    Parameters
    ----------
    day : int64, shape (n,)
        YYYYMMDD.

    Examples
    --------
    >>> np.diff(week_of(np.array([20130407, 20130408, 20130414, 20130415]))).tolist()
    [1, 0, 1]
    """
    days, position = np.unique(day, return_inverse=True)
    weeks = [(date(n // 10_000, n // 100 % 100, n % 100).toordinal() - 1) // 7 for n in days.tolist()]
    found: Ints = np.array(weeks, dtype=np.int64)[position.reshape(-1)]
    return found


def _interval(findings: Findings, name: str) -> dict[str, float]:
    """Return the 90% interval of the gain over never, by a bootstrap over weeks."""
    late = findings.year.rows.y[findings.rows]
    never, other = (log_losses(late, findings.answers[which]) for which in (NEVER, name))
    difference = paired_difference(never, other, week_of(findings.year.rows.day[findings.rows]))
    return {"gain_low": round(difference.low, 6), "gain_high": round(difference.high, 6)}


def _over_ours(findings: Findings, name: str) -> dict[str, float]:
    """Return how much more than ours another policy loses, with the 90% interval, by a bootstrap over weeks."""
    late = findings.year.rows.y[findings.rows]
    other, ours = (log_losses(late, findings.answers[which]) for which in (name, OURS))
    found = paired_difference(other, ours, week_of(findings.year.rows.day[findings.rows]))
    return {
        "over_ours": round(float((other - ours).mean()), 6),
        "over_ours_low": round(found.low, 6),
        "over_ours_high": round(found.high, 6),
    }


def _counts(findings: Findings, name: str) -> dict[str, Any]:
    record = next((r for r in findings.records if r.name == name), None)
    if record is None:
        best = findings.oracle[-1]
        return {"retrains": len(best.days), "promotions": best.changes, "days": list(best.days)}
    passed = sum(retrain["passed"] for retrain in record.retrains)
    return {
        "gated": record.gated,
        "retrains": len(record.retrains),
        "refused_by_the_gate": len(record.retrains) - passed,
        "promotions": record.count("promote"),
        "dropped_in_shadow": record.count("dropped"),
        "rollbacks": record.count("rollback"),
        "alarm_days": sum(bool(raised) for _, raised in record.alarms),
        "alarms": sum(len(raised) for _, raised in record.alarms),
        "alarms_by_rule": _by_rule(record),
        "cpu_minutes": round(record.cpu_seconds / 60, 2),
        "retrained": record.retrains,
        "changes": record.changes,
    }


def cheapest(
    policies: Sequence[dict[str, Any]], flights: int, retrain_price: float, attention_price: float
) -> str:
    """Return the policy of least cost: log-loss summed over its flights, retrains, and days on which it alarms.

    Of two that cost the same, one without a gate.

    Parameters
    ----------
    retrain_price, attention_price : float
        Of a retrain, and of a person who looks at a day's alarms: in nats of log-loss summed over flights, so that
        who knows what a nat is worth to him can put any price in.

    Examples
    --------
    >>> policies = [
    ...     {"name": "never", "log_loss": 0.5, "retrains": 0, "alarm_days": 0, "gated": True},
    ...     {"name": "weekly", "log_loss": 0.4, "retrains": 40, "alarm_days": 0, "gated": True},
    ... ]
    >>> cheapest(policies, 1000, 1.0, 0.0), cheapest(policies, 1000, 10.0, 0.0)
    ('weekly', 'never')
    """
    known = [policy for policy in policies if policy["name"] != ORACLE]

    def cost(policy: dict[str, Any]) -> tuple[float, bool]:
        paid = policy["retrains"] * retrain_price + policy["alarm_days"] * attention_price
        return float(policy["log_loss"] * flights + paid), bool(policy["gated"])

    return str(min(known, key=cost)["name"])


def _prices(found: dict[str, Any]) -> str:
    columns = " | ".join(f"a day with alarms costs {price}" for price in PRICES)
    lines = [f"| a retrain costs | {columns} |\n|---|{'---|' * len(PRICES)}\n"]
    for retrain in PRICES:
        best = [cheapest(found["policies"], found["flights"], retrain, attention) for attention in PRICES]
        lines.append(f"| {retrain} | {' | '.join(best)} |\n")
    return "".join(lines)


def _by_rule(record: Record) -> dict[str, int]:
    said = [alarm.split(":")[0] for _, raised in record.alarms for alarm in raised]
    return {rule: said.count(rule) for rule in sorted(set(said))}


def _by_month(findings: Findings, name: str) -> dict[str, float]:
    months = findings.year.rows.day[findings.rows] // 100
    late, p = findings.year.rows.y[findings.rows], findings.answers[name]
    return {str(m): round(log_loss(late[months == m], p[months == m]), 5) for m in np.unique(months)}


def write(findings: Findings, json_path: Path, fragment: Path) -> dict[str, Any]:
    """Write the JSON, the markdown fragment, and the plot beside it; return what the JSON holds."""
    found = as_dict(findings)
    for path in (json_path, fragment):
        path.parent.mkdir(parents=True, exist_ok=True)
    json_path.write_text(json.dumps(found, indent=1) + "\n")
    plot = fragment.with_suffix(".png")
    _plot(findings, found, plot)
    fragment.write_text(markdown(found, plot.name))
    return found


HEADER = (
    "| policy | log-loss | gain over never (90%) | lost more than ours (90%) | AUC | Brier | retrains | promotions "
    "| days with alarms | CPU minutes |\n|---|---|---|---|---|---|---|---|---|---|\n"
)


def markdown(found: dict[str, Any], plot: str) -> str:
    """Return the fragment: table, sentence on hindsight, plot."""
    made = found["made_with"]
    lines = [HEADER, *(_line(policy) for policy in found["policies"])]
    hindsight = {t["changes"]: t["log_loss"] for t in found["hindsight"]}
    ours = next(p for p in found["policies"] if p["name"] == OURS)
    same = max((k for k in hindsight if k <= ours["promotions"]), default=0)
    return (
        f"<!-- Written by `make policies`; run it again instead of editing. -->\n"
        f"# Retrain policies compared\n\n"
        f"{found['begins']} to {found['ends']}, {found['flights']:,} flights asked about once, 60 minutes before "
        f"departure; {made['features']} features, {_models(made)}. All policies "
        "share the first champion, the training window, the split and, but for those that say otherwise, gate "
        "and accounts.\n\n"
        + "".join(lines)
        + "\nThe oracle picks in hindsight among the candidates of every Monday, and may go back to an earlier one. "
        f"With {same} changes of the champion it reaches a log-loss of {hindsight[same]:.4f}; ours, which knows the "
        f"past only, {ours['log_loss']:.4f} with {ours['promotions']} promotions. Days with alarms: ours by the rules "
        "on drift, AUC and evidence of performance, the measures that the contest has, where they page; naive drift "
        "by its one.\n\n"
        f"![Gain over never through the year, and by changes of the champion]({plot})\n"
        + "\nWhich policy costs least, where a retrain and a person's look at a day's alarms have a price, in nats of "
        f"log-loss summed over flights (never loses {_lost_by_never(found):,.0f} more than ours). Of two that cost the "
        f"same the one without a gate is named, which would promote a bad fit as well:\n\n{_prices(found)}"
        + "\nOurs, retrain by retrain:\n\n| day | why | the gate | what came of it |\n|---|---|---|---|\n"
        + "".join(_retrain_line(one, ours["changes"]) for one in ours["retrained"])
        + "\nIntervals draw whole weeks: days in a row are alike. Training window, trees and the account's settings "
        f"were looked at on this same year; the error curves give each part of it apart.\n\n{origin(found)}\n"
    )


def _models(made: dict[str, Any]) -> str:
    """Return which models met: those that serve, or in which values theirs differ."""
    own = Recipe().as_dict()
    used = own | made["parameters"]
    other = [f"{name} {used[name]} for {own[name]}" for name in own if used[name] != own[name]]
    apart = f"not as they serve: {', '.join(other)}" if other else "as they serve"
    return f"models {apart}, {made['trees']} trees in each"


def _lost_by_never(found: dict[str, Any]) -> float:
    lost = {policy["name"]: policy["log_loss"] * found["flights"] for policy in found["policies"]}
    return float(lost[NEVER] - lost[OURS])


def _retrain_line(one: dict[str, Any], changes: list[dict[str, Any]]) -> str:
    own = (c for c in changes if c["version"] == one["version"] and c["day"] >= one["day"])
    came = ", then ".join(f"{change['action']}, {change['day']}" for change in own) or "nothing"
    return f"| {one['day']} | {one['asked']} | {one['gate']} | {came} |\n"


def _line(policy: dict[str, Any]) -> str:
    cells = [
        policy["name"],
        f"{policy['log_loss']:.4f}",
        f"{policy['gain']:+.4f} ({policy['gain_low']:+.4f} to {policy['gain_high']:+.4f})",
        ""
        if policy["name"] == OURS
        else f"{policy['over_ours']:+.4f} ({policy['over_ours_low']:+.4f} to {policy['over_ours_high']:+.4f})",
        f"{policy['auc']:.4f}",
        f"{policy['brier']:.4f}",
        policy["retrains"],
        policy["promotions"],
        policy.get("alarm_days", ""),
        policy.get("cpu_minutes", ""),
    ]
    return "| " + " | ".join(str(cell) for cell in cells) + " |\n"


def _labels(policies: Sequence[dict[str, Any]]) -> dict[tuple[int, float], list[str]]:
    """Return the names by place; those whose points nearly touch share one."""
    found: dict[tuple[int, float], list[str]] = {}
    for policy in policies:
        place = policy["promotions"], policy["gain"]
        near = (at for at in found if abs(at[0] - place[0]) <= 2 and abs(at[1] - place[1]) <= NEAR)
        found.setdefault(next(near, place), []).append(policy["name"])
    return found


def _plot(findings: Findings, found: dict[str, Any], path: Path) -> None:
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    figure, (left, right) = pyplot.subplots(1, 2, figsize=(12, 4.5), layout="constrained")
    late = findings.year.rows.y[findings.rows]
    days, position = np.unique(findings.year.rows.day[findings.rows], return_inverse=True)
    position = position.reshape(-1)
    reference = log_losses(late, findings.answers[NEVER])
    for name, p in findings.answers.items():
        gained = np.cumsum(np.bincount(position, reference - log_losses(late, p))) / len(late)
        left.plot(gained, label=name, linewidth=2.5 if name == OURS else 1.2)
    starts = [i for i, day in enumerate(days.tolist()) if day % 100 == 1]
    left.set_xticks(starts, [f"{int(days[i]) // 100 % 100:02d}" for i in starts])
    left.set(
        xlabel=f"month of {str(days[0])[:4]}", ylabel="nats", title="Log-loss gained over never, summed up"
    )
    left.legend(fontsize=8)
    never = next(p["log_loss"] for p in found["policies"] if p["name"] == NEVER)
    frontier = found["hindsight"]
    right.plot(
        [t["changes"] for t in frontier], [never - t["log_loss"] for t in frontier], color="grey",
        linestyle="--", label="best in hindsight",
    )  # fmt: skip
    for policy in found["policies"]:
        right.plot(policy["promotions"], policy["gain"], "o", markersize=9 if policy["name"] == OURS else 6)
    most = max(policy["promotions"] for policy in found["policies"])
    for (changes, gain), names in _labels(found["policies"]).items():
        beside = {"ha": "right", "xytext": (-8, 0)} if changes > most / 2 else {"xytext": (8, 0)}
        right.annotate(
            "\n".join(names), (changes, gain), va="top", textcoords="offset points", fontsize=8, **beside
        )
    right.set(
        xlabel="changes of the champion", ylabel="nats", title="Gain over never by changes of the champion"
    )
    right.legend(fontsize=8, loc="lower right")
    figure.savefig(path, dpi=80)
    pyplot.close(figure)
