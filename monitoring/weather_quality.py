"""Whether the weather can be believed: one day of observations is enough to find a broken sensor.

Each fault has a measure that sees it on its own day: a sensor that sticks repeats itself, one in the wrong unit
contradicts its neighbours, and all in the wrong unit contradict physics: temperature, dewpoint and humidity are
bound to each other.
"""

from collections.abc import Iterator
from datetime import datetime

import numpy as np

from domain.clock import minute_floor
from domain.flights import WEATHER_COLUMNS, Floats, WeatherFacts
from monitoring.measures import Measure

AT = {name: i for i, name in enumerate(WEATHER_COLUMNS)}
STEADY = ("temp_f", "dewpoint_f", "humidity_pct", "wind_speed_mph", "pressure_mb")
"""What varies from hour to hour; rain and visibility stand still for days."""
REPORTED = {
    "temp_f": "weather_missing_excess",
    "dewpoint_f": "weather_missing_excess",
    "humidity_pct": "weather_missing_excess",
    "wind_speed_mph": "weather_missing_excess",
    "precip_in": "weather_missing_excess",
    "visibility_mi": "weather_missing_excess",
    "pressure_mb": "weather_pressure_missing_excess",
}
"""What every station measures every hour, and the measure of its loss; pressure is rightly missing for half a day
now and then. Gusts and the direction of a calm are not among them."""
LIKE_NEIGHBOURS = {
    "temp_f": 2.0,
    "dewpoint_f": 2.0,
    "humidity_pct": 5.0,
    "pressure_mb": 0.5,
    "wind_speed_mph": 2.0,
}
"""Smallest scale on which a station's distance from the others is measured, in its own unit."""
HOURS = 24
PUBLISHED_AFTER_MINUTES = 52
"""The observation of the hour h is there at about h:52."""
USUALLY_MISSING = 0.8
"""Quantile of the days before that a day's loss is counted from: a fault of a few days stays one."""
TRAILING_DAYS = 28
MINIMUM_DAYS = 7
MINIMUM_NEIGHBOURS = 2
"""Stations that an hour of a neighbourhood is the mean of, at least."""
MAD_TO_DEVIATION = 1.4826
NOWHERE = float("nan")


def measure_weather(weather: WeatherFacts, as_of: datetime) -> list[Measure]:
    """Measure the 24 hours before `as_of`, against the four weeks before them.

    Parameters
    ----------
    weather : WeatherFacts
        Of the last four weeks at least; what became known after `as_of` is not looked at.
    """
    known = weather.take(weather.known <= minute_floor(as_of))
    stations = [_Station(name, known, as_of) for name in _stations(known)]
    measures = [m for station in stations for m in station.measures()]
    measures += _neighbours(stations)
    return [*measures, *_worst(measures)]


def humidity_of(temp_f: Floats, dewpoint_f: Floats) -> Floats:
    """Return the relative humidity that temperature and dewpoint imply, in percent (Magnus' formula).

    Examples
    --------
    >>> humidity_of(np.array([50.0, 60.0]), np.array([50.0, 41.0])).round().tolist()
    [100.0, 50.0]
    """
    temp, dewpoint = ((t - 32) / 1.8 for t in (temp_f, dewpoint_f))
    humidity: Floats = 100 * np.exp(17.625 * dewpoint / (243.04 + dewpoint) - 17.625 * temp / (243.04 + temp))
    return humidity


def longest_run(values: Floats) -> int:
    """Return the most consecutive values that equal each other; a missing one ends a run.

    Examples
    --------
    >>> longest_run(np.array([1.0, 2.0, 2.0, 2.0, 3.0]))
    3
    """
    longest = run = 0
    for same in np.append(False, values[1:] == values[:-1]).tolist():
        run = run + 1 if same else 1
        longest = max(longest, run)
    return longest if np.isfinite(values).any() else 0


class _Station:
    """One station's day and the days before it, on a grid of hours; the newest hour is the last row."""

    def __init__(self, name: str, weather: WeatherFacts, as_of: datetime):
        self.name = name
        rows = weather.airport == weather.network.airports.codes[name]
        now = minute_floor(as_of)
        ago = (now - PUBLISHED_AFTER_MINUTES) // 60 - weather.observed[rows] // 60
        reach = (TRAILING_DAYS + 1) * HOURS
        near = (ago >= 0) & (ago < reach)
        self.hours = np.full((reach, len(WEATHER_COLUMNS)), np.nan)
        self.hours[reach - 1 - ago[near]] = weather.values[rows][near]
        self.age_hours = float(now - weather.known[rows].max()) / 60 - _usual_silence(self.hours)

    @property
    def today(self) -> Floats:
        """Return the day itself, shape (HOURS, n_columns)."""
        return self.hours[-HOURS:]

    def day_medians(self, values: Floats) -> Floats:
        """Return the median of each day of hourly values, newest last; NaN where a day has none."""
        return _medians(values.reshape(-1, HOURS))

    def measures(self) -> Iterator[Measure]:
        where = f"station={self.name}"
        today, before = self.today, self.hours[:-HOURS]
        n = int(np.isfinite(today[:, AT["temp_f"]]).sum())
        observed = today[np.isfinite(today).any(axis=1)]
        yield Measure("weather_age_hours", self.age_hours, where, n=n)
        yield Measure("weather_stuck_hours", float(_stuck(observed)), where, n=n)
        yield Measure("weather_frozen_hours", float(_frozen(observed)), where, n=n)
        for column, name in REPORTED.items():
            lost = np.isnan(today[:, AT[column]]).mean() - _missing_before(before[:, AT[column]])
            yield Measure(name, float(lost), f"{where},{column}", n=HOURS)
        implied = humidity_of(today[:, AT["temp_f"]], today[:, AT["dewpoint_f"]])
        contradiction = np.abs(today[:, AT["humidity_pct"]] - implied)
        yield Measure("weather_contradiction", _median(contradiction), where, n=n)
        for column, floor in LIKE_NEIGHBOURS.items():
            jump = _deviation(self.day_medians(self.hours[:, AT[column]]), 2 * floor)
            yield Measure("weather_jump", jump, f"{where},{column}", n=n)


def _stations(weather: WeatherFacts) -> list[str]:
    """Return every station heard of in the weeks before, one that has fallen silent included."""
    names = weather.network.airports.names
    return [names[code] for code in np.unique(weather.airport).tolist()]


def _usual_silence(hours: Floats) -> float:
    """Return for how many hours a station has usually been silent at this hour: some report while they are open.

    Days without any report do not count: one that fell silent for good is no less stale for it.
    """
    heard = np.isfinite(hours[:-HOURS]).any(axis=1).reshape(-1, HOURS)
    heard = heard[heard.any(axis=1)]
    if len(heard) < MINIMUM_DAYS:
        return 0.0
    return float(np.median(np.argmax(heard[:, ::-1], axis=1)))


def _stuck(today: Floats) -> int:
    return max((longest_run(today[:, AT[column]]) for column in STEADY), default=0) if len(today) else 0


def _frozen(today: Floats) -> int:
    """Return the hours in which nothing the station reports has moved at all."""
    if not len(today):
        return 0
    steady = today[:, [AT[column] for column in STEADY]]
    moved = (steady[1:] != steady[:-1]) & np.isfinite(steady[1:])
    return longest_run(np.cumsum(np.append(False, moved.any(axis=1))).astype(np.float64))


def _missing_before(values: Floats) -> float:
    """Return the share of missing hours that is exceeded on few of the days on which the column was there at all."""
    days = np.isnan(values.reshape(-1, HOURS)).mean(axis=1)
    days = days[days < 1]
    return float(np.quantile(days, USUALLY_MISSING)) if len(days) >= MINIMUM_DAYS else NOWHERE


def _neighbours(stations: list[_Station]) -> Iterator[Measure]:
    """Return how far each station lies from the others, in units of how far it usually does."""
    if len(stations) < 3:
        return
    hours = np.stack([station.hours for station in stations])
    for i, station in enumerate(stations):
        others = np.delete(hours, i, axis=0)
        for column, floor in LIKE_NEIGHBOURS.items():
            gap = hours[i, :, AT[column]] - _mean_of_known(others[:, :, AT[column]])
            value = _deviation(station.day_medians(gap), floor)
            yield Measure("weather_station_gap", value, f"station={station.name},{column}", n=HOURS)


def _mean_of_known(values: Floats) -> Floats:
    """Return the mean of each column's known values, NaN where fewer than two are; shape (n_columns,)."""
    known = np.isfinite(values)
    count = known.sum(axis=0)
    total = np.where(known, values, 0.0).sum(axis=0)
    return np.where(count >= MINIMUM_NEIGHBOURS, total / np.maximum(count, 1), np.nan)


def _deviation(days: Floats, floor: float) -> float:
    """Return the distance of the newest day from the days before it, in their robust deviations."""
    before = days[:-1][np.isfinite(days[:-1])]
    if len(before) < MINIMUM_DAYS:
        return NOWHERE
    middle = np.median(before)
    scale = max(MAD_TO_DEVIATION * float(np.median(np.abs(before - middle))), floor)
    return float(abs(days[-1] - middle) / scale)


def _medians(table: Floats) -> Floats:
    found = np.full(len(table), np.nan)
    known = np.isfinite(table).any(axis=1)
    found[known] = np.nanmedian(table[known], axis=1)
    return found


def _median(values: Floats) -> float:
    known = values[np.isfinite(values)]
    return float(np.median(known)) if len(known) else NOWHERE


def _worst(measures: list[Measure]) -> Iterator[Measure]:
    """Return for each measure the worst of all stations and columns."""
    for name in dict.fromkeys(m.name for m in measures):
        known = [m for m in measures if m.name == name and m.value == m.value]
        worst = max(known, key=lambda m: m.value, default=Measure(name, NOWHERE))
        yield Measure(name, worst.value, n=worst.n)
