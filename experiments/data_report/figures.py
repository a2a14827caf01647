"""The data report's figures: small SVG files, the same bytes for the same numbers."""

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from adapters.figures import svg

MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
SIZE = (6.5, 3.2)


def draw_all(found: dict[str, Any], folder: Path) -> list[Path]:
    """Draw every figure of a report into a folder; return their files."""
    folder.mkdir(parents=True, exist_ok=True)
    figures: dict[str, Callable[[Any, dict[str, Any]], None]] = {
        "data-late-by-month": _late_by_month,
        "data-delays": _delays,
        "data-imbalance": _imbalance,
    }
    paths = []
    for name, draw in figures.items():
        paths.append(folder / f"{name}.svg")
        paths[-1].write_text(svg(partial(_draw, draw, found), *SIZE))
    return paths


def _draw(draw: Callable[[Any, dict[str, Any]], None], found: dict[str, Any], figure: Any) -> None:
    axes = figure.subplots()
    draw(axes, found)
    axes.spines[["top", "right"]].set_visible(False)


def _late_by_month(axes: Any, found: dict[str, Any]) -> None:
    months = found["data"]["months"]
    names = [MONTHS[m["month"] - 1] for m in months]
    axes.bar(names, [100 * m["late"] for m in months], color="#4c78a8", label="late, of those that arrived")
    axes.plot(names, [100 * m["cancelled"] for m in months], color="#e45756", marker="o", label="cancelled")
    axes.set(ylabel="% of flights", title="The share of late flights is not the same in any two months")
    axes.legend(frameon=False)


def _delays(axes: Any, found: dict[str, Any]) -> None:
    delays = found["data"]["delays"]
    histogram = delays["histogram"]
    width = histogram["from"][1] - histogram["from"][0]
    axes.bar(histogram["from"], histogram["flights"], width=width, align="edge", color="#4c78a8")
    for limit in (delays["floor"], delays["ceiling"]):
        axes.axvline(limit, color="#e45756", linestyle="--", linewidth=1)
    axes.set(
        yscale="log", xlabel="arrival delay, minutes", ylabel="flights",
        title="Arrival delays; between the lines they enter features as they are",
    )  # fmt: skip


def _imbalance(axes: Any, found: dict[str, Any]) -> None:
    ways = found["imbalance"]["ways"]
    places = range(len(ways))
    for shift, kind, color in ((-0.2, "as_fitted", "#e45756"), (0.2, "calibrated", "#4c78a8")):
        values = [way[kind]["log_loss"] for way in ways.values()]
        axes.bar([p + shift for p in places], values, width=0.4, color=color, label=kind.replace("_", " "))
    axes.set_xticks(list(places), list(ways))
    lowest = min(way["calibrated"]["log_loss"] for way in ways.values())
    axes.set(
        ylabel="log-loss on later days", ylim=(0.9 * lowest, None), title="What balancing the classes costs"
    )
    axes.legend(frameon=False)
