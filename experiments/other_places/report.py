"""docs/reports/other-places.md, from what the command measured."""

from collections.abc import Mapping
from typing import Any

COLUMNS = ("AUC", "average precision", "log-loss", "Brier", "ECE")
METRICS = ("auc", "average_precision", "log_loss", "brier", "ece")
SMALLEST = 300
"""Flights from which a slice is shown: of fewer the interval says nothing."""
HEAD = """# Other places and years

The same code, features and parameters, fitted and tested on files of other places and years: nothing was tuned for
them. Written by `ontime evaluate --site FOLDER`; the files are not part of this repository. `FOLDER` holds files as
the [inbox](data.md) takes them: monthly on-time files of the Bureau of Transportation Statistics and ASOS downloads of
the Iowa Environmental Mesonet, or tables of [movements](../other-data.md). In brackets the 95% interval over weeks.
"""


def page(found: Mapping[str, Any]) -> str:
    """Return the page of every site that was measured, by name."""
    return "\n".join([HEAD, *(_site(one) for _, one in sorted(found.items()))])


def _site(found: Mapping[str, Any]) -> str:
    site, split, model = found["site"], found["split"], found["model"]
    set_aside = sum(file["rows_set_aside"] for file in site["files"].values())
    events = sum(file["events"] for file in site["files"].values())
    models = {"ontime": model, **found["baselines"]}
    return f"""## {site["name"]}

{len(site["files"])} files, {events:,} events, {set_aside:,} rows set aside.
Fitted on {split["fit_from"]} to {split["fit_until"]},
tested on {split["test_from"]} to {split["test_until"]}: {model["n"]:,.0f} flights,
{model["late_rate"]:.1%} late, {found["features"]} features.

```sh
ontime evaluate --site {site["name"]} --from {split["test_from"]} --to {split["test_until"]}
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
{_replayed(found.get("replayed"), site["name"])}
Model {found["model_hash"][:16]}, commit {found["git_commit"][:12]}, {found["made_at"]}.
"""


def _replayed(found: Mapping[str, Any] | None, name: str) -> str:
    if found is None:
        return ""
    totals = found["totals"]
    pages = ", ".join(f"{rule} {n}" for rule, n in totals["pages_by_rule"].items()) or "none"
    months = "; ".join(
        f"{month}: {m['n']:,.0f} flights, AUC {m['auc']:.3f}, log-loss {m['log_loss']:.3f}"
        for month, m in found["months"].items()
    )
    return f"""
Replayed on a stack of its own, {found["first"]} to {found["last"]}, over HTTP, its first champion fitted on the days
before: {totals["asked"]:,} flights asked about, {totals["logged"]:,} logged, {totals["logged_twice"]} twice,
{totals["parity_mismatches"]} logged vectors that differ from those computed again. {totals["runs"]} monitoring runs,
{totals["runs_missing"]} missing; pages: {pages}; {totals["retrains"]} retrains, {totals["promotions"]} promotions,
{totals["rollbacks"]} rollbacks. {months}.

```sh
ONTIME_STATE_DIR=var/sites/{name} ONTIME_HOME_AIRPORT=... \\
  ontime replay --site {name} --from {found["first"]} --to {found["last"]}
```
"""


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
    return f"{value:.4f} ({low:.3f}–{high:.3f})"
