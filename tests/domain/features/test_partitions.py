import numpy as np
import pytest

from domain.features.partitions import needed, partition_vectors, partitions, shards
from domain.features.vectors import vectors_for
from domain.flights import FlightFacts, Floats, Queries, WeatherFacts
from tests.domain.months import months_of_facts, questions


@pytest.fixture(scope="module")
def facts() -> tuple[FlightFacts, WeatherFacts]:
    return months_of_facts()


@pytest.fixture(scope="module")
def queries(facts) -> Queries:
    return questions(facts)


def put_together(queries: Queries, facts: tuple[FlightFacts, WeatherFacts], by_airport: bool) -> Floats:
    flights, weather = facts
    cut, out = shards(flights, weather), np.full((len(queries), 167), np.inf)
    for partition in partitions(queries, by_airport):
        own = [cut[i] for i in needed(*partition.needs(), cut)]
        out[partition.rows] = partition_vectors(partition.queries, flights.announced, *own)
    return out


@pytest.mark.parametrize("by_airport", [False, True])
def test_vectors_by_partitions_are_those_of_the_whole_bit_for_bit(facts, queries, by_airport):
    whole = vectors_for(queries, *facts)
    assert np.isfinite(whole[:, -20:]).any()
    assert put_together(queries, facts, by_airport).tobytes() == whole.tobytes()


def test_a_month_is_one_partition_or_one_an_airport(queries):
    assert [len(partitions(queries, by)) for by in (False, True)] == [2, 6]
    for partition in partitions(queries, by_airport=True):
        assert len(set(partition.queries.origin)) == 1
    for by in (False, True):
        rows = np.concatenate([partition.rows for partition in partitions(queries, by)])
        assert sorted(rows.tolist()) == list(range(len(queries)))


def test_shards_hold_every_fact_once_in_order(facts):
    flights, weather = facts
    cut = shards(flights, weather)
    assert np.concatenate([s.flights.flight_id for s in cut]).tolist() == flights.flight_id.tolist()
    assert np.concatenate([s.weather.known for s in cut]).tolist() == weather.known.tolist()


def test_no_questions_make_no_partition_and_no_facts_one_shard(facts, queries):
    flights, weather = facts
    assert partitions(queries.take(slice(0, 0))) == []
    (empty,) = shards(flights.take(slice(0, 0)), weather.take(slice(0, 0)))
    assert len(empty.flights) == len(empty.weather) == 0
