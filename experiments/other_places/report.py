"""docs/reports/other-places.md, from what the command measured."""

from collections.abc import Iterable, Mapping
from typing import Any

COLUMNS = ("AUC", "average precision", "log-loss", "Brier", "ECE")
METRICS = ("auc", "average_precision", "log_loss", "brier", "ece")
SMALLEST = 300
"""Flights from which a slice is shown: of fewer the interval says nothing."""
HEAD = """# Other places and years

The same code, features and parameters, of the commits that are named, on files of other places and years: nothing was
tuned for them. Written by `ontime evaluate --site FOLDER --keep`, and by `ontime replay` with it; the files are not
part of this repository. `FOLDER` holds files as the [inbox](data.md) takes them: monthly on-time files of the Bureau of
Transportation Statistics and ASOS downloads of the Iowa Environmental Mesonet, or tables of
[movements](../other-data.md). In brackets
the 95% interval over weeks, or over days where there are fewer than five weeks.
"""


def page(found: Mapping[str, Any]) -> str:
    """Return the page of every site that was measured, by name."""
    return "\n".join([HEAD, *(_site(one) for _, one in sorted(found.items()))])


def _site(found: Mapping[str, Any]) -> str:
    site = found["site"]
    set_aside = sum(file["rows_set_aside"] for file in site["files"].values())
    events = sum(file["events"] for file in site["files"].values())
    head = f"""## {site["name"]}

{len(site["files"])} files, {events:,} events, {set_aside:,} rows set aside. {site["first_day"]} to {site["last_day"]},
by the days of {site["home"]}.
"""
    evaluated = _evaluated(found["evaluated"], site["name"]) if "evaluated" in found else ""
    return head + evaluated + (_replayed(found["replayed"]) if "replayed" in found else "")


def _evaluated(found: Mapping[str, Any], name: str) -> str:
    split, model = found["split"], found["model"]
    models = {"ontime": model, **found["baselines"]}
    return f"""
### Evaluated

Fitted on {split["fit_from"]} to {split["fit_until"]},
tested on {split["test_from"]} to {split["test_until"]}: {model["n"]:,.0f} flights,
{model["late_rate"]:.1%} late, {found["features"]} features.

```sh
ontime evaluate --site {name} --from {split["test_from"]} --to {split["test_until"]}
```

An hour before departure, beside simpler models on the same split:

{_table("model", models)}
By lead time:

{_table("minutes", dict(sorted(found["by_lead"].items(), key=lambda item: float(item[0]))))}
By origin:

{_table("origin", _large(found["slices"]["origin"]))}
By month:

{_table("month", _large(found["slices"]["month"]))}
{found["seconds"]:,.0f} s on a shared machine, {found["cpu_seconds"]:,.0f} s of one processor.

Model {found["model_hash"][:16]}, commit {found["git_commit"][:12]}, {found["made_at"]}.
"""


def _replayed(found: Mapping[str, Any]) -> str:
    totals, made = found["totals"], found["made_with"]
    pages = ", ".join(f"{rule} {n}" for rule, n in totals["pages_by_rule"].items()) or "none"
    return f"""
### Replayed

```sh
{found["command"]} --from {found["first"]} --to {found["last"]}
```

On a stack of its own, over HTTP, its first champion fitted on the days before: of {totals["asked"]:,} flights
{totals["logged"]:,} asked about and logged (the first morning's before five are not asked about),
{totals["logged_twice"]} twice; {totals["parity_mismatches"]:.0f} logged vectors differ from those computed again.
{totals["runs"]} monitoring runs, {totals["runs_missing"]} missing; pages: {pages}.

| day | flights | late | AUC | log-loss | expected log-loss | alerts | version |
|---|---|---|---|---|---|---|---|
{_lines(map(_day, found["days"]))}
Retrains: {totals["retrains"]}. Changes of the champion:

| at (UTC) | what | from | to | who | why |
|---|---|---|---|---|---|
{_lines(map(_change, found["changes"]))}
Commit {made["commit"][:12]}, feature contract {made["contract"][:12]}.
"""


def _day(one: Mapping[str, Any]) -> tuple[str, ...]:
    realised = (one[f"realised_{name}"] for name in ("late_rate", "auc", "log_loss"))
    values = [*realised, one["estimated_log_loss"]]
    shown = ("-" if value is None else f"{value:.3f}" for value in values)
    return one["day"], f"{one['logged']:,}", *shown, ", ".join(one["alerts"]) or "-", str(one["version"])


def _change(one: Mapping[str, Any]) -> tuple[str, ...]:
    moved = (str(one[name] or "-") for name in ("from", "to"))
    return one["at"][:16].replace("T", " "), one["action"], *moved, one["who"], one["reason"]


def _lines(rows: Iterable[tuple[str, ...]]) -> str:
    return "".join(f"| {' | '.join(row)} |\n" for row in rows)


def _large(slices: Mapping[str, Any]) -> dict[str, Any]:
    return {name: one for name, one in slices.items() if one["n"] >= SMALLEST and one["auc"] is not None}


def _table(name: str, rows: Mapping[str, Any]) -> str:
    head = ("flights", "late", *COLUMNS)
    lines = [f"| {name} | {' | '.join(head)} |", "|---" * (len(head) + 1) + "|"]
    for label, one in rows.items():
        values = " | ".join(_interval(one, metric) for metric in METRICS)
        lines.append(f"| {label} | {one['n']:,.0f} | {one['late_rate']:.1%} | {values} |")
    return "\n".join(lines) + "\n"


def _interval(one: Mapping[str, Any], metric: str) -> str:
    value, low, high = (one[f"{metric}{end}"] for end in ("", "_low", "_high"))
    if value is None:
        return "-"
    return f"{value:.4f}" + ("" if low is None else f" ({low:.3f}–{high:.3f})")
