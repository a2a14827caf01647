"""How well performance was estimated without labels: the estimates' own error on flights with one, and their plot."""

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np

from adapters.figures import svg
from monitoring.measures import Measure

METRICS = ("auc", "log_loss", "brier", "late_rate")
OF = "the flights whose label came"
"""Of which both are: an estimate of those that get none, as the cancelled, has nothing to be compared with."""
MINIMUM_DAYS = 3
WIDTH, PANEL_HEIGHT = 8.0, 2.0
"""Inches."""

History = Mapping[str, Sequence[tuple[str, float, int | None]]]
Pair = tuple[str, float, float]
"""Day, estimated, realised."""
Table = Mapping[str, list[Pair]]
"""The pairs of each metric, oldest day first."""


def pairs(history: History, metric: str) -> list[Pair]:
    """Return day, estimated and realised value of the days that have both, newest first."""
    realised = {day: value for day, value, _ in history.get(f"realised_{metric}", ())}
    return [
        (day, value, realised[day])
        for day, value, _ in history.get(f"estimated_labelled_{metric}", ())
        if day in realised and np.isfinite([value, realised[day]]).all()
    ]


def estimate_errors(history: History) -> list[Measure]:
    """Return the mean absolute error and mean error of the estimates over the days of a history.

    Where there are enough.

    Parameters
    ----------
    history : mapping of measure to days
        Each day: day, value, rows; newest first.
    """
    measures = []
    for metric in METRICS:
        differences = np.array([estimated - realised for _, estimated, realised in pairs(history, metric)])
        if len(differences) >= MINIMUM_DAYS:
            n = len(differences)
            measures.append(Measure(f"estimate_error_{metric}", float(np.abs(differences).mean()), n=n))
            measures.append(Measure(f"estimate_bias_{metric}", float(differences.mean()), n=n))
    return measures


def table(history: History) -> Table:
    """Return the pairs of every metric, oldest day first."""
    return {metric: pairs(history, metric)[::-1] for metric in METRICS}


def page(history: History) -> str:
    """Draw estimated beside realised performance of the days as one HTML page that needs nothing else."""
    drawing = figure(table(history))
    return (
        "<!doctype html><html lang='en'><meta charset='utf-8'><title>Estimated and realised</title>"
        "<style>body{font:14px sans-serif;margin:2em}</style>"
        f"<h1>Estimated without labels (dashed), realised with them (solid), of {OF}</h1>"
        f"{drawing[drawing.index('<svg') :]}</html>\n"
    )


def figure(days: Table) -> str:
    """Draw estimated (dashed) and realised (solid) performance, a panel a metric, as one SVG."""
    return svg(partial(_draw, days), WIDTH, PANEL_HEIGHT * len(days))


def _draw(days: Table, empty: Any) -> None:
    panels = empty.subplots(len(days), squeeze=False).flat
    for axes, (metric, found) in zip(panels, days.items(), strict=True):
        axes.set_gid(metric)
        axes.spines[["top", "right"]].set_visible(False)
        if len(found) < 2:
            axes.set_title(f"{metric}: Too few days have both.", loc="left")
            axes.set_axis_off()
        else:
            _draw_days(axes, metric, found)


def _draw_days(axes: Any, metric: str, days: list[Pair]) -> None:
    names, estimated, realised = zip(*days, strict=True)
    axes.plot(estimated, color="#888888", linestyle="--", gid=f"{metric}-estimated")
    axes.plot(realised, color="#1f5fa8", gid=f"{metric}-realised")
    axes.set_xticks([0, len(days) - 1], [names[0], names[-1]])
    error = float(np.abs(np.subtract(estimated, realised)).mean())
    axes.set_title(f"{metric}: mean absolute error {error:.4f} over {len(days)} days", loc="left")
