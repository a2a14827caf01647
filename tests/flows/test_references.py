import pytest

from adapters.model_keys import ModelKeys
from adapters.snapshots import Snapshot
from flows import tasks
from flows.references import keep_reference, reference_file
from tests.training.sets import FlownStore
from tests.training.test_rebuild import REQUEST, append_flown
from training.run import train_candidate

pytestmark = pytest.mark.integration


def test_the_reference_that_training_keeps_is_the_one_that_the_log_gives_again(stack):
    append_flown(stack.events, FlownStore(days=25, per_day=48).flights)
    data, keys = Snapshot.now(stack.database), ModelKeys.of_trainer(stack.settings)
    trained = train_candidate(data, stack.registry, keys, REQUEST, label_store=data)
    keep_reference(stack.settings, trained)
    kept = reference_file(stack.settings, trained.version, trained.model)
    written = kept.read_bytes()

    champion = tasks.Champion(trained.version, stack.registry.load(trained.version))
    found = tasks.fetch_reference.fn(champion)
    assert found.days == len(set(trained.fitted_on.day.tolist()))
    kept.unlink()
    tasks.fetch_reference.fn(champion)
    assert kept.read_bytes() == written
