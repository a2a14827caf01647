"""Small makers of events, facts and records for tests."""

import uuid
from datetime import UTC, datetime, timedelta

import numpy as np

from adapters.prediction_lines import PredictionRecord
from domain.events import FlightEvent, WeatherEvent
from domain.flights import WEATHER_COLUMNS

NOON = datetime(2013, 4, 11, 12, 0, tzinfo=UTC)
DAY = timedelta(days=1)
MINUTE = timedelta(minutes=1)


def scheduled(
    number: int = 1, departure: datetime = NOON, known_at: datetime | None = None, **changes
) -> FlightEvent:
    """The schedule of flight UA<number> from EWR to IAH, known a month before."""
    values = {
        "flight_id": flight_id(number, departure),
        "kind": "scheduled",
        "event_time": departure,
        "known_at": known_at or departure - 30 * DAY,
        "carrier": "UA",
        "flight_number": number,
        "origin": "EWR",
        "dest": "IAH",
        "scheduled_departure": departure,
        "scheduled_arrival": departure + timedelta(hours=4),
    }
    return FlightEvent(**(values | changes))


def departed(number: int = 1, departure: datetime = NOON, delay: int = 0, **changes) -> FlightEvent:
    """Flight UA<number> leaves."""
    moment = departure + timedelta(minutes=delay)
    values = {
        "flight_id": flight_id(number, departure),
        "kind": "departed",
        "event_time": moment,
        "known_at": moment,
    }
    return FlightEvent(**(values | {"delay_minutes": delay} | changes))


def arrived(number: int = 1, departure: datetime = NOON, delay: int = 0, **changes) -> FlightEvent:
    """Flight UA<number> is there."""
    moment = departure + timedelta(hours=4, minutes=delay)
    values = {
        "flight_id": flight_id(number, departure),
        "kind": "arrived",
        "event_time": moment,
        "known_at": moment,
    }
    return FlightEvent(**(values | {"delay_minutes": delay, "air_time_minutes": 200} | changes))


def cancelled(number: int = 1, departure: datetime = NOON, **changes) -> FlightEvent:
    """Flight UA<number> never leaves."""
    moment = departure + timedelta(hours=1)
    values = {
        "flight_id": flight_id(number, departure),
        "kind": "cancelled",
        "event_time": moment,
        "known_at": moment,
    }
    return FlightEvent(**(values | changes))


def reinstated(number: int = 1, departure: datetime = NOON, **changes) -> FlightEvent:
    """Flight UA<number> leaves after all."""
    return cancelled(number, departure, **({"kind": "reinstated"} | changes))


def assigned(number: int = 1, departure: datetime = NOON, tail: str = "N1", **changes) -> FlightEvent:
    """An aircraft is assigned to flight UA<number>, four hours before it leaves."""
    moment = departure - timedelta(hours=4)
    values = {
        "flight_id": flight_id(number, departure),
        "kind": "aircraft_assigned",
        "event_time": moment,
        "known_at": moment,
    }
    return FlightEvent(**(values | {"tail": tail} | changes))


def estimated(number: int = 1, departure: datetime = NOON, delay: int = 0, **changes) -> FlightEvent:
    """Flight UA<number> is expected to leave so late, as is known two hours before."""
    values = {
        "flight_id": flight_id(number, departure),
        "kind": "departure_estimated",
        "event_time": departure + timedelta(minutes=delay),
        "known_at": departure - timedelta(hours=2),
    }
    return FlightEvent(**(values | {"delay_minutes": delay} | changes))


def observation(airport: str = "EWR", observed_at: datetime = NOON, **measured: float) -> WeatherEvent:
    """Weather of an hour, known at its 52nd minute."""
    values = tuple(measured.get(name) for name in WEATHER_COLUMNS)
    return WeatherEvent(airport, observed_at, values, known_at=observed_at + 52 * MINUTE)


def flight_id(number: int = 1, departure: datetime = NOON) -> str:
    """Identity of flight UA<number> from EWR."""
    return f"UA{number}-EWR-{departure:%Y%m%d}"


def prediction(number: int = 1, departure: datetime = NOON, **changes) -> PredictionRecord:
    """A prediction of flight UA<number>, an hour before departure."""
    as_of = departure - 60 * MINUTE
    values = {
        "prediction_id": str(uuid.uuid4()),
        "request_id": "request-1",
        "flight_id": flight_id(number, departure),
        "carrier": "UA",
        "flight_number": number,
        "origin": "EWR",
        "dest": "IAH",
        "scheduled_departure": departure,
        "scheduled_arrival": departure + timedelta(hours=4),
        "as_of": as_of,
        "lead_minutes": 60,
        "state_tick": as_of,
        "features": np.array([0.1, -2.5, float("nan"), 1e-300]),
        "contract_hash": "c" * 64,
        "probability": 0.25,
        "model_version": 3,
        "challenger_version": None,
        "challenger_probability": None,
        "latency_us": 412,
        "served_at": as_of,
    }
    return PredictionRecord(**(values | changes))
