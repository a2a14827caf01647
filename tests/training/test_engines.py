from datetime import UTC, date, datetime

import pytest

from adapters.dask_cluster import connected
from adapters.engine import LOCAL, LocalEngine
from adapters.kept_arrays import KeptArrays
from data.facts import FactsInMemory
from tests.dask_cluster import Cluster
from tests.domain.months import months_of_facts, questions
from training.training_set import build
from training.vectors import vectors_on

AS_OF = datetime(2013, 6, 1, tzinfo=UTC)


def test_a_training_set_has_the_same_hash_on_two_threads():
    request = (FactsInMemory(*months_of_facts()), date(2013, 4, 15), date(2013, 5, 12), AS_OF)
    assert build(*request, engine=LocalEngine(2)).data_hash == build(*request).data_hash


@pytest.mark.parametrize("by_airport", [False, True])
def test_a_training_set_has_the_same_hash_on_every_engine(dask_cluster: Cluster, by_airport):
    facts = months_of_facts()
    request = (FactsInMemory(*facts), date(2013, 4, 15), date(2013, 5, 12), AS_OF)
    here = build(*request)
    with connected(dask_cluster.address) as engine:
        there = build(*request, engine=engine)
        vectors = vectors_on(engine, questions(facts), *facts, by_airport)
    assert len(here) > 50
    assert there.data_hash == here.data_hash
    assert vectors.tobytes() == vectors_on(LOCAL, questions(facts), *facts).tobytes()


def test_days_that_workers_computed_are_kept_where_they_were_asked_for(dask_cluster: Cluster, tmp_path):
    facts = months_of_facts()
    computed = vectors_on(LOCAL, questions(facts), *facts).tobytes()
    kept = KeptArrays(tmp_path / "vectors", 1_000_000_000)
    with connected(dask_cluster.address, kept=kept) as engine:
        assert vectors_on(engine, questions(facts), *facts).tobytes() == computed
    files = list((tmp_path / "vectors").iterdir())
    assert vectors_on(LocalEngine(kept=kept), questions(facts), *facts).tobytes() == computed
    assert list((tmp_path / "vectors").iterdir()) == files
