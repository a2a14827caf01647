"""The kinds of entities that have state, and the names by which a flight finds its own.

A name is made of codes, so that a question may name an entity no fact has named: it then has the defaults.
"""

from dataclasses import dataclass
from functools import cached_property, lru_cache

import numpy as np

from domain.airports import AIRPORTS, bearing_degrees, distance_miles, local_hours
from domain.flights import FlightFacts, Ints, Network, flight_numbers

KINDS = (
    *("network", "origin", "origin_carrier", "carrier", "dest", "route", "sector", "origin_hour"),
    *("carrier_hour", "carrier_route", "flight"),
)
EVERYWHERE = "all"
"""The one entity of kind `network`: every flight of the feed. Its airports share one sky."""
SECTOR_EDGES_MILES = (400, 800, 1200, 1800)
SECTOR_CELL_DEGREES = 10
NO_SECTOR = ""
NUMBERS = 10_000
"""Flight numbers have at most four digits."""


@lru_cache(maxsize=65536)
def sector(origin: str, dest: str) -> str:
    """Return the name the corner of the sky between two airports: cell of the origin, one of 8 bearings, distance band.

    Flights in one sector meet the same winds aloft. Empty where an airport's place is unknown.

    Examples
    --------
    >>> sector("JFK", "LAX"), sector("LGA", "SFO"), sector("JFK", "???")
    ('4/-8/W4', '4/-8/W4', '')
    """
    bearing, distance = bearing_degrees(origin, dest), distance_miles(origin, dest)
    if bearing is None or distance is None:
        return NO_SECTOR
    place = AIRPORTS[origin]
    cell = f"{int(place.latitude // SECTOR_CELL_DEGREES)}/{int(place.longitude // SECTOR_CELL_DEGREES)}"
    compass = ("N", "NE", "E", "SE", "S", "SW", "W", "NW")[(2 * bearing + 45) // 90 % 8]
    return f"{cell}/{compass}{sum(distance >= edge for edge in SECTOR_EDGES_MILES)}"


@dataclass(frozen=True)
class Groups:
    """The entities of one kind and each flight's own, as positions in `names`; -1 = the flight has none."""

    names: tuple[str, ...]
    code: Ints

    def __len__(self) -> int:
        return len(self.names)

    @cached_property
    def index(self) -> dict[str, int]:
        """Return the position of each name."""
        return {name: i for i, name in enumerate(self.names)}


def group_flights(flights: FlightFacts) -> dict[str, Groups]:
    """Sort flights into the entities of every kind but `origin_hour`."""
    carriers, airports = flights.network.carriers.names, flights.network.airports.names
    n_airports, n_carriers = max(len(airports), 1), max(len(carriers), 1)
    origin_carrier, pair_codes = _compact(
        flights.origin * n_carriers + flights.carrier, n_airports * n_carriers
    )
    route, route_codes = _compact(flights.origin * n_airports + flights.dest, n_airports**2)
    ends = [(airports[c // n_airports], airports[c % n_airports]) for c in route.tolist()]
    return {
        "network": Groups((EVERYWHERE,) if len(flights) else (), np.zeros(len(flights), dtype=np.int64)),
        "origin": _named(flights.origin, airports),
        "origin_carrier": Groups(
            tuple(f"{airports[c // n_carriers]}-{carriers[c % n_carriers]}" for c in origin_carrier.tolist()),
            pair_codes,
        ),
        "carrier": _named(flights.carrier, carriers),
        "dest": _named(flights.dest, airports),
        "route": Groups(tuple(f"{origin}-{dest}" for origin, dest in ends), route_codes),
        "sector": _sectors(ends, route_codes),
    }


def group_by_hour(flights: FlightFacts) -> Groups:
    """Sort flights by origin and local hour of the scheduled departure, e.g. "EWR@07"."""
    hours = origin_hours(flights.network, flights.origin, flights.sched_dep)
    present, codes = _compact(flights.origin * 25 + hours, 25 * max(len(flights.network.airports.names), 1))
    names = [(flights.network.airports.names[c // 25], c % 25) for c in present.tolist()]
    return Groups(tuple(hour_name(origin, hour) for origin, hour in names), codes)


def group_carrier_hours(flights: FlightFacts) -> Groups:
    """Sort flights by carrier, origin and local hour of the scheduled departure, e.g. "UA:EWR@07"."""
    hours = origin_hours(flights.network, flights.origin, flights.sched_dep)
    carriers, airports = flights.network.carriers.names, flights.network.airports.names
    n_hours = 25 * max(len(airports), 1)
    present, codes = np.unique(flights.carrier * n_hours + flights.origin * 25 + hours, return_inverse=True)
    names = [(carriers[c // n_hours], airports[c % n_hours // 25], c % 25) for c in present.tolist()]
    return Groups(
        tuple(f"{carrier}:{hour_name(origin, hour)}" for carrier, origin, hour in names), codes.reshape(-1)
    )


def group_carrier_routes(flights: FlightFacts) -> Groups:
    """Sort flights by carrier and route, e.g. "UA:EWR-IAH"."""
    carriers, airports = flights.network.carriers.names, flights.network.airports.names
    n = max(len(airports), 1)
    present, codes = np.unique((flights.carrier * n + flights.origin) * n + flights.dest, return_inverse=True)
    names = tuple(f"{carriers[c // n**2]}:{airports[c // n % n]}-{airports[c % n]}" for c in present.tolist())
    return Groups(names, codes.reshape(-1))


def group_numbers(flights: FlightFacts) -> Groups:
    """Sort flights by carrier, flight number and origin, e.g. "UA1545-EWR"."""
    carriers, airports = flights.network.carriers.names, flights.network.airports.names
    n = max(len(airports), 1)
    numbers = flight_numbers(flights.flight_id)
    present, codes = np.unique(
        (flights.carrier * n + flights.origin) * NUMBERS + numbers, return_inverse=True
    )
    names = tuple(
        number_name(carriers[c // NUMBERS // n], c % NUMBERS, airports[c // NUMBERS % n])
        for c in present.tolist()
    )
    return Groups(names, codes.reshape(-1))


def number_name(carrier: str, number: int, origin: str) -> str:
    """Return the name of a carrier's flight number at an origin.

    Examples
    --------
    >>> number_name("UA", 1545, "EWR")
    'UA1545-EWR'
    """
    return f"{carrier}{number}-{origin}"


def hour_name(origin: str, hour: int) -> str:
    """Return the name of an origin's local hour; hour 24 = the local time there is unknown.

    Examples
    --------
    >>> hour_name("EWR", 7)
    'EWR@07'
    """
    return f"{origin}@{hour:02d}"


def origin_hours(network: Network, origin: Ints, minutes: Ints) -> Ints:
    """Return the local hour of day, 0 to 23, at each flight's origin; 24 where the origin's zone is unknown."""
    hours = np.full(len(minutes), 24, dtype=np.int64)
    for code in np.flatnonzero(np.bincount(origin, minlength=1)).tolist():
        rows = np.flatnonzero(origin == code)
        known = local_hours(network.airports.names[code], minutes[rows])
        if known is not None:
            hours[rows] = known
    return hours


def _compact(codes: Ints, size: int) -> tuple[Ints, Ints]:
    """Return the codes that occur, ascending, and the position of each row's code among them."""
    present = np.zeros(size, dtype=bool)
    present[codes] = True
    position = np.cumsum(present) - 1
    return np.flatnonzero(present), position[codes]


def _named(codes: Ints, names: list[str]) -> Groups:
    present, position = _compact(codes, max(len(names), 1))
    return Groups(tuple(names[c] for c in present.tolist()), position)


def _sectors(ends: list[tuple[str, str]], route_codes: Ints) -> Groups:
    of_route = [sector(origin, dest) for origin, dest in ends]
    names = tuple(sorted(set(of_route) - {NO_SECTOR}))
    position = {name: i for i, name in enumerate(names)} | {NO_SECTOR: -1}
    lookup = np.array([position[name] for name in of_route], dtype=np.int64)
    return Groups(names, lookup[route_codes] if len(lookup) else route_codes)
