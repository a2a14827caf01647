"""Writes docs/reports/monitoring.md: what is watched, how surely, at what cost; every figure from a file."""

import json
import shutil
from functools import partial
from pathlib import Path
from statistics import fmean as _mean
from typing import Any

from adapters.figures import svg
from adapters.settings import PROJECT_ROOT, Settings
from experiments import measured
from experiments.alert_rules import tables as monitoring_tables
from experiments.alert_rules.calibration import HELD_OUT, SET_EARLY
from experiments.markdown import decimals, table
from monitoring import estimate
from monitoring.rules import NIGHTLY, RUN_MISSED
from replay.page import PLOT

REPORT = PROJECT_ROOT / "docs" / "reports" / "monitoring.md"
FIGURE = REPORT.parent / "figures" / "estimate.svg"
ESTIMATES = "estimates"
FRAGMENTS = ("drills", "replay", "policies")
OPENING = """# Monitoring: what is watched, how surely, at what cost

Written by `make monitoring-report` from files that other commands wrote; not edited by hand.

A run measures one local day by what was known at 10:00 UTC of the next: the feeds against the four weeks before,
features and predictions against the champion's training days and against the four weeks just served, performance as
estimated before labels and as realised with them, the service by what it logged and by what its workers counted:
errors, requests shed, throughput, and whether every prediction that was acknowledged is in the log. Rules on these
measures open alerts, one a rule; an alert resolves on the first good day. Warnings and critical alerts are delivered
to every address of ONTIME_NOTIFY_URLS by the run itself and, where that was refused, by the watchman, who also alerts
on days that were not monitored.
"""


def write_report(settings: Settings) -> Path:
    """Write the report; a part whose figures are not there yet says which command makes them."""
    REPORT.parent.mkdir(parents=True, exist_ok=True)
    _write_fragments(settings)
    parts = [
        OPENING, _rules(), monitoring_tables.policies(), _calibration(settings), _detection(settings),
        _estimated(settings), _cost(settings), *_included(),
    ]  # fmt: skip
    REPORT.write_text("\n".join(parts))
    return REPORT


def _rules() -> str:
    rows = [
        (
            rule.name, f"`{rule.metric}`", f"{'>' if rule.above else '<'} {rule.bound:g}", f"{rule.k} of {rule.n}",
            rule.severity, rule.advice,
        )
        for rule in NIGHTLY
    ]  # fmt: skip
    rows.append((RUN_MISSED.name, "", "two hours overdue", "", RUN_MISSED.severity, RUN_MISSED.advice))
    head = ("rule", "measure", "bound", "days", "severity", "what to do")
    return f"## Rules\n\n{table(head, rows)}\n"


def _calibration(settings: Settings) -> str:
    # The undisturbed drill measures the same.
    found = _read(settings, "alert-calibration") or (_read(settings, "drills") or {}).get("undisturbed_days")
    if found is None:
        return "## Pages while nothing is wrong\n\nNot measured yet: `make calibrate-alerts`.\n"
    pages = found["pages_in_60_days"]
    parts = [
        (
            part, f"{count['mean']:.2f}", f"{count['share_of_draws_above_one']:.1%}",
            ", ".join(f"{name} {mean}" for name, mean in count["by_rule"].items()) or "none",
        )
        for part, count in {"all days": pages, **found.get("by_part", {})}.items()
    ]  # fmt: skip
    rows = [(r["rule"], f"{r['bound']:g}", f"{r['most_extreme']:g}") for r in found["rules"]]
    return "\n".join(
        [
            "## Pages while nothing is wrong",
            "",
            f"{found['draws']:,} draws of sixty days in blocks of {found['block_days']} from "
            f"{found['days_drawn_from']}, storms included, scored by models refitted each month."
            f"{_held_out(found.get('by_part', {}))}",
            "",
            table(("days", "pages in sixty days, mean", "draws with more than one", "by rule, mean"), parts),
            "",
            table(("rule", "bound", "most extreme day"), rows),
            "",
            measured.origin(found),
            "",
        ]
    )


def _held_out(parts: dict[str, Any]) -> str:
    """Return whose bounds the later part of the year did not set, and how often those rules page on its days."""
    if HELD_OUT not in parts:
        return ""
    pages = sum(parts[HELD_OUT]["by_rule"].get(rule, 0.0) for rule in SET_EARLY)
    return f" {monitoring_tables.bounds_of(parts)} In sixty days of that part those rules page {pages:.2f} times, mean."


def _detection(settings: Settings) -> str:
    found = _read(settings, "detection-curves")
    if found is None:
        return "## How small a fault is found\n\nNot measured yet: `make detection-curves`.\n"
    drawn = FIGURE.with_name("detection.svg")
    drawn.parent.mkdir(parents=True, exist_ok=True)
    drawn.write_text(svg(partial(monitoring_tables.draw_detection, found), 9, 7))
    return monitoring_tables.detection(found, f"{drawn.parent.name}/{drawn.name}")


def _estimated(settings: Settings) -> str:
    """Compare the estimates of the newest days that have labels with what came, with their plot beside it."""
    title = "## Estimated without labels, and what came"
    found = _newest_estimates(settings)
    if found is None:
        return (
            f"{title}\n\nNot measured yet: runs leave it, those of `make replay` or of a stack that serves.\n"
        )
    days: estimate.Table = found["days"]
    of = "Estimated is of all flights asked about, realised of those whose label came."
    if "of" in found:
        of = f"Both are of {found['of']}."
    FIGURE.parent.mkdir(parents=True, exist_ok=True)
    FIGURE.write_text(estimate.figure(days))
    rows = [
        (
            metric, len(found), f"{found[0][0]} to {found[-1][0]}", decimals(_mean(e for _, e, _ in found)),
            decimals(_mean(r for _, _, r in found)), decimals(_mean(abs(e - r) for _, e, r in found)),
            f"{_mean(e - r for _, e, r in found):+.4f}",
        )
        for metric, found in days.items()
        if found
    ]  # fmt: skip
    head = ("measure", "days", "first and last", "estimated", "realised", "mean absolute error", "mean error")
    figure = f"![Estimated, dashed, and realised, solid, day by day](figures/{FIGURE.name})"
    return "\n".join([title, "", of, "", table(head, rows), "", figure, "", measured.origin(found), ""])


def _newest_estimates(settings: Settings) -> dict[str, Any] | None:
    """Return the estimates that the newest run left, which reach thirty days back; None where no day has both."""
    for path in sorted((settings.reports_dir / "monitoring").glob("????-??-??/estimate.json"), reverse=True):
        left = json.loads(path.read_text())
        # A run of an earlier release left the days alone, whose estimates are of other flights.
        if "of" in left and any(left["days"].values()):
            measured.write(settings, ESTIMATES, left, "make replay")
            break
    return _read(settings, ESTIMATES)


def _cost(settings: Settings) -> str:
    found = _read(settings, "bench-monitoring")
    if found is None:
        return "## Cost of a monitoring run\n\nNot measured yet: `make bench-monitoring`.\n"
    rows = [
        (
            f"{size['predictions']:,}", f"{size['seconds']:.0f} s", f"{size['sql_seconds']:.1f} s",
            f"{size['peak_megabytes']:.0f} MB", f"{size['flights']:,} of {size['flights_in_all']:,}",
        )
        for size in found["sizes"]
    ]  # fmt: skip
    head = ("predictions of the day", "in all", "in SQL", "peak memory", "flights looked at")
    return "\n".join(
        [
            "## Cost of a monitoring run",
            "",
            "Counting and sampling in PostgreSQL, Evidently's drift, realised and estimated performance, in a process "
            "that has imported nothing yet, on a machine that others used; memory is that of the process.",
            "",
            table(head, rows),
            "",
            measured.origin(found),
            "",
        ]
    )


def _write_fragments(settings: Settings) -> None:
    """Write the parts on drills and replay again where their figures are; elsewhere what is there stays."""
    if found := _read(settings, "drills"):
        REPORT.with_name("drills.md").write_text(monitoring_tables.drills(found))
    if found := _read(settings, "replay"):
        FIGURE.parent.mkdir(parents=True, exist_ok=True)
        # Another machine's replay is kept with its plot.
        if (plot := settings.reports_dir / PLOT).exists():
            shutil.copyfile(plot, FIGURE.with_name(PLOT))
        text = monitoring_tables.replay(found, f"{FIGURE.parent.name}/{PLOT}")
        REPORT.with_name("replay.md").write_text(text)


def _included() -> list[str]:
    """Return the reports beside this one that are there, each as a part of it."""
    parts = []
    for name in FRAGMENTS:
        path = REPORT.with_name(f"{name}.md")
        if path.exists():
            text = path.read_text().strip()
            parts.append(
                "\n".join(f"#{line}" if line.startswith("#") else line for line in text.splitlines()) + "\n"
            )
    return parts


def _read(settings: Settings, name: str) -> dict[str, Any] | None:
    return measured.read(settings, name, REPORT.parent)
