"""Months of flights and weather, and questions about them: for what is cut by month."""

import numpy as np

from domain.flights import FlightFacts, Queries, WeatherFacts
from tests.domain.worlds import NOON, Flight, Observation, flight_facts, weather_facts

DAY = 1440
ORIGINS = ("EWR", "JFK", "LGA")


def months_of_facts() -> tuple[FlightFacts, WeatherFacts]:
    """The months from March to May, a few flights a day."""
    rng = np.random.default_rng(3)
    flights = []
    for i in range(200):
        departs, late = int(rng.integers(-40 * DAY, 30 * DAY)), int(rng.integers(-10, 90))
        flights.append(
            Flight(
                departs=departs,
                origin=ORIGINS[i % 3],
                dest=("IAH", "SFO")[i % 2],
                carrier=("UA", "B6")[i // 7 % 2],
                gone=departs + late,
                there=departs + late + 240,
                arr_delay=late,
                air_time=200,
            )
        )
    flown = flight_facts(flights)
    seen = [
        Observation(o, h * 60, h * 60 + 52, {"temp_f": h % 70}) for h in range(-960, 720, 6) for o in ORIGINS
    ]
    return flown, weather_facts(sorted(seen, key=lambda o: o.known), flown.network)


def questions(facts: tuple[FlightFacts, WeatherFacts]) -> Queries:
    """Questions in an order of their own about the flights of the last months."""
    flights, _ = facts
    asked = np.flatnonzero(flights.sched_dep > NOON + 10 * DAY)
    airports, carriers = np.array(flights.network.airports.names), np.array(flights.network.carriers.names)
    asked = np.random.default_rng(4).permutation(asked)
    return Queries(
        carrier=carriers[flights.carrier[asked]],
        number=np.arange(len(asked)),
        origin=airports[flights.origin[asked]],
        dest=airports[flights.dest[asked]],
        sched_dep=flights.sched_dep[asked],
        sched_arr=flights.sched_arr[asked],
        as_of=flights.sched_dep[asked] - 60,
    )
