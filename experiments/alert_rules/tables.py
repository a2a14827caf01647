"""Tables of docs/reports/monitoring.md: the policies in force, what a replay came to, what the drills found."""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import fields
from statistics import fmean
from typing import Any

from domain.evidence import EvidencePolicy
from experiments.alert_rules.calibration import HELD_OUT, SET_EARLY
from experiments.markdown import table
from experiments.measured import origin
from monitoring.estimate import OF
from monitoring.policy import RetrainPolicy, ShadowPolicy
from training.gate import GatePolicy
from training.retraining import RetrainPlan

POLICIES = (RetrainPolicy, RetrainPlan, GatePolicy, ShadowPolicy, EvidencePolicy)
PLAIN = (int, float, bool)
MONTHLY = (
    ("n", "flights"), ("late_rate", "late"), ("auc", "AUC"), ("log_loss", "log-loss"),
    ("estimated_log_loss", "estimated log-loss"), ("brier", "Brier"),
)  # fmt: skip


def policies() -> str:
    """Show each policy in force: what it is for, and its values."""
    rows = []
    for policy in POLICIES:
        made = policy()
        values = {field.name: getattr(made, field.name) for field in fields(policy)}
        said = ", ".join(f"`{name}` {value:g}" for name, value in values.items() if isinstance(value, PLAIN))
        rows.append([f"`{policy.__name__}`", (policy.__doc__ or "").split("\n")[0], said])
    return "\n".join(["## Policies", "", table(("policy", "what it is", "values"), rows), ""])


def replay(found: dict[str, Any], plot: str) -> str:
    """Show what a replay came to.

    Parameters
    ----------
    found : dict
        Of replay.json.
    plot : str
        The plot's file, from where the report lies.
    """
    totals = found["totals"]
    flights = sum(month["n"] for month in found["months"].values())
    loss = sum(month["n"] * month["log_loss"] for month in found["months"].values()) / max(flights, 1)
    return "\n".join(
        [
            f"# The replay of {found['first']} to {found['last']}",
            "",
            f"{totals['runs']} monitored days through the running stack, {totals['runs_missing']} missing. "
            f"{totals['asked']:,} flights were asked about, {totals['logged']:,} are in the log, "
            f"{totals['logged_twice']} twice; {totals['parity_mismatches']:.0f} served vectors differ from "
            f"training's. {totals['retrains']} retrains by policy, {totals['gates_passed']} passed the gate, "
            f"{totals['promotions']} promotions (the first champion's among them), {totals['rollbacks']} rollbacks; "
            f"{totals['pages']} pages. {totals['wall_minutes']} minutes on the clock, "
            f"{totals['compute_minutes']} of compute, {totals['run_minutes']} of them in monitoring runs. "
            f"Log-loss over all {flights:,.0f} flights with a label: {loss:.4f}.",
            "",
            f"![Quality by day, and what happened to the champion]({plot})",
            "",
            table(["month", *(title for _, title in MONTHLY)], _months(found["months"])),
            "",
            f"Figures of a month, estimates included, are of {OF}.",
            "",
            "What the system did:",
            "",
            table(("day", "what", "why"), _changes(found)),
            "",
            "Pages by rule: " + _counts(totals["pages_by_rule"]) + ".",
            "",
            origin(found),
            "",
        ]
    )


def drills(found: dict[str, Any]) -> str:
    """Show what each drill found; `found` is of drills.json."""
    rows = [
        [
            f"`{name}`",
            one["fault"],
            _answer(one),
            one["run"] or one["refused_on_run"] or "-",
            "; ".join(one["rules"]) or "-",
            "yes" if one["false_promotion"] else "no",
        ]
        for name, one in found["summary"].items()
    ]
    in_time = sum(one["in_time"] for one in found["summary"].values())
    head = ("drill", "what goes wrong", "detected", "run", "by", "false promotion")
    return "\n".join(
        [
            "# Fault drills",
            "",
            f"{in_time} of {len(rows)} were detected within two monitoring runs. An alert that the same days raise "
            "undisturbed detects nothing.",
            "",
            table(head, rows),
            "",
            origin(found),
            "",
        ]
    )


def bounds_of(parts: Collection[str]) -> str:
    """Return whose bounds the later part of the year did not set; nothing of another place, whose days set none."""
    if HELD_OUT not in parts:
        return ""
    rules = " and ".join(f'"{name}"' for name in SET_EARLY)
    return f"Only the bounds of {rules} were set without {HELD_OUT}; the others were set on the whole year."


def detection(found: dict[str, Any], figure: str) -> str:
    """Show how many onsets of each fault were found, by its size.

    Parameters
    ----------
    found : dict
        Of detection-curves.json.
    figure : str
        The figure's file, from where the report lies.
    """
    parts: dict[str, list[str]] = found["onsets"]
    days = [day for chosen in parts.values() for day in chosen]
    rows = [
        [
            f"`{name}`", _size(row["size"], one["unit"]), f"{_by(row, days, 1)} of {len(days)}",
            *(f"{_by(row, chosen, found['runs'])} of {len(chosen)}" for chosen in parts.values()),
            _added([o["loss_added"] for o in row["onsets"] if o["loss_added"] is not None]),
            _counts(Counter(rule for o in row["onsets"] for rule in o["rules"])),
        ]
        for name, one in found["faults"].items()
        for row in one["sizes"]
    ]  # fmt: skip
    head = (
        "fault",
        "size",
        "by the first run",
        *(f"within two, {part}" for part in parts),
        "nats lost more",
        "by rule",
    )
    chosen = "; ".join(f"{part}: {', '.join(days)}" for part, days in parts.items())
    return "\n".join(
        [
            "## How small a fault is found",
            "",
            f"Each fault in four sizes from {len(days)} mornings on, of either part of the year those of the two days "
            "with most late flights and of two like most. A fault is found by a rule that is about it, and does not "
            f"page on the same day undisturbed. Onsets: {chosen}. Nats lost more are those of the "
            "second day, by vectors as they were: what a fault does to features is not among them. "
            f"{bounds_of(parts)}".rstrip(),
            "",
            f"![Share of the onsets found within two runs, by size]({figure})",
            "",
            table(head, rows),
            "",
            origin(found),
            "",
        ]
    )


def _size(size: float, unit: str) -> str:
    """Return a size in words; of something there is a share."""
    return f"{size:.0%} {unit}" if unit.startswith("of ") else f"{size:g} {unit}"


def _added(losses: Sequence[float]) -> str:
    return f"{fmean(losses):+.3f}" if losses else "-"


def _by(row: dict[str, Any], days: Sequence[str], run: int) -> int:
    """Return how many of some onsets the run of that number had found."""
    return sum((one["run"] or run + 1) <= run for one in row["onsets"] if one["day"] in days)


def draw_detection(found: dict[str, Any], figure: Any) -> None:
    """Draw the share of onsets that were found within two runs against the size, a panel a fault."""
    faults = found["faults"]
    panels = figure.subplots(3, -(-len(faults) // 3), sharey=True, squeeze=False).flat
    for axes, (name, one) in zip(panels, faults.items(), strict=False):
        sizes = [row["size"] for row in one["sizes"]]
        for part, days in found["onsets"].items():
            shares = [_by(row, days, found["runs"]) / len(days) for row in one["sizes"]]
            axes.plot(range(len(sizes)), shares, marker="o", label=part)
        axes.set(title=name, xlabel=one["unit"], ylim=(-0.05, 1.05))
        axes.set_xticks(range(len(sizes)), [_size(size, one["unit"]).split()[0] for size in sizes])
    figure.legend(
        *figure.axes[0].get_legend_handles_labels(), loc="outside lower center", ncols=2, fontsize=8
    )


def _answer(one: dict[str, Any]) -> str:
    if one["paged"]:
        return "paged"
    return "refused in the shadow" if one["refused_on_run"] else "no"


def _months(months: dict[str, dict[str, float]]) -> list[list[str]]:
    return [
        [month, *(f"{values[name]:,.0f}" if name == "n" else f"{values[name]:.4f}" for name, _ in MONTHLY)]
        for month, values in months.items()
    ]


def _changes(found: dict[str, Any]) -> list[list[str]]:
    """Return the decisions that said yes or cost a retrain, and changes of champion, in their order."""
    decided = [
        (d["day"], f"{d['kind']}: {'yes' if d['verdict'] else 'no'}", d["reason"])
        for d in found["decisions"]
        if d["verdict"] or d["kind"] == "gate"
    ]
    changed = [
        (c["day"], f"{c['action']} {c['from'] or 'nothing'} to {c['to']} by {c['who']}", c["reason"])
        for c in found["changes"]
    ]
    return [list(row) for row in sorted(decided + changed, key=lambda row: row[0])]


def _counts(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{name} {count}" for name, count in counts.items()) or "none"
