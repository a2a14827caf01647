import subprocess
import sys
import threading
import time
from dataclasses import replace

import numpy as np
import pytest

from adapters.dask_cluster import connected, fingerprint
from adapters.engine import LocalEngine, engine_of
from adapters.settings import PROJECT_ROOT, Settings, read_settings
from adapters.waiting import wait_until
from domain.errors import ConfigurationError
from tests.dask_cluster import Cluster, cluster, plain_environment
from tests.session import DISCARD_PORT


def slowly(value: np.ndarray, more: int) -> float:
    """A piece of work that takes a while."""
    time.sleep(0.3)
    return float(value.sum()) + more


@pytest.fixture
def settings(dask_cluster: Cluster) -> Settings:
    return replace(read_settings({}), engine="dask", dask_scheduler=dask_cluster.address)


def test_without_a_setting_this_process_computes_and_imports_nothing_of_dask():
    with engine_of(read_settings({})) as engine:
        assert isinstance(engine, LocalEngine)
        assert list(engine.map(slowly, [(engine.keep(np.ones(2)), 1)])) == [3.0]
    code = "import sys, app, training.training_set; assert not {'dask', 'distributed'} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", code], cwd=PROJECT_ROOT, check=True)


def test_results_come_in_the_order_of_pieces_and_a_kept_value_is_with_two_workers(settings):
    with engine_of(settings) as engine:
        kept = engine.keep(np.ones(10))

        def is_with_both() -> bool:
            assert list(engine.map(slowly, [(kept, i) for i in range(6)])) == [10.0 + i for i in range(6)]
            return len(engine.client.who_has([kept.future])[kept.future.key]) == 2

        # On a busy machine one worker may have done all of it before the other takes a piece.
        assert wait_until(is_with_both, seconds=60, pause=0)


def test_a_worker_that_is_killed_midway_changes_nothing():
    with cluster(plain_environment()) as own, connected(own.address) as engine:
        kept = engine.keep(np.ones(10))
        killing = threading.Timer(0.5, own.kill_worker)
        killing.start()
        assert list(engine.map(slowly, [(kept, i) for i in range(8)])) == [10.0 + i for i in range(8)]
        killing.join()
        assert len(engine.client.nthreads()) == 1
        # Then the last one goes as well, with every copy of what was kept, and another comes.
        own.add_worker()
        engine.client.wait_for_workers(2, timeout=60)
        results = engine.map(slowly, [(kept, i) for i in range(4)])
        assert next(results) == 10.0
        own.kill_worker()
        assert list(results) == [11.0, 12.0, 13.0]


@pytest.mark.parametrize("address", [f"tcp://127.0.0.1:{DISCARD_PORT}", "8786", "quic://127.0.0.1:1"])
def test_a_scheduler_that_is_not_there_is_named_with_its_setting(settings, address):
    with (
        pytest.raises(ConfigurationError, match=r"ONTIME_DASK_SCHEDULER: no Dask scheduler answers at"),
        engine_of(replace(settings, dask_scheduler=address)),
    ):
        pass


def test_a_library_that_is_not_installed_is_named(settings, monkeypatch):
    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(ConfigurationError, match=r"ONTIME_ENGINE: .* distributed"), engine_of(settings):
        pass


def test_workers_of_another_feature_contract_are_refused():
    other = plain_environment() | {"ONTIME_OPTIONAL_EVENTS": "aircraft_assigned"}
    with (
        cluster(other, workers=1) as own,
        pytest.raises(ConfigurationError, match="another feature contract"),
        connected(own.address),
    ):
        pass


def test_an_engine_that_does_not_exist_is_refused():
    with pytest.raises(ConfigurationError, match="ONTIME_ENGINE: expected local or dask, got 'spark'"):
        read_settings({"ONTIME_ENGINE": "spark"})


def test_what_decides_a_result_is_compared():
    assert fingerprint() == fingerprint()
    assert set(fingerprint()) == {"code", "feature contract", "Python", "numpy", "LightGBM"}
