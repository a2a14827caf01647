"""The report as a plot and as one page that needs nothing from outside."""

import base64
import html
import io
from datetime import date
from pathlib import Path
from typing import Any

import matplotlib as mpl

from domain.monitored import GATE
from monitoring.estimate import OF

mpl.use("Agg")
from matplotlib import dates as moments
from matplotlib import pyplot as plt

PLOT, PAGE = "replay.png", "replay.html"
PANELS = (("auc", "AUC"), ("log_loss", "log-loss, nats"), ("brier", "Brier score"))
ESTIMATED = ("auc", "log_loss", "brier")
MONTHLY = ("n", "late_rate", *(kind + name for name in ESTIMATED for kind in ("", "estimated_")))
WEEK = 7
COLOURS = {"promote": "tab:green", "rollback": "tab:red", "outside": "tab:orange"}
STYLE = """body{font:15px/1.5 system-ui,sans-serif;max-width:70rem;margin:2rem auto;padding:0 1rem;color:#222}
table{border-collapse:collapse;margin:1rem 0}td,th{padding:.2rem .7rem;text-align:right;border-bottom:1px solid #ddd}
td:first-child,th:first-child{text-align:left}img{max-width:100%}.text td{text-align:left}"""


def write(report: dict[str, Any], folder: Path) -> Path:
    """Write plot and page; return the page's file."""
    image = plot(report)
    (folder / PLOT).write_bytes(image)
    (folder / PAGE).write_text(page(report, image), encoding="utf-8")
    return folder / PAGE


def plot(report: dict[str, Any]) -> bytes:
    """Draw quality by day, realised and estimated, with what happened to the champion; PNG."""
    days = report["days"]
    x = [date.fromisoformat(day["day"]) for day in days]
    figure, axes = plt.subplots(len(PANELS) + 1, 1, figsize=(13, 11), sharex=True, layout="constrained")
    for axis, (name, title) in zip(axes, PANELS, strict=False):
        realised = [_value(day[f"realised_{name}"]) for day in days]
        axis.plot(x, realised, ".", color="tab:blue", alpha=0.35, label="a day, realised")
        axis.plot(x, trailing(realised), color="tab:blue", label="a week, realised")
        estimates = trailing([_value(day[f"estimated_{name}"]) for day in days])
        axis.plot(x, estimates, "--", color="tab:gray", label="a week, estimated without labels")
        axis.set_ylabel(title)
        axis.grid(alpha=0.3)
        for change in report["changes"]:
            colour = COLOURS[change["action"]]
            axis.axvline(date.fromisoformat(change["at"][:10]), color=colour, alpha=0.35, linewidth=1)
    axes[0].legend(loc="lower left", ncols=3)
    axes[0].set_title("Quality of the served predictions; lines: promotions (green), rollbacks (red)")
    _plot_alerts(axes[-1], x, report)
    figure.autofmt_xdate()
    image = io.BytesIO()
    figure.savefig(image, dpi=110)
    plt.close(figure)
    return image.getvalue()


def trailing(values: list[float]) -> list[float]:
    """Return the mean of each value and the six before it, what is missing left out.

    Examples
    --------
    >>> trailing([1.0, float("nan"), 3.0])
    [1.0, 1.0, 2.0]
    """
    means = []
    for i in range(len(values)):
        known = [v for v in values[max(0, i - WEEK + 1) : i + 1] if v == v]
        means.append(sum(known) / len(known) if known else float("nan"))
    return means


def _plot_alerts(axis: Any, x: list[date], report: dict[str, Any]) -> None:
    pages = [a for a in report["alerts"] if a["severity"] != "info"]
    rules = sorted({alert["rule"] for alert in pages})
    for alert in pages:
        axis.plot(date.fromisoformat(alert["day"]), rules.index(alert["rule"]), "s", color="tab:red")
    axis.set_yticks(range(len(rules)), rules)
    axis.set_ylim(-0.7, max(len(rules), 1) - 0.3)
    axis.set_ylabel("alerts that were sent")
    axis.grid(alpha=0.3)
    axis.xaxis.set_major_formatter(moments.ConciseDateFormatter(axis.xaxis.get_major_locator()))


def page(report: dict[str, Any], image: bytes) -> str:
    """Write the page, the plot within it."""
    picture = base64.b64encode(image).decode()
    return "\n".join(
        [
            "<!doctype html><html lang=en><meta charset=utf-8><title>ontime: the replay</title>",
            f"<style>{STYLE}</style>",
            f"<h1>The replay of {report['first']} to {report['last']}</h1>",
            f'<img alt="Quality by day" src="data:image/png;base64,{picture}">',
            "<h2>In all</h2>",
            _table([("", "")], [(name.replace("_", " "), _said(v)) for name, v in report["totals"].items()]),
            f"<h2>By month, at the lead of 60 minutes: estimates, too, of {OF}</h2>",
            _months(report["months"]),
            "<h2>What happened to the champion</h2>",
            _texts(("at", "action", "from", "to", "who", "reason"), report["changes"]),
            "<h2>Alerts that were sent</h2>",
            _texts(("day", "severity", "message"), [a for a in report["alerts"] if a["severity"] != "info"]),
            "<h2>Decisions to retrain, and what the gate said</h2>",
            _texts(
                ("day", "kind", "reason"),
                [d for d in report["decisions"] if d["verdict"] or d["kind"] == GATE],
            ),
            "</html>\n",
        ]
    )


def _months(months: dict[str, dict[str, float]]) -> str:
    rows = [(month, *(_number(values[name]) for name in MONTHLY)) for month, values in months.items()]
    return _table([("month", *(name.replace("_", " ") for name in MONTHLY))], rows)


def _texts(columns: tuple[str, ...], rows: list[dict[str, Any]]) -> str:
    return _table([columns], [tuple(_said(row[name]) for name in columns) for row in rows], "text")


def _table(head: list[tuple[str, ...]], rows: list[tuple[str, ...]], kind: str = "figures") -> str:
    def cells(row: tuple[str, ...], tag: str) -> str:
        return "<tr>" + "".join(f"<{tag}>{html.escape(cell)}</{tag}>" for cell in row) + "</tr>"

    body = [cells(row, "th") for row in head] + [cells(row, "td") for row in rows]
    return f"<table class={kind}>" + "\n".join(body) + "</table>"


def _value(value: float | None) -> float:
    return float("nan") if value is None else value


def _number(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3f}"


def _said(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{name}: {count}" for name, count in value.items()) or "none"
    if isinstance(value, list):
        return ", ".join(map(str, value)) or "none"
    return f"{value:,}" if isinstance(value, int | float) else str(value)
