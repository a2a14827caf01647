"""Events of a country that no file is of: as many airports and flights as asked for, by the dataset's statistics.

Flights leave by the dataset's hours, last as long as their distance takes, and are as late as one of the dataset's that
left at that hour; few airports are large. The same seed gives the same events.
"""

from dataclasses import dataclass
from datetime import date, datetime, timedelta

import numpy as np
import numpy.typing as npt
import pandas as pd

from data.dataset import Dataset
from data.events import FLIGHT_EVENT_COLUMNS, DatasetEvents
from data.nycflights13 import to_minutes
from domain.airports import AIRPORTS, distance_miles, offset_minutes
from domain.clock import minute_floor
from domain.errors import InvalidInput
from domain.flights import WEATHER_COLUMNS

UNITED_STATES = (
    "America/New_York", "America/Chicago", "America/Denver", "America/Los_Angeles", "America/Phoenix",
    "America/Detroit", "America/Anchorage", "Pacific/Honolulu", "America/Boise", "America/Puerto_Rico",
)  # fmt: skip
MILES_A_MINUTE, TAXI_MINUTES = 7.5, 40
SCHEDULE_KNOWN = timedelta(days=30)
CANCELLED_KNOWN, WEATHER_KNOWN = timedelta(minutes=60), timedelta(minutes=52)
LARGEST_NUMBER = 9999
SOURCE = "generated"
NUMBERS = ("flight_number", "delay_minutes", "air_time_minutes")
MOMENTS = ("event_time", "known_at", "scheduled_departure", "scheduled_arrival")
Ints = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Country:
    """A country's traffic: the same flights every day, each day with other delays and other weather."""

    airports: int
    flights_per_day: int
    first: date
    days: int
    seed: int = 2013


@dataclass(frozen=True)
class Route:
    """A day's flights by their numbers; every array has shape (flights_per_day,)."""

    carrier: npt.NDArray[np.str_]
    number: Ints
    origin: npt.NDArray[np.str_]
    dest: npt.NDArray[np.str_]
    minute: Ints
    """Of departure, local."""
    block: Ints


@dataclass(frozen=True)
class Delays:
    """What came of the dataset's flights by the local hour of their departure."""

    minute: Ints
    """Of departure, local."""
    departed: Ints
    arrived: Ints
    by_hour: tuple[Ints, ...]
    """Rows that left in each hour; where there are few, all."""
    cancelled: float
    carriers: npt.NDArray[np.str_]


def events_of_country(country: Country, dataset: Dataset, until: datetime) -> DatasetEvents:
    """Return the events of a country that are known by a moment, sorted as the dataset's are.

    Raises
    ------
    InvalidInput
        If there are not so many airports, or not two of them.
    """
    random = np.random.default_rng(country.seed)
    codes = airports_of(country.airports, random)
    delays = _delays(dataset.events.flight_events)
    routes = _routes(country.flights_per_day, codes, delays, random)
    days = [country.first + timedelta(days=i) for i in range(country.days)]
    flights = pd.concat([_day(day, routes, delays, random) for day in days], ignore_index=True)
    weather = _weather(codes, days, dataset.events.weather_events, random)
    return DatasetEvents(_known(flights, until), _known(weather, until))


def airports_of(count: int, random: np.random.Generator) -> list[str]:
    """Return so many airports, those of the United States first.

    Raises
    ------
    InvalidInput
        If there are fewer, or fewer than two are asked for.
    """
    at_home = sorted(code for code, place in AIRPORTS.items() if place.zone in UNITED_STATES)
    others = sorted(set(AIRPORTS) - set(at_home))
    if not 2 <= count <= len(AIRPORTS):
        raise InvalidInput("airports", f"a number from 2 to {len(AIRPORTS)}", count)
    chosen = [*random.permutation(at_home).tolist(), *random.permutation(others).tolist()]
    return [str(code) for code in chosen[:count]]


def _delays(events: pd.DataFrame) -> Delays:
    by_kind = {kind: part.set_index("flight_id") for kind, part in events.groupby("kind", observed=True)}
    scheduled = by_kind["scheduled"]
    gone = by_kind["departed"]["delay_minutes"].to_frame("departed")
    gone = gone.join(by_kind["arrived"]["delay_minutes"].rename("arrived"), how="inner").join(
        scheduled, how="inner"
    )
    minute = _local_minutes(gone["origin"].to_numpy(dtype=str), gone["scheduled_departure"])
    hours = [np.flatnonzero(minute // 60 == hour) for hour in range(24)]
    return Delays(
        minute,
        gone["departed"].to_numpy(dtype=np.int64),
        gone["arrived"].to_numpy(dtype=np.int64),
        tuple(rows if len(rows) > 100 else np.arange(len(gone)) for rows in hours),
        len(by_kind["cancelled"]) / len(scheduled),
        gone["carrier"].to_numpy(dtype=str),
    )


def _local_minutes(airports: npt.NDArray[np.str_], moments: "pd.Series[pd.Timestamp]") -> Ints:
    """Return the local minute of the day; the dataset's airports keep one time."""
    minutes = to_minutes(moments)
    offsets = offset_minutes(str(airports[0]), minutes)
    assert offsets is not None  # noqa: S101  the dataset's airports are known
    return np.asarray((minutes + offsets) % 1440, dtype=np.int64)


def _routes(count: int, codes: list[str], delays: Delays, random: np.random.Generator) -> Route:
    """Return a day's flights: from large airports more than from small ones, to others, by the dataset's hours."""
    names = np.array(codes)
    weight = 1 / (np.arange(len(codes)) + 5.0)
    weight /= weight.sum()
    origin = random.choice(len(codes), count, p=weight)
    dest = random.choice(len(codes), count, p=weight)
    dest = np.where(dest == origin, (origin + 1) % len(codes), dest)
    carrier = np.sort(random.choice(delays.carriers, count))
    # Numbers run on within a carrier, and begin again with other origins when they are used up.
    first = np.searchsorted(carrier, carrier)
    number = (np.arange(count) - first) % LARGEST_NUMBER + 1
    miles = [distance_miles(one, other) for one, other in zip(names[origin], names[dest], strict=True)]
    block = np.rint(np.array(miles, dtype=np.float64) / MILES_A_MINUTE + TAXI_MINUTES).astype(np.int64)
    routes = Route(carrier, number, names[origin], names[dest], random.choice(delays.minute, count), block)
    _, kept = np.unique(
        np.char.add(np.char.add(carrier, number.astype(str)), routes.origin), return_index=True
    )
    return Route(**{name: values[np.sort(kept)] for name, values in vars(routes).items()})


def _day(day: date, routes: Route, delays: Delays, random: np.random.Generator) -> pd.DataFrame:
    count = len(routes.number)
    midnight = pd.Timestamp(day, tz="UTC")
    noon = np.array([minute_floor(midnight.to_pydatetime()) + 720])
    offset = {code: _offset(code, noon) for code in np.unique(routes.origin).tolist()}
    local = routes.minute - np.array([offset[code] for code in routes.origin.tolist()])
    rows = np.array([random.choice(delays.by_hour[hour]) for hour in (routes.minute // 60).tolist()])
    departure = midnight + pd.to_timedelta(local, unit="min")
    arrival = departure + pd.to_timedelta(routes.block, unit="min")
    names = zip(routes.carrier.tolist(), routes.number.tolist(), routes.origin.tolist(), strict=True)
    flight = np.array([f"{carrier}{number}-{origin}-{day:%Y%m%d}" for carrier, number, origin in names])
    left, there = delays.departed[rows], delays.arrived[rows]
    called_off = random.random(count) < delays.cancelled
    schedule = {
        "carrier": routes.carrier, "flight_number": routes.number, "origin": routes.origin, "dest": routes.dest,
        "scheduled_departure": departure, "scheduled_arrival": arrival,
    }  # fmt: skip
    gone, went = departure + pd.to_timedelta(left, unit="min"), ~called_off
    come = arrival + pd.to_timedelta(there, unit="min")
    parts = [
        _events("scheduled", flight, departure, departure - SCHEDULE_KNOWN, schedule),
        _events("departed", flight[went], gone[went], gone[went], {"delay_minutes": left[went]}),
        _events(
            "arrived", flight[went], come[went], come[went],
            {"delay_minutes": there[went], "air_time_minutes": np.maximum(routes.block - TAXI_MINUTES, 10)[went]},
        ),
        _events(
            "cancelled", flight[called_off], departure[called_off], departure[called_off] + CANCELLED_KNOWN, {}
        ),
    ]  # fmt: skip
    return pd.concat(parts, ignore_index=True)


def _offset(airport: str, minute: Ints) -> int:
    found = offset_minutes(airport, minute)
    return 0 if found is None else int(found[0])


def _events(
    kind: str,
    flight: npt.NDArray[np.str_],
    happened: pd.DatetimeIndex,
    known: pd.DatetimeIndex,
    values: dict[str, object],
) -> pd.DataFrame:
    frame = pd.DataFrame(
        {"flight_id": flight, "kind": kind, "event_time": happened, "known_at": known, **values}
    )
    frame = frame.assign(source=SOURCE).reindex(columns=list(FLIGHT_EVENT_COLUMNS))
    return frame.astype(dict.fromkeys(NUMBERS, "Int64") | dict.fromkeys(MOMENTS, "datetime64[us, UTC]"))


def _weather(
    codes: list[str], days: list[date], observed: pd.DataFrame, random: np.random.Generator
) -> pd.DataFrame:
    """Return an observation an airport and hour: one of the dataset's, of any hour."""
    hours = pd.date_range(days[0], periods=24 * len(days), freq="h", tz="UTC")
    rows = observed.iloc[random.integers(0, len(observed), len(codes) * len(hours))]
    at = hours.repeat(len(codes))
    return rows.assign(
        airport=np.tile(np.array(codes), len(hours)),
        observed_at=at,
        known_at=at + WEATHER_KNOWN,
        source=SOURCE,
    )[["airport", "observed_at", "known_at", *WEATHER_COLUMNS, "source"]]


def _known(events: pd.DataFrame, until: datetime) -> pd.DataFrame:
    kept = events[events["known_at"] <= pd.Timestamp(until)]
    return kept.sort_values("known_at", kind="stable", ignore_index=True)
