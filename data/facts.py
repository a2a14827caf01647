"""Event frames as the domain's facts, without a database: for experiments, reports and tests."""

from datetime import datetime

import numpy as np
import pandas as pd

from data.events import DatasetEvents
from data.nycflights13 import to_minutes
from domain.clock import NEVER, minute_floor
from domain.features import optional
from domain.flights import WEATHER_COLUMNS, Announcements, FlightFacts, Network, WeatherFacts


class FactsInMemory:
    """Facts in the place of an event store."""

    def __init__(self, flights: FlightFacts, weather: WeatherFacts):
        self._flights, self._weather = flights, weather

    def facts(self, known_by: datetime, scheduled_from: datetime) -> tuple[FlightFacts, WeatherFacts]:
        """Return what was known by a moment of flights scheduled from another on."""
        scheduled = self._flights.take(self._flights.sched_dep >= minute_floor(scheduled_from))
        known = minute_floor(known_by)
        return scheduled.known_by(known), self._weather.known_by(known)


def facts_of(events: DatasetEvents) -> tuple[FlightFacts, WeatherFacts]:
    """Return the facts of some events: a row a scheduled flight, and the weather, sharing one network."""
    network = Network()
    return _flights(events.flight_events, network), _weather(events.weather_events, network)


def _flights(events: pd.DataFrame, network: Network) -> FlightFacts:
    by_kind = {str(kind): part.set_index("flight_id") for kind, part in events.groupby("kind", sort=False)}
    empty = events.iloc[:0].set_index("flight_id")
    order = ["scheduled_departure", "flight_id"]
    flights = by_kind.get("scheduled", empty).reset_index().sort_values(order, ignore_index=True)
    ids = flights["flight_id"]
    rest = {
        kind: by_kind.get(kind, empty).reindex(ids)
        for kind in ("departed", "arrived", "cancelled", "diverted")
    }
    departed, arrived = rest["departed"], rest["arrived"]
    return FlightFacts(
        network=network,
        flight_id=ids.to_numpy(dtype=str),
        carrier=network.carriers.encode(flights["carrier"].to_numpy(dtype=str)),
        origin=network.airports.encode(flights["origin"].to_numpy(dtype=str)),
        dest=network.airports.encode(flights["dest"].to_numpy(dtype=str)),
        sched_dep=to_minutes(flights["scheduled_departure"]),
        sched_arr=to_minutes(flights["scheduled_arrival"]),
        scheduled_known=to_minutes(flights["known_at"]),
        dep_known=_known(departed),
        dep_delay=_whole(departed["delay_minutes"], 0),
        arr_known=_known(arrived),
        arr_delay=_whole(arrived["delay_minutes"], 0),
        air_time=_whole(arrived["air_time_minutes"], -1),
        cancelled_known=np.minimum(_known(rest["cancelled"]), _known(rest["diverted"])),
        superseded=np.full(len(ids), NEVER),
        announced=_announcements(events[events["kind"].isin(optional.CHOSEN)]),
    )


def _announcements(events: pd.DataFrame) -> Announcements:
    tails = events["tail"].fillna("") if "tail" in events else pd.Series("", index=events.index)
    return Announcements(
        flight_id=events["flight_id"].to_numpy(dtype=str),
        kind=events["kind"].to_numpy(dtype=str),
        known=to_minutes(events["known_at"]),
        sequence=np.arange(len(events)),
        tail=tails.to_numpy(dtype=str),
        delay=_whole(events["delay_minutes"], 0),
    )


def _known(events: pd.DataFrame) -> np.ndarray:
    known = np.full(len(events), NEVER, dtype=np.int64)
    there = events["known_at"].notna().to_numpy()
    known[there] = to_minutes(events["known_at"][there])
    return known


def _whole(values: pd.Series, missing: int) -> np.ndarray:
    return values.astype("Int64").fillna(missing).to_numpy(dtype=np.int64)


def _weather(events: pd.DataFrame, network: Network) -> WeatherFacts:
    return WeatherFacts(
        network=network,
        airport=network.airports.encode(events["airport"].to_numpy(dtype=str)),
        observed=to_minutes(events["observed_at"]),
        known=to_minutes(events["known_at"]),
        values=events[list(WEATHER_COLUMNS)].to_numpy(dtype=np.float64),
    )
