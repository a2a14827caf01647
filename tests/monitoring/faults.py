"""Faults put into the facts of real days, as a feed would bring them from a moment on."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from domain.clock import NEVER
from domain.flights import WEATHER_COLUMNS, FlightFacts, WeatherFacts, columns_of

Facts = tuple[FlightFacts, WeatherFacts]
Fault = Callable[[FlightFacts, WeatherFacts, int], Facts]
AT = {name: i for i, name in enumerate(WEATHER_COLUMNS)}
FIVE_DAYS = 5 * 1440


def _rows(weather: WeatherFacts, since: int, airport: str | None = None) -> np.ndarray:
    rows = weather.observed >= since
    return rows if airport is None else rows & (weather.airport == weather.network.airports.codes[airport])


def stuck(flights: FlightFacts, weather: WeatherFacts, since: int) -> Facts:
    """The sensors of one station repeat the last values before the moment."""
    values, rows = weather.values.copy(), _rows(weather, since, "JFK")
    before = np.flatnonzero(_rows(weather, 0, "JFK") & ~rows)
    values[rows] = values[before[-1]]
    return flights, replace(weather, values=values)


def stuck_thermometer(flights: FlightFacts, weather: WeatherFacts, since: int) -> Facts:
    """One column of one station."""
    values, rows = weather.values.copy(), _rows(weather, since, "EWR")
    values[rows, AT["temp_f"]] = 51.08
    return flights, replace(weather, values=values)


def silent_station(flights: FlightFacts, weather: WeatherFacts, since: int) -> Facts:
    return flights, weather.take(~_rows(weather, since, "LGA"))


def missing_values(flights: FlightFacts, weather: WeatherFacts, since: int) -> Facts:
    values, rows = weather.values.copy(), _rows(weather, since, "LGA")
    values[rows, AT["visibility_mi"]] = np.nan
    return flights, replace(weather, values=values)


def celsius(*airports: str) -> Fault:
    """Temperature and dewpoint in the wrong unit."""

    def fault(flights: FlightFacts, weather: WeatherFacts, since: int) -> Facts:
        values = weather.values.copy()
        for airport in airports:
            cells = np.ix_(_rows(weather, since, airport), [AT["temp_f"], AT["dewpoint_f"]])
            values[cells] = (values[cells] - 32) / 1.8
        return flights, replace(weather, values=values)

    return fault


def celsius_temperature_only(flights: FlightFacts, weather: WeatherFacts, since: int) -> Facts:
    values, rows = weather.values.copy(), _rows(weather, since)
    values[rows, AT["temp_f"]] = (values[rows, AT["temp_f"]] - 32) / 1.8
    return flights, replace(weather, values=values)


def renamed_carrier(flights: FlightFacts, weather: WeatherFacts, since: int) -> Facts:
    codes, carrier = flights.network.carriers, flights.carrier.copy()
    carrier[(flights.sched_dep >= since) & (carrier == codes.code("MQ"))] = codes.code("ZQ")
    return replace(flights, carrier=carrier), weather


def closed_airport(flights: FlightFacts, weather: WeatherFacts, since: int) -> Facts:
    """Everything from one airport is cancelled."""
    shut = (flights.sched_dep >= since) & (flights.origin == flights.network.airports.codes["LGA"])
    return replace(
        flights,
        dep_known=np.where(shut, NEVER, flights.dep_known),
        arr_known=np.where(shut, NEVER, flights.arr_known),
        cancelled_known=np.where(shut, flights.sched_dep + 60, flights.cancelled_known),
    ), weather


def doubled_traffic(flights: FlightFacts, weather: WeatherFacts, since: int) -> Facts:
    """Every flight comes twice, under another number."""
    again = flights.take(flights.sched_dep >= since)
    names = np.array([f"{name[:2]}9{name[2:]}" for name in again.flight_id.tolist()], dtype="U20")
    columns = {
        name: np.concatenate([getattr(flights, name), getattr(again, name)])
        for name in columns_of(FlightFacts)
        if name != "flight_id"
    }
    both = replace(flights, flight_id=np.concatenate([flights.flight_id, names]), **columns)
    return both.take(np.argsort(both.sched_dep, kind="stable")), weather


def late_labels(flights: FlightFacts, weather: WeatherFacts, since: int) -> Facts:
    late = (flights.sched_dep >= since) & (flights.arr_known < NEVER)
    return replace(
        flights, arr_known=np.where(late, flights.arr_known + FIVE_DAYS, flights.arr_known)
    ), weather


def later_arrivals(flights: FlightFacts, weather: WeatherFacts, since: int) -> Facts:
    """The concept has changed: every flight arrives 15 minutes later than it would have."""
    late = (flights.sched_dep >= since) & (flights.arr_known < NEVER)
    return replace(
        flights,
        arr_delay=np.where(late, flights.arr_delay + 15, flights.arr_delay),
        arr_known=np.where(late, flights.arr_known + 15, flights.arr_known),
    ), weather


def shifted(hours: int) -> Fault:
    """The feed sends local times in another zone: everything of a flight is moved by whole hours."""

    def fault(flights: FlightFacts, weather: WeatherFacts, since: int) -> Facts:
        rows = flights.sched_dep >= since
        moved = {
            name: np.where(
                rows & (getattr(flights, name) < NEVER),
                getattr(flights, name) + 60 * hours,
                getattr(flights, name),
            )
            for name in ("sched_dep", "sched_arr", "dep_known", "arr_known", "cancelled_known")
        }
        both = replace(flights, **moved)
        return both.take(np.argsort(both.sched_dep, kind="stable")), weather

    return fault


FAULTS: dict[str, Fault] = {
    "a station repeats itself": stuck,
    "a thermometer is stuck": stuck_thermometer,
    "a station is silent": silent_station,
    "a column is missing": missing_values,
    "Celsius at one airport": celsius("EWR"),
    "Celsius at all airports": celsius("EWR", "JFK", "LGA"),
    "Celsius in one column": celsius_temperature_only,
    "a carrier is renamed": renamed_carrier,
    "an airport is closed": closed_airport,
    "traffic is doubled": doubled_traffic,
    "labels are five days late": late_labels,
    "arrivals are 15 minutes later": later_arrivals,
    "the feed is an hour late": shifted(1),
    "the feed is an hour early": shifted(-1),
    "the feed is two hours late": shifted(2),
}
