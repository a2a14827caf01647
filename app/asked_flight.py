"""A flight that is asked about: its body checked, and all that its schedule alone says worked out once and remembered.

Clients ask about the same flights again and again as their departure comes nearer.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Any

from adapters.prediction_lines import flight_text
from app.schemas import EARLIEST, LATEST, LONGEST, SHORTEST, FlightSchema, identity, load
from domain.airports import AIRPORTS
from domain.clock import minute_floor

FLIGHT = FlightSchema()
REMEMBERED = 3072
"""Flights, about five kilobytes each: a day of the busiest hub, three of New York."""


@dataclass(frozen=True, slots=True)
class AskedFlight:
    """A flight as the schedule has it, in the forms that answers, vectors and the log need."""

    flight_id: str
    carrier: str
    number: int
    origin: str
    dest: str
    departure: int
    """Minutes since the epoch, as is the arrival."""
    arrival: int
    logged: str
    """Its columns in the spool."""


def asked_flight(body: Any, path: str = "") -> tuple[AskedFlight, datetime | None]:
    """Check one flight's body; return the flight and the moment that it is asked from, None where it names none.

    What is plainly well formed is recognised by a few comparisons; marshmallow reads everything else, and says what is
    wrong with it.

    Raises
    ------
    InvalidBody
        Naming each field with its path below `path`, and what is expected.
    """
    try:
        flight = _remembered(
            body["carrier"], body["flight"], body["origin"], body["dest"],
            body["scheduled_departure"], body["scheduled_arrival"],
        )  # fmt: skip
        if len(body) == PLAIN_FIELDS:
            return flight, None
    except (ValueError, TypeError, KeyError, AttributeError):
        pass
    loaded = load(FLIGHT, body, path)
    return scheduled_flight(loaded), loaded.get("as_of")


PLAIN_FIELDS = 6
"""Those that are looked up above: a body with more holds a moment, or something unknown."""


# Typed: 1, 1.0 and True are equal keys, and only the first is a flight's number.
@lru_cache(maxsize=REMEMBERED, typed=True)
def _remembered(
    carrier: str, number: int, origin: str, dest: str, departure: str, arrival: str
) -> AskedFlight:
    """Return a flight whose body is plainly well formed.

    Raises
    ------
    ValueError, TypeError
        If it is not plainly so.
    """
    leaves, lands = _plain_moment(departure), _plain_moment(arrival)
    is_plain = (
        type(number) is int
        and 1 <= number <= 9999
        and len(carrier) == 2
        and carrier.isascii()
        and carrier.isalnum()
        and carrier == carrier.upper()
        and type(origin) is type(dest) is type(carrier) is str
        and origin in AIRPORTS
        and dest in AIRPORTS
        and origin != dest
        and SHORTEST <= lands - leaves <= LONGEST
    )
    if not is_plain:
        raise ValueError("not plainly well formed")
    return scheduled_flight(
        {
            "carrier": carrier,
            "flight": number,
            "origin": origin,
            "dest": dest,
            "scheduled_departure": leaves,
            "scheduled_arrival": lands,
        }
    )


def _plain_moment(text: str) -> datetime:
    """Read a whole minute in UTC as most clients write it, like 2013-04-11T15:00:00Z."""
    moment = datetime.fromisoformat(text)
    if text[16:] != ":00Z" or moment.isoformat() != f"{text[:-1]}+00:00" or not EARLIEST <= moment < LATEST:
        raise ValueError("not plainly a whole minute in UTC")
    return moment


def scheduled_flight(loaded: Mapping[str, Any]) -> AskedFlight:
    """Return the flight of a body that `FlightSchema` loaded, or of anything else with its fields.

    Raises
    ------
    InvalidInput
        If the origin's local time is not known.
    """
    carrier, number, origin, dest = (loaded[name] for name in ("carrier", "flight", "origin", "dest"))
    leaves, lands = loaded["scheduled_departure"], loaded["scheduled_arrival"]
    name = identity(loaded)
    logged = flight_text(name, carrier, number, origin, dest, leaves, lands)
    return AskedFlight(name, carrier, number, origin, dest, minute_floor(leaves), minute_floor(lands), logged)
