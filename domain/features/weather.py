"""Weather: the newest observation known at the origin, how it moved in three hours, and the worst nearby.

An hourly row is labelled with the hour and observed at about h:51; `WeatherFacts.known` holds when it was
known. What came late, after a silence of the feed or in a file of last month, is as old as it would be had it come in
time: an observation counts from when it was known until as long after it as any other.
"""

import math
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from domain.airports import AIRPORTS, EARTH_RADIUS_MILES, distance_miles
from domain.features.columns import Column, measure
from domain.features.grid import DAY_MINUTES, Ticks
from domain.features.scene import Scene
from domain.features.windows import Pairs, expand
from domain.flights import WEATHER_COLUMNS, Floats, Ints, WeatherFacts

FAMILY = "weather"
KIND = "weather"
KNOWN_AT = "observation published"
MAX_AGE_MINUTES = 360
"""An observation heard of for longer is no longer the present weather."""
IN_TIME_MINUTES = 60
"""After the label of its hour, at most, an observation that comes in time is known."""
TREND_MINUTES = 180
NEARBY_MILES = 100
AT = {name: i for i, name in enumerate(WEATHER_COLUMNS)}
UNITS = ("°F", "°F", "%", "degrees", "mph", "mph", "inches", "mb", "miles")
TRENDS = ("temp_f", "humidity_pct", "wind_speed_mph", "precip_in", "pressure_mb", "visibility_mi")
HIGHEST_NEARBY = ("humidity_pct", "wind_speed_mph", "wind_gust_mph", "precip_in")
LOWEST_NEARBY = ("pressure_mb", "visibility_mi")
RAIN_WINDOWS = ("6h", "12h", "24h")
FOG_WINDOW, GUST_WINDOW = "12h", "6h"
WINDOW_MINUTES = {"6h": 360, "12h": 720, "24h": 1440}
LOW_VISIBILITY_MILES = 3.0
THOUSANDTHS = 1000
SUMS = (
    *(measure(f"precip_in_sum_{name}", "inches", KNOWN_AT) for name in RAIN_WINDOWS),
    measure(f"low_visibility_hours_{FOG_WINDOW}", "hours", KNOWN_AT),
    measure(f"wind_gust_mph_max_{GUST_WINDOW}", "mph", KNOWN_AT),
)
# Sines by whole degree from one table: the same bits for one row and for a million, on every machine's numpy.
SINE = np.array([math.sin(math.radians(d)) for d in range(360)])


def _columns() -> tuple[Column, ...]:
    unit = dict(zip(WEATHER_COLUMNS, UNITS, strict=True))
    return (
        *(measure(name, unit[name], KNOWN_AT) for name in WEATHER_COLUMNS if name != "wind_dir_deg"),
        measure("wind_from_east", "mph", KNOWN_AT),
        measure("wind_from_north", "mph", KNOWN_AT),
        measure("dewpoint_spread", "°F", KNOWN_AT),
        *(measure(f"{name}_trend_3h", unit[name], KNOWN_AT) for name in TRENDS),
        *(measure(f"{name}_nearby", unit[name], KNOWN_AT) for name in HIGHEST_NEARBY + LOWEST_NEARBY),
        *SUMS,
    )


COLUMNS = {KIND: _columns()}


def stations(scene: Scene) -> tuple[str, ...]:
    """Return the airports with an observation in reach of the scene: the entities of the weather state."""
    weather = _reachable(scene)
    names = weather.network.airports.names
    return tuple(names[c] for c in np.flatnonzero(np.bincount(weather.airport, minlength=1)).tolist())


def compute(scene: Scene) -> dict[str, Floats]:
    """Return the weather at every station, shape (n_ticks, n_stations, n_columns)."""
    weather, names = _reachable(scene), stations(scene)
    position = {weather.network.airports.codes[name]: i for i, name in enumerate(names)}
    station = np.array([position[code] for code in weather.airport.tolist()], dtype=np.int64)
    now = _newest(weather, station, len(names), scene.ticks, ago=0)
    trend = now - _newest(weather, station, len(names), scene.ticks, ago=TREND_MINUTES)
    nearby, seen = _nearby(names), _seen(weather, station, len(names), scene.ticks)
    layers = [now[:, :, AT[name]] for name in WEATHER_COLUMNS if name != "wind_dir_deg"]
    layers += _wind(now[:, :, AT["wind_dir_deg"]], now[:, :, AT["wind_speed_mph"]])
    layers.append(now[:, :, AT["temp_f"]] - now[:, :, AT["dewpoint_f"]])
    layers += [trend[:, :, AT[name]] for name in TRENDS]
    layers += [_worst(np.fmax, now[:, :, AT[name]], nearby, seen) for name in HIGHEST_NEARBY]
    layers += [_worst(np.fmin, now[:, :, AT[name]], nearby, seen) for name in LOWEST_NEARBY]
    layers += _sums(weather, station, len(names), scene.ticks)
    return {KIND: np.stack(layers, axis=2)}


def _reachable(scene: Scene) -> WeatherFacts:
    known, reach = scene.weather.known, [scene.ticks.first - DAY_MINUTES, scene.ticks.last]
    low, high = np.searchsorted(known, reach, side="right").tolist()
    return scene.weather.take(slice(low, high))


def _heard(weather: WeatherFacts) -> Ints:
    """Return the minute from which each observation grows old: when it was known, had it come in time."""
    heard: Ints = np.minimum(weather.known, weather.observed + IN_TIME_MINUTES)
    return heard


def _counting(weather: WeatherFacts, minutes: int, ticks: Ticks, ago: int = 0) -> Pairs:
    """Return the pairs of ticks and observations that count: known, and heard of less than some minutes ago."""
    return expand(weather.known + ago, _heard(weather) + ago + minutes, ticks)


def _newest(weather: WeatherFacts, station: Ints, n_stations: int, ticks: Ticks, ago: int) -> Floats:
    """Return the newest values known some minutes ago, shape (n_ticks, n_stations, n_measures); NaN = none fresh."""
    pairs = _counting(weather, MAX_AGE_MINUTES, ticks, ago)
    cells = pairs.tick * n_stations + station[pairs.flight]
    # By time of observation, not by arrival: one that came late must not replace a newer one.
    order = np.lexsort((weather.observed[pairs.flight], cells))
    newest = order[np.flatnonzero(np.diff(cells[order], append=-1))]
    found = np.full((ticks.count * n_stations, len(WEATHER_COLUMNS)), np.nan)
    found[cells[newest]] = weather.values[pairs.flight[newest]]
    return found.reshape(ticks.count, n_stations, len(WEATHER_COLUMNS))


def _seen(weather: WeatherFacts, station: Ints, n_stations: int, ticks: Ticks) -> npt.NDArray[np.bool_]:
    """Return whether each station has been heard of in the day before each tick, shape (n_ticks, n_stations)."""
    pairs = _counting(weather, DAY_MINUTES, ticks)
    cells = pairs.tick * n_stations + station[pairs.flight]
    heard = np.bincount(cells, minlength=ticks.count * n_stations) > 0
    return heard.reshape(ticks.count, n_stations)


def _sums(weather: WeatherFacts, station: Ints, n_stations: int, ticks: Ticks) -> list[Floats]:
    """Return rain of the last hours, hours of low visibility and the strongest gust, each (n_ticks, n_stations).

    Several observations of one hour tell of the same rain: each hour counts once, by its largest.
    """
    rain = np.rint(THOUSANDTHS * weather.values[:, AT["precip_in"]])
    fog = np.where(
        np.isnan(weather.values[:, AT["visibility_mi"]]),
        np.nan,
        weather.values[:, AT["visibility_mi"]] < LOW_VISIBILITY_MILES,
    )
    by_hour = _Hours(weather, station, n_stations, ticks)
    gust = weather.values[:, AT["wind_gust_mph"]]
    return [
        *(
            by_hour.largest(rain, minutes).sum(axis=2) / THOUSANDTHS
            for minutes in (WINDOW_MINUTES[name] for name in RAIN_WINDOWS)
        ),
        by_hour.largest(fog, WINDOW_MINUTES[FOG_WINDOW]).sum(axis=2),
        by_hour.largest(gust, WINDOW_MINUTES[GUST_WINDOW]).max(axis=2),
    ]


HOURS = 25


class _Hours:
    """Observations of the last day by tick, station and hour."""

    def __init__(self, weather: WeatherFacts, station: Ints, n_stations: int, ticks: Ticks):
        self._shape = (ticks.count, n_stations, HOURS)
        self._pairs = _counting(weather, DAY_MINUTES, ticks)
        self._age = ticks.minutes()[self._pairs.tick] - _heard(weather)[self._pairs.flight]
        hour = weather.observed[self._pairs.flight] // 60 % HOURS
        self._cells = (self._pairs.tick * n_stations + station[self._pairs.flight]) * HOURS + hour

    def largest(self, values: Floats, minutes: int) -> Floats:
        """Return the largest value of each hour within some minutes, 0 where there is none; NaN in all without any."""
        of_pair = values[self._pairs.flight]
        there = (self._age < minutes) & (of_pair == of_pair)
        largest = np.zeros(self._shape[0] * self._shape[1] * self._shape[2])
        np.maximum.at(largest, self._cells[there], of_pair[there])
        seen = np.bincount(self._cells[there], minlength=len(largest)).reshape(self._shape).any(axis=2)
        result = largest.reshape(self._shape)
        result[~seen] = np.nan
        return result


def _wind(direction: Floats, speed: Floats) -> list[Floats]:
    """Return the components of the wind, mph; positive = from the east, from the north."""
    # A calm has no direction and no component.
    known = ~np.isnan(direction)
    degrees = np.where(known, np.rint(np.where(known, direction, 0.0)), 0.0).astype(np.int64)
    calm = ~known & (speed == 0)
    return [
        np.where(calm, 0.0, np.where(known, speed * SINE[(degrees + shift) % 360], np.nan))
        for shift in (0, 90)
    ]


@lru_cache(maxsize=64)
def _nearby(names: tuple[str, ...]) -> tuple[Ints, ...]:
    """Return the positions of the stations near each station, itself included."""
    # A country has a hundred thousand pairs: only those whose latitudes allow it are measured.
    latitude = np.array([AIRPORTS[name].latitude if name in AIRPORTS else np.nan for name in names])
    band = math.degrees((NEARBY_MILES + 1) / EARTH_RADIUS_MILES)
    return tuple(
        np.array([j for j in _within(latitude, i, band) if _near(name, names[j])], dtype=np.int64)
        for i, name in enumerate(names)
    )


def _within(latitude: Floats, position: int, band: float) -> list[int]:
    near = np.abs(latitude - latitude[position]) <= band
    near[position] = True
    return np.flatnonzero(near).tolist()


def _near(one: str, other: str) -> bool:
    miles = distance_miles(one, other)
    return one == other or (miles is not None and miles <= NEARBY_MILES)


def _worst(worse: np.ufunc, values: Floats, nearby: tuple[Ints, ...], seen: npt.NDArray[np.bool_]) -> Floats:
    """Return the worst value near each station, shape (n_ticks, n_stations); NaN where nothing is known of the station.

    A station that fell silent still has its neighbours; one not heard of yet has no state, as online,
    where it is not in the table.
    """
    worst = np.empty_like(values)
    for position, others in enumerate(nearby):
        worst[:, position] = worse.reduce(values[:, others], axis=1)
    worst[~seen] = np.nan
    return worst
