from dataclasses import replace

import pytest

from adapters.event_store import EventStore
from adapters.model_keys import ModelKeys
from adapters.model_registry import ModelRegistry
from adapters.snapshots import Snapshot
from flows.rebuild import rebuild_run
from tests.training.sets import FlownStore
from tests.training.test_rebuild import REQUEST, append_flown
from training.run import train_candidate


@pytest.mark.integration
def test_the_command_makes_a_run_again_and_says_so(postgres, stack_settings, mlflow_address):
    settings = replace(stack_settings, mlflow_url=mlflow_address, model_name=stack_settings.postgres_database)
    append_flown(EventStore(postgres), FlownStore(days=25, per_day=48).flights)
    data, registry = Snapshot.now(postgres), ModelRegistry.of_trainer(settings)
    trained = train_candidate(data, registry, ModelKeys.of_trainer(settings), REQUEST, label_store=data)
    said: list[str] = []
    assert rebuild_run(settings, trained.run_id, said.append)
    assert said[-1] == "rebuilt to the bit"
    assert f"model: the same, sha256 {trained.model_hash}" in said
