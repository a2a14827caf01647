"""Trees that Dask's workers fit together, on real clusters of worker processes."""

import operator
import threading
import time
from dataclasses import replace
from datetime import UTC, date, datetime

import numpy as np
import pytest

from adapters import model_artifact
from adapters.dask_cluster import connected, leave, new_client, worker_addresses, workers_of
from adapters.dask_trees import DaskTrees, _keep_sockets
from adapters.engine import engine_of
from adapters.settings import read_settings
from adapters.waiting import wait_until
from data.facts import FactsInMemory
from domain.errors import ConfigurationError, NotReady
from domain.metrics import summary
from tests.dask_cluster import Cluster, cluster, plain_environment
from tests.domain.months import months_of_facts
from tests.mlflow_server import KEYS
from tests.training.sets import REQUEST, FlownStore, training_set
from training.run import make_model
from training.train import TreeParameters, Trees, fit_trees
from training.training_set import TrainingSet, build

SMALL = TreeParameters(n_trees=40, min_data_in_leaf=20, feature_fraction=0.5)
LONG = replace(SMALL, n_trees=120)
BOUND = 0.005
"""Log-loss, in nats, by which the fit of two workers may be worse than that of one process on unseen days."""


@pytest.fixture(scope="module")
def rows() -> TrainingSet:
    return training_set(days=100)


@pytest.fixture
def workers(dask_cluster: Cluster, tmp_path) -> DaskTrees:
    return DaskTrees(dask_cluster.address, tmp_path)


def log_loss(trees: Trees, unseen: TrainingSet) -> float:
    return summary(unseen.y, trees.probability(unseen.X))["log_loss"]


def test_two_workers_fit_as_well_as_one_process(rows, workers):
    here, there = fit_trees(rows, SMALL, seed=3), fit_trees(rows, SMALL, seed=3, workers=workers)
    assert (here.workers, there.workers) == (0, 2)
    unseen = training_set(days=40, seed=9)
    assert log_loss(there, unseen) < log_loss(here, unseen) + BOUND
    assert list(there.gain)[:2] == list(here.gain)[:2]


def test_what_a_busy_worker_holds_is_looked_at_there(dask_cluster):
    client = new_client(dask_cluster.address)
    try:
        _keep_sockets(client)
        for busy in worker_addresses(dask_cluster.address):
            pair = client.submit(tuple, ["socket", 1], workers=[busy], pure=False)
            assert pair.result() == ("socket", 1)
            waits = client.submit(time.sleep, 2, workers=[busy], pure=False)
            parts = [client.submit(operator.itemgetter(0), pair, pure=False) for _ in range(4)]
            client.gather([waits, *parts])
            assert {worker for places in client.who_has(parts).values() for worker in places} == {busy}
    finally:
        leave(client)


def test_as_many_workers_give_the_same_text_which_names_no_address(rows, workers):
    few = replace(SMALL, n_trees=5)
    trees = fit_trees(rows, few, seed=3, workers=workers)
    for _ in range(4):
        assert fit_trees(rows, few, seed=3, workers=workers).text == trees.text
    assert fit_trees(rows, few, seed=4, workers=workers).text != trees.text
    assert "[num_machines: 2]" in trees.text
    assert "127.0.0.1" not in trees.text


def test_one_worker_fits_what_one_process_fits_and_a_lost_one_is_replaced(rows, tmp_path, caplog):
    with cluster(plain_environment()) as own:
        workers = DaskTrees(own.address, tmp_path)
        killing = threading.Thread(target=kill_one_that_fits, args=(own,))
        killing.start()
        trees = fit_trees(rows, LONG, seed=3, workers=workers)
        killing.join()
        assert "a fit lost a worker" in caplog.text
        assert trees.workers in (1, 2, 3)  # whoever was there when the fit began again
        while len(own.workers) > 1:
            own.kill_worker()
        wait_until(lambda: workers_of(own.address) == 1, seconds=30, pause=0.2)
        one = fit_trees(rows, SMALL, seed=3, workers=workers)
        assert (one.workers, one.text) == (1, fit_trees(rows, SMALL, seed=3).text)
        own.kill_worker()
        wait_until(lambda: workers_of(own.address) == 0, seconds=30, pause=0.2)
        with pytest.raises(NotReady, match="ONTIME_DASK_SCHEDULER: the cluster has no worker any more"):
            fit_trees(rows, SMALL, seed=3, workers=workers)


def kill_one_that_fits(own: Cluster) -> None:
    """Kill a worker once trees are fitted; what manages workers starts another in its place."""
    with connected(own.address) as engine:
        fits = wait_until(lambda: "_train_part" in str(engine.client.processing()), seconds=120, pause=0.05)
    assert fits
    own.kill_worker()
    own.add_worker()
    own.add_worker()  # for the one that is ended, as it waits for the lost one


def test_the_set_whose_trees_workers_fit_is_kept_in_a_file(dask_cluster: Cluster, tmp_path):
    facts = FactsInMemory(*months_of_facts())
    request = (facts, date(2013, 4, 15), date(2013, 5, 12), datetime(2013, 6, 1, tzinfo=UTC))
    with connected(dask_cluster.address, DaskTrees(dask_cluster.address, tmp_path)) as engine:
        kept = build(*request, engine=engine)
    assert isinstance(kept.X, np.memmap)
    whole = build(*request)
    assert kept.data_hash == whole.data_hash
    some = np.arange(len(whole)) % 3 > 0
    taken = kept.take(some)
    assert isinstance(taken.X, np.memmap)
    assert taken.data_hash == whole.take(some).data_hash
    assert list(tmp_path.iterdir()) == []


def test_a_model_says_that_workers_fitted_its_trees(dask_cluster: Cluster, tmp_path):
    settings = replace(
        read_settings(
            {"ONTIME_STATE_DIR": str(tmp_path), "ONTIME_ENGINE": "dask", "ONTIME_FIT_ENGINE": "dask"}
        ),
        dask_scheduler=dask_cluster.address,
    )
    with engine_of(settings) as engine:
        made = make_model(FlownStore(), REQUEST, engine=engine)
    made.write(tmp_path / "model", KEYS)
    manifest = made.model.manifest
    assert manifest.parameters["fit_workers"] == 2
    assert "threads" not in manifest.parameters
    assert "trees fitted by 2 Dask workers together" in (tmp_path / "model" / model_artifact.CARD).read_text()
    held_out = made.split.evaluation.X
    served = model_artifact.load(tmp_path / "model", KEYS)
    assert np.array_equal(served.probability(held_out), made.model.probability(held_out))


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"ONTIME_FIT_ENGINE": "spark"}, "ONTIME_FIT_ENGINE: expected local or dask, got 'spark'"),
        ({"ONTIME_FIT_ENGINE": "dask"}, "ONTIME_FIT_ENGINE: dask needs ONTIME_ENGINE=dask, got local"),
    ],
)
def test_a_fit_engine_that_cannot_be_is_refused(values, message):
    with pytest.raises(ConfigurationError, match=message):
        read_settings(values)
