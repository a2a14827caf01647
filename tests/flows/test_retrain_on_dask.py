"""A retrain on Dask, from the flow to the registered version, on real servers and a real cluster."""

from dataclasses import replace

import pytest

from adapters.engine import engine_of
from adapters.model_keys import ModelKeys
from adapters.model_registry import CHALLENGER
from flows import parts as flow_parts
from flows import retrain as flow
from flows.references import reference_file
from tests.dask_cluster import Cluster
from tests.flows.killed_retrain import RETRAIN_DAY, small
from tests.training.sets import FlownStore
from tests.training.test_rebuild import append_flown, stores_of
from training.rebuild import rebuild

pytestmark = [pytest.mark.integration, pytest.mark.timeout(900)]


def test_a_retrain_on_dask_registers_the_model_of_one_machine_unless_workers_fit_it(
    stack, dask_cluster: Cluster, monkeypatch
):
    append_flown(stack.events, FlownStore().flights)
    for name in ("TrainingRequest", "PLAN"):
        monkeypatch.setattr(flow, name, getattr(flow, name))  # put back at the end, whatever `small` sets
    small(trees=15)
    here = stack.settings
    there = replace(here, engine="dask", dask_scheduler=dask_cluster.address)
    versions = []
    for settings in (here, there, replace(there, fit_engine="dask")):
        monkeypatch.setattr(flow_parts, "make_parts", lambda _, own=settings: replace(stack, settings=own))
        flow_parts.parts.cache_clear()
        assert flow.retrain("a test", RETRAIN_DAY)
        versions.append(stack.registry.version(stack.registry.alias(CHALLENGER)))
        trained = stack.registry.load(versions[-1].version)
        assert reference_file(settings, versions[-1].version, trained).exists()
    local, on_workers, by_workers = (version.tags for version in versions)
    assert on_workers["model_hash"] == local["model_hash"]
    assert by_workers["data_hash"] == local["data_hash"]
    assert by_workers["model_hash"] != local["model_hash"]
    assert [tags.get("fit_workers") for tags in (local, on_workers, by_workers)] == [None, None, "2"]
    assert stack.registry.load(versions[-1].version).manifest.parameters["fit_workers"] == 2

    keys, run_id = ModelKeys.of_trainer(here), versions[-1].run_id
    with engine_of(replace(there, fit_engine="dask")) as engine:
        assert rebuild(stack.registry, stores_of(stack.database), keys, run_id, engine=engine).same
    alone = rebuild(stack.registry, stores_of(stack.database), keys, run_id)
    assert alone.same_data
    assert "changed: the trees were fitted by 2 Dask workers, now by one process: other bits" in alone.lines()
