"""Line charts as geometry for an SVG that the server renders: no script draws them, and a table says the same."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date

WIDTH, HEIGHT = 1000.0, 200.0
"""Of the plane in which paths are drawn; it is stretched to whatever room a page has."""
TICKS = 4
MOST_LABELS = 4


@dataclass(frozen=True)
class Point:
    """A value and its interval at a place; None where there is none."""

    x: float
    value: float | None
    label: str
    low: float | None = None
    high: float | None = None


def point_of_day(
    day: date, value: float | None, low: float | None = None, high: float | None = None
) -> Point:
    """Return a day's value at its place along an axis of days."""
    return Point(day.toordinal(), value, f"{day:%-d %b}", low, high)


@dataclass(frozen=True)
class Series:
    """Points in order of x, drawn as a line; intervals as a band."""

    name: str
    style: str
    """A class of the style sheet: colour and dashes."""
    points: Sequence[Point]


@dataclass(frozen=True)
class Tick:
    """A label at a place along an axis, in per cent."""

    at: float
    label: str


@dataclass
class Chart:
    """One or more series over a common axis."""

    title: str
    series: Sequence[Series]
    unit: str = ""
    low: float | None = None
    high: float | None = None
    bound: float | None = None
    """A line across: what a rule compares with."""
    note: str = ""
    logarithmic: bool = False
    """Whether equal steps up are equal factors; every value is then above 0."""
    _span: tuple[float, float, float, float] = field(init=False)

    def __post_init__(self) -> None:
        points = [point for series in self.series for point in series.points]
        values = [v for p in points for v in (p.value, p.low, p.high) if v is not None and v == v]
        values += [v for v in (self.low, self.high, self.bound) if v is not None]
        bottom, top = (min(values), max(values)) if values else (0.0, 1.0)
        if self.logarithmic:
            bottom, top = math.floor(math.log10(bottom)), math.ceil(math.log10(top) + 1e-9)
        elif self.low is None or self.high is None:  # a bound that is given alone is within the axis
            bottom, top = round_out(bottom, top)
        xs = [p.x for p in points] or [0.0]
        self._span = min(xs), max(xs), bottom, top

    @property
    def empty(self) -> bool:
        """Return whether no series has a value."""
        return not any(_is_known(p.value) for series in self.series for p in series.points)

    def x(self, value: float) -> float:
        """Return where a place lies, 0 to WIDTH."""
        first, last, _, _ = self._span
        return WIDTH * (value - first) / (last - first) if last > first else WIDTH / 2

    def y(self, value: float) -> float:
        """Return where a value lies, HEIGHT at the bottom."""
        _, _, bottom, top = self._span
        place = math.log10(value) if self.logarithmic else value
        return HEIGHT * (1 - (place - bottom) / (top - bottom)) if top > bottom else HEIGHT / 2

    def line(self, series: Series) -> str:
        """Return the path of a series; a gap where a value is missing, a dot where it stands alone."""
        commands, pen_down = [], False
        for point in series.points:
            if point.value is None or not _is_known(point.value):
                pen_down = False
                continue
            at = f"{self.x(point.x):.1f} {self.y(point.value):.1f}"
            commands.append(f"L{at}" if pen_down else f"M{at}h0.1")
            pen_down = True
        return "".join(commands)

    def band(self, series: Series) -> str:
        """Return the outline of a series' intervals; empty where it has none."""
        outlines = []
        for run in _runs(series.points):
            upper = [f"{self.x(p.x):.1f} {self.y(p.high or 0.0):.1f}" for p in run]
            lower = [f"{self.x(p.x):.1f} {self.y(p.low or 0.0):.1f}" for p in reversed(run)]
            outlines.append(f"M{'L'.join([*upper, *lower])}Z")
        return "".join(outlines)

    @property
    def y_ticks(self) -> list[Tick]:
        """Return labels of the upright axis, from the top in per cent."""
        _, _, bottom, top = self._span
        values = [bottom + (top - bottom) * i / TICKS for i in range(TICKS + 1)]
        if self.logarithmic:
            powers = range(round(bottom), round(top) + 1, math.ceil((top - bottom) / TICKS) or 1)
            values = [10.0**power for power in powers]
        return [Tick(100 * self.y(v) / HEIGHT, self.written(v)) for v in values]

    @property
    def x_ticks(self) -> list[Tick]:
        """Return labels of the level axis, some of the points'."""
        labels = {p.x: p.label for series in self.series for p in series.points}
        places = sorted(labels)
        step = max(1, math.ceil(len(places) / MOST_LABELS))
        # From the newest back; the oldest, which is written to the right of its place, only where there is room.
        ticks = [Tick(100 * self.x(place) / WIDTH, labels[place]) for place in places[::-step]]
        return [tick for tick in ticks if not 0 < tick.at < 15]

    @property
    def rows(self) -> list[tuple[str, list[Point | None]]]:
        """Return what the table says: a row a place, a point a series."""
        found = [{p.x: p for p in series.points} for series in self.series]
        labels = {p.x: p.label for series in self.series for p in series.points}
        return [(labels[x], [points.get(x) for points in found]) for x in sorted(labels)]

    def written(self, value: float | None) -> str:
        """Write a value in the chart's unit."""
        if value is None or not _is_known(value):
            return "—"
        _, _, bottom, top = self._span
        if self.unit == "share":
            return f"{value:.0%}" if top - bottom >= 0.1 else f"{value:.2%}"
        return f"{value:,.0f}" if top - bottom >= 10 * TICKS else f"{value:,.4g}"


def round_out(bottom: float, top: float) -> tuple[float, float]:
    """Return the next round numbers below and above: a quarter of their distance is one, two or five of a power of ten.

    Examples
    --------
    >>> round_out(0.61, 0.83)
    (0.6, 1.0)
    >>> round_out(3.0, 3.0)
    (1.0, 5.0)
    """
    if top <= bottom:
        bottom, top = bottom - 0.5 * (abs(bottom) or 1.0), top + 0.5 * (abs(top) or 1.0)
    least = (top - bottom) / TICKS
    power = 10.0 ** math.floor(math.log10(least))
    for factor in (1, 2, 2.5, 5, 10, 20):
        step = factor * power
        first = math.floor(bottom / step + 1e-9) * step
        if first + TICKS * step >= top - 1e-9:
            break
    return round(first, 10), round(first + TICKS * step, 10)


def _runs(points: Sequence[Point]) -> list[list[Point]]:
    """Return the stretches of points that have an interval."""
    runs: list[list[Point]] = [[]]
    for point in points:
        if point.low is None or point.high is None:
            runs.append([])
        else:
            runs[-1].append(point)
    return [run for run in runs if run]


def _is_known(value: float | None) -> bool:
    return value is not None and math.isfinite(value)
