"""How well performance was estimated before the labels came: the estimates' own error, and their plot."""

from collections.abc import Mapping, Sequence

import numpy as np

from monitoring.measures import Measure

METRICS = ("auc", "log_loss", "brier", "late_rate")
MINIMUM_DAYS = 3
WIDTH, HEIGHT, MARGIN = 640, 150, 36

History = Mapping[str, Sequence[tuple[str, float, int | None]]]
Pair = tuple[str, float, float]
"""Day, estimated, realised."""
Table = Mapping[str, list[Pair]]
"""The pairs of each metric, oldest day first."""


def pairs(history: History, metric: str) -> list[Pair]:
    """Day, estimated and realised value of the days that have both, newest first."""
    realised = {day: value for day, value, _ in history.get(f"realised_{metric}", ())}
    return [
        (day, value, realised[day])
        for day, value, _ in history.get(f"estimated_{metric}", ())
        if day in realised and np.isfinite([value, realised[day]]).all()
    ]


def estimate_errors(history: History) -> list[Measure]:
    """Mean absolute error and mean error of the estimates over the days of a history, where there are enough.

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
    return (
        "<!doctype html><html lang='en'><meta charset='utf-8'><title>Estimated and realised</title>"
        "<style>body{font:14px sans-serif;margin:2em}</style>"
        "<h1>Estimated before labels (dashed), realised with them (solid)</h1>"
        f"{_drawing(table(history))}</html>\n"
    )


def figure(days: Table) -> str:
    """Draw estimated (dashed) and realised (solid) performance, a band a metric, as one SVG."""
    return _drawing(days, "xmlns='http://www.w3.org/2000/svg' ") + "\n"


def _drawing(days: Table, namespace: str = "") -> str:
    bands = [
        f"<g transform='translate(0 {i * HEIGHT})' role='img' aria-label='{metric}'>{_band(metric, found)}</g>"
        for i, (metric, found) in enumerate(days.items())
    ]
    return (
        f"<svg {namespace}width='{WIDTH}' height='{HEIGHT * len(days)}'>"
        "<style>text{font:12px sans-serif}polyline{fill:none;stroke-width:2}"
        ".e{stroke:#888;stroke-dasharray:5 4}.r{stroke:#1f5fa8}</style>"
        f"{''.join(bands)}</svg>"
    )


def _band(metric: str, days: list[Pair]) -> str:
    if len(days) < 2:
        return f"<text x='0' y='16'>{metric}: Too few days have both.</text>"
    values = np.array([day[1:] for day in days])
    low, high = float(values.min()), float(values.max())
    x = np.linspace(MARGIN, WIDTH - MARGIN, len(days))
    y = HEIGHT - MARGIN - (values - low) / max(high - low, 1e-9) * (HEIGHT - 2 * MARGIN)
    lines = [" ".join(f"{a:.1f},{b:.1f}" for a, b in zip(x, y[:, i], strict=True)) for i in (0, 1)]
    error = float(np.abs(values[:, 0] - values[:, 1]).mean())
    return (
        f"<text x='0' y='16'>{metric}: mean absolute error {error:.4f} over {len(days)} days</text>"
        f"<polyline class='e' points='{lines[0]}'/><polyline class='r' points='{lines[1]}'/>"
        f"<text x='0' y='{MARGIN}'>{high:.3f}</text><text x='0' y='{HEIGHT - MARGIN}'>{low:.3f}</text>"
        f"<text x='{MARGIN}' y='{HEIGHT - 8}'>{days[0][0]}</text>"
        f"<text x='{WIDTH - 120}' y='{HEIGHT - 8}'>{days[-1][0]}</text>"
    )
