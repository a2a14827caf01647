"""The vectors of a training set, partition by partition, on whatever engine computes them; or kept from before."""

import numpy as np

from adapters.engine import Engine
from adapters.kept_arrays import KeptArrays
from domain.features.catalogue import FEATURE_NAMES
from domain.features.partitions import needed, partition_vectors, partitions, shards
from domain.flights import FlightFacts, Floats, Ints, Queries, WeatherFacts
from training.kept_days import Day, days_of


def vectors_on(
    engine: Engine, queries: Queries, flights: FlightFacts, weather: WeatherFacts, by_airport: bool = False
) -> Floats:
    """Compute the vectors of many questions; the same bits on every engine, and where it keeps days from before.

    Parameters
    ----------
    queries : Queries, n rows in any order
    by_airport : bool
        Cut months by airport too; see `domain.features.partitions`.

    Returns
    -------
    Floats, shape (n, n_features)
    """
    shape = len(queries), len(FEATURE_NAMES)
    # Where the trees of a set are fitted on workers, this process need not hold its matrix either.
    out = engine.trees.room(*shape) if engine.trees else np.empty(shape)
    if engine.kept is None:
        _compute(out, np.arange(len(queries)), engine, queries, flights, weather, by_airport)
        return out
    days = [day for day in days_of(queries, flights, weather) if not _read(engine.kept, day, out)]
    missing = np.sort(np.concatenate([day.rows for day in days])) if days else np.empty(0, np.int64)
    _compute(out, missing, engine, queries, flights, weather, by_airport)
    for day in days:
        engine.kept.write(day.key, out[day.rows])
    return out


def _compute(
    out: Floats,
    rows: Ints,
    engine: Engine,
    queries: Queries,
    flights: FlightFacts,
    weather: WeatherFacts,
    by_airport: bool,
) -> None:
    """Compute the vectors of some of the questions, and put them where they belong."""
    cut, facts = partitions(queries.take(rows), by_airport), shards(flights, weather)
    needs = [needed(*partition.needs(), facts) for partition in cut]
    kept = {i: engine.keep(facts[i]) for i in sorted({i for some in needs for i in some})}
    announced = engine.keep(flights.announced)
    pieces = (
        (partition.queries, announced, *(kept[i] for i in some))
        for partition, some in zip(cut, needs, strict=True)
    )
    for partition, vectors in zip(cut, engine.map(partition_vectors, pieces), strict=True):
        out[rows[partition.rows]] = vectors


def _read(kept: KeptArrays, day: Day, out: Floats) -> bool:
    """Put the vectors of a day where they belong; return whether they were kept."""
    found = kept.read(day.key, len(day.rows), out.shape[1])
    if found is None:
        return False
    out[day.rows] = found
    return True
