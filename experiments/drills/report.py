"""What the drills found, merged fault by fault: var/reports/drills.json, and its table."""

import json
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from domain.monitored import SHADOW
from training.provenance import write_figures

FILE = "drills.json"
CONTROL = "none"
PAGES = ("warning", "critical")
RUNS_ALLOWED = 2


def record(reports: Path, name: str, found: dict[str, Any]) -> None:
    """Put what a drill found in the place of what it found before."""
    report = read(reports)
    report.setdefault("drills", {})[name] = found
    _summarise(report)
    _write(reports, report)


def record_calm(reports: Path, found: dict[str, Any]) -> None:
    """Put in how often the rules page on undisturbed days."""
    _write(reports, read(reports) | {"undisturbed_days": found})


def _write(reports: Path, report: dict[str, Any]) -> None:
    write_figures(reports / FILE, report, "make drill")


def read(reports: Path) -> dict[str, Any]:
    """Return the report, empty before the first drill."""
    path = reports / FILE
    return json.loads(path.read_text()) if path.exists() else {}


def _summarise(report: dict[str, Any]) -> None:
    """Write the verdict on every drill: what the same days raise undisturbed does not count."""
    drills = report.get("drills", {})
    control = drills.get(CONTROL, {})
    report["summary"] = {name: verdict(found, control) for name, found in drills.items() if name != CONTROL}


def verdict(found: dict[str, Any], control: dict[str, Any]) -> dict[str, Any]:
    """Report when and by which rule a fault was detected, and what the system did.

    Parameters
    ----------
    found, control : dict
        Of the drill, and of the same days undisturbed; an alert that both have by the same run detects nothing,
        nor does one of a rule that is about something else.
    """
    quiet = {(a["rule"], a["run"]) for a in control.get("alerts", [])}
    own = [
        alert
        for alert in found["alerts"]
        if alert["rule"] in found["about"]
        and not any(rule == alert["rule"] and run <= alert["run"] for rule, run in quiet)
    ]
    pages = [alert for alert in own if alert["severity"] in PAGES]
    first = min(pages, key=lambda alert: alert["run"], default=None)
    noticed = min(own, key=lambda alert: alert["run"], default=None)
    served = {change["to"] for change in found["changes"]}
    poison = found.get("poison", {})
    refused = [
        d["run"]
        for d in found["decisions"]
        if poison and d["kind"] == SHADOW and not d["verdict"] and d["measured"]
    ]
    return {
        "fault": found["fault"],
        "paged": first is not None,
        "noticed": noticed is not None,
        "run": first["run"] if first else (noticed["run"] if noticed else None),
        "refused_on_run": min(refused, default=None),
        "in_time": bool(refused and min(refused) <= RUNS_ALLOWED)
        or (first is not None and first["run"] <= RUNS_ALLOWED),
        "rules": sorted({f"{a['rule']} ({a['severity']}, run {a['run']})" for a in own}),
        "did": _did(found),
        "false_promotion": bool(poison.get("promoted")) or poison.get("version") in served,
    }


def _did(found: dict[str, Any]) -> list[str]:
    said = [f"{c['action']} {c['from']} to {c['to']}: {c['reason']}" for c in found["changes"]]
    said += [
        f"{d['kind']} on {d['day']}: {'yes' if d['verdict'] else 'no'}, {d['reason']}"
        for d in found["decisions"]
    ]
    if "by_hand" in found.get("poison", {}):
        said.append(f"promotion by hand answered {found['poison']['by_hand']}: {found['poison']['said']}")
    return said


def _answer(one: dict[str, Any]) -> str:
    if one["paged"]:
        return "yes"
    if one["refused_on_run"]:
        return "refused in the shadow"
    return "info only" if one["noticed"] else "NO"


def print_table(reports: Path) -> None:
    """Print a row a fault."""
    table = Table("fault", "paged", "run", "by", "what the system did", show_lines=True)
    for name, one in read(reports).get("summary", {}).items():
        table.add_row(
            name,
            _answer(one),
            str(one["run"] or one["refused_on_run"] or "-"),
            "\n".join(one["rules"]) or "-",
            "\n".join(one["did"]) + ("\nFALSE PROMOTION" if one["false_promotion"] else ""),
        )
    console = Console(width=150)
    console.print(table)
    if found := read(reports).get("undisturbed_days"):
        console.print(f"pages in 60 undisturbed days: {found['pages_in_60_days']}", highlight=False)
