"""A made-up year: late flights follow two features, and from a day on the other way round."""

from datetime import UTC, date, datetime, timedelta

import numpy as np

from domain.features.catalogue import CATEGORICAL, FEATURE_NAMES, POSITION
from domain.flights import Queries
from experiments.retrain_policies.candidates import Candidate, Window
from experiments.retrain_policies.year import Year, day_number
from tests.training.sets import CARRIERS, ORIGINS, numeric_columns
from training.split import SplitPolicy
from training.training_set import TrainingSet

BEGINS = date(2013, 1, 1)
MINUTES_TO_LABEL = 300


def year(days: int = 150, per_day: int = 60, turns: int | None = None, seed: int = 1) -> Year:
    """Days from the first of January; `turns` is the day from which the first feature means the opposite."""
    generator = np.random.default_rng(seed)
    n = days * per_day
    block = np.repeat(np.arange(days), per_day)
    vectors = generator.normal(size=(n, len(FEATURE_NAMES)))
    for name in CATEGORICAL:
        vectors[:, POSITION[name]] = generator.integers(100, 104, n)
    first, second = numeric_columns()
    sign = np.where(block >= (days if turns is None else turns), -1.0, 1.0)
    log_odds = -1.0 + sign * 1.5 * vectors[:, first] + np.where(vectors[:, second] > 0, 1.0, -1.0)
    start = (
        int((datetime(2013, 1, 1, 13, tzinfo=UTC) - datetime(1970, 1, 1, tzinfo=UTC)).total_seconds()) // 60
    )
    sched_dep = start + block * 1440 + np.tile(np.arange(per_day) * 840 // per_day, days)
    day = np.array([day_number(BEGINS + timedelta(days=int(b))) for b in block])
    i = np.arange(n)
    rows = TrainingSet(
        X=vectors,
        y=generator.random(n) < 1 / (1 + np.exp(-log_odds)),
        lead=np.full(n, 60),
        flight_id=np.array([f"UA{j}-EWR-{d}" for j, d in enumerate(day)]),
        day=day,
        queries=Queries(
            carrier=np.array(CARRIERS)[i % 3],
            number=i,
            origin=np.array(ORIGINS)[i // 3 % 3],
            dest=np.full(n, "IAH"),
            sched_dep=sched_dep,
            sched_arr=sched_dep + 240,
            as_of=sched_dep - 60,
        ),
        as_of=datetime(2014, 1, 5, tzinfo=UTC),
    )
    return Year(rows, sched_dep + MINUTES_TO_LABEL, f"made up {days} {per_day} {turns} {seed}")


def truth(year: Year, sign: float = 1.0, noise: float = 0.0, seed: int = 0) -> np.ndarray:
    """Probability by one who knows the law before or after its turn, with some noise in the log-odds."""
    first, second = numeric_columns()
    log_odds = -1.0 + sign * 1.5 * year.rows.X[:, first] + np.where(year.rows.X[:, second] > 0, 1.0, -1.0)
    return 1 / (1 + np.exp(-(log_odds + np.random.default_rng(seed).normal(0, noise, len(log_odds)))))


def candidate(
    year: Year, day: date, probability: np.ndarray, held_out_days: int = 5, labels: int = 4_000
) -> Candidate:
    """A candidate that says what it is given, as if it were fitted on everything before a day."""
    last = day - timedelta(days=1)
    as_of = datetime(day.year, day.month, day.day, 10, tzinfo=UTC) + timedelta(days=1)
    from_day, until_day = day_number(last - timedelta(days=held_out_days - 1)), day_number(last)
    held_out = np.flatnonzero((year.rows.day >= from_day) & (year.rows.day <= until_day))
    return Candidate(
        window=Window(BEGINS, last, as_of, SplitPolicy(evaluation_days=held_out_days)),
        trained_from=BEGINS,
        trained_until=last - timedelta(days=held_out_days),
        labels=labels,
        probability=np.where(year.rows.day >= from_day, probability, np.nan),
        held_out=held_out,
        baselines={"carrier_by_hour": np.full(len(held_out), 0.3)},
        megabytes=1.0,
        cpu_seconds=60.0,
    )
