"""Training sets and facts that tests make up: lateness follows the carrier, the hour and the congestion."""

from datetime import UTC, date, datetime, timedelta

import numpy as np

from domain.airports import local_date
from domain.clock import minute_floor
from domain.features.catalogue import CATEGORICAL, FEATURE_NAMES, POSITION
from domain.flights import FlightFacts, Queries, WeatherFacts
from tests.domain.worlds import NOON, Flight, flight_facts, weather_facts
from training.run import TrainingRequest
from training.split import SplitPolicy
from training.train import TreeParameters
from training.training_set import TrainingSet

CARRIERS = ("UA", "AA", "B6")
ORIGINS = ("EWR", "JFK", "LGA")
REQUEST = TrainingRequest(
    flown_from=date(2013, 3, 9),
    flown_until=date(2013, 4, 9),
    as_of=datetime(2013, 4, 10, 12, tzinfo=UTC),
    reason="a test",
    parameters=TreeParameters(n_trees=15, min_data_in_leaf=20, feature_fraction=0.5),
    split=SplitPolicy(evaluation_days=5, minimum_fit_days=16),
)
"""Of a model small enough to be made in a test, of the days of a `FlownStore`."""


def training_set(
    days: int = 40, per_day: int = 60, seed: int = 1, last: date = date(2013, 4, 10)
) -> TrainingSet:
    """Vectors of noise but for the first two numeric columns, on which the log-odds of lateness depend."""
    generator = np.random.default_rng(seed)
    n = days * per_day
    vectors = generator.normal(size=(n, len(FEATURE_NAMES)))
    for name in CATEGORICAL:
        vectors[:, POSITION[name]] = generator.integers(100, 104, n)
    first, second = numeric_columns()
    log_odds = -1.2 + 1.5 * vectors[:, first] + np.where(vectors[:, second] > 0, 1.0, -1.0)
    block = np.repeat(np.arange(days), per_day)
    sched_dep = NOON + (block - days + 1) * 1440 + np.tile(np.arange(per_day) * 10 - 5 * per_day, days)
    day = np.array([int((last - timedelta(days=int(days - 1 - b))).strftime("%Y%m%d")) for b in block])
    return TrainingSet(
        X=vectors,
        y=generator.random(n) < 1 / (1 + np.exp(-log_odds)),
        lead=np.where(np.arange(n) % 4 == 0, 180, 60),
        flight_id=np.array([f"UA{i}-EWR-{d}" for i, d in enumerate(day)]),
        day=day,
        queries=Queries(
            carrier=np.array(CARRIERS)[np.arange(n) % 3],
            number=np.arange(n) % 1000,
            origin=np.array(ORIGINS)[np.arange(n) // 3 % 3],
            dest=np.full(n, "IAH"),
            sched_dep=sched_dep,
            sched_arr=sched_dep + 240,
            as_of=sched_dep - 60,
        ),
        as_of=datetime(2013, 4, 12, tzinfo=UTC),
    )


def numeric_columns() -> tuple[int, int]:
    """The two columns that carry the signal."""
    first, second = [i for i, name in enumerate(FEATURE_NAMES) if name not in CATEGORICAL][:2]
    return first, second


class FlownStore:
    """An event store in memory: every day the same timetable, late in the evening and with one carrier."""

    def __init__(self, days: int = 34, per_day: int = 72, seed: int = 1):
        generator = np.random.default_rng(seed)
        flights = [
            _flown(day * 1440 + 14 * i - 7 * per_day, i, i / per_day, generator)
            for day in range(1 - days, 1)
            for i in range(per_day)
        ]
        facts = flight_facts(flights)
        names = zip(facts.sched_dep.tolist(), facts.origin.tolist(), strict=True)
        days_of = [local_date(facts.network.airports.names[origin], minute) for minute, origin in names]
        self.flights = FlightFacts(
            **vars(facts)
            | {"flight_id": np.array([f"UA{i}-EWR-{day}" for i, day in enumerate(days_of)], dtype=str)}
        )
        self.weather = weather_facts([], facts.network)

    def facts(self, known_by: datetime, scheduled_from: datetime) -> tuple[FlightFacts, WeatherFacts]:
        """Give what was known, as the event store does."""
        scheduled = self.flights.take(self.flights.sched_dep >= minute_floor(scheduled_from))
        return scheduled.known_by(minute_floor(known_by)), self.weather.known_by(minute_floor(known_by))


def _flown(departs: int, i: int, share_of_day: float, generator: np.random.Generator) -> Flight:
    carrier = CARRIERS[i % 3]
    delay = int(generator.normal(40 * share_of_day - 15 + (12 if carrier == "B6" else 0), 12))
    return Flight(
        carrier=carrier, origin=ORIGINS[i // 3 % 3], departs=departs, gone=departs + max(delay, -5),
        there=departs + 240 + delay, arr_delay=delay, air_time=180,
    )  # fmt: skip
