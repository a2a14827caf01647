"""The vectors of a training set, partition by partition, on whatever engine computes them."""

import numpy as np

from adapters.engine import Engine
from domain.features.catalogue import FEATURE_NAMES
from domain.features.partitions import needed, partition_vectors, partitions, shards
from domain.flights import FlightFacts, Floats, Queries, WeatherFacts


def vectors_on(
    engine: Engine, queries: Queries, flights: FlightFacts, weather: WeatherFacts, by_airport: bool = False
) -> Floats:
    """Compute the vectors of many questions; the same bits on every engine.

    Parameters
    ----------
    queries : Queries, n rows in any order
    by_airport : bool
        Cut months by airport too; see `domain.features.partitions`.

    Returns
    -------
    Floats, shape (n, n_features)
    """
    cut, facts = partitions(queries, by_airport), shards(flights, weather)
    kept, announced = [engine.keep(shard) for shard in facts], engine.keep(flights.announced)
    pieces = (
        (partition.queries, announced, *(kept[i] for i in needed(*partition.needs(), facts)))
        for partition in cut
    )
    shape = len(queries), len(FEATURE_NAMES)
    # Where the trees of a set are fitted on workers, this process need not hold its matrix either.
    out = engine.trees.room(*shape) if engine.trees else np.empty(shape)
    for partition, vectors in zip(cut, engine.map(partition_vectors, pieces), strict=True):
        out[partition.rows] = vectors
    return out
