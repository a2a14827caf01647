import os
import time
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from adapters.clock_store import ClockStore
from adapters.deletion_store import DeletionStore
from adapters.deployments import Deployments
from adapters.model_registry import ModelRegistry
from adapters.prediction_lines import to_copy_line
from adapters.prediction_log import PredictionLog
from domain.errors import NotFound
from domain.features.catalogue import CONTRACT_HASH
from flows import references
from flows.retention import RetentionPolicy, delete_expired, find_expired
from tests.app import worlds
from tests.builders import NOON, prediction

pytestmark = pytest.mark.integration
POLICY = RetentionPolicy(prediction_months=2, report_days=30, leftover_days=10)
OLD = time.time() - 20 * 86_400


@pytest.fixture
def settings(stack_settings, mlflow_address):
    return replace(stack_settings, mlflow_url=mlflow_address, model_name=stack_settings.postgres_database)


@pytest.fixture
def log(postgres):
    """Predictions of January to April 2013; the clock is in April."""
    ClockStore(postgres).set_simulated(NOON)
    log = PredictionLog(postgres)
    for month in (1, 2, 3, 4):
        log.ship(f"api-{month}", 0, to_copy_line(prediction(month, datetime(2013, month, 9, 18, tzinfo=UTC))))
    return log


def expired(settings, postgres, policy=POLICY):
    return [(thing.kind, thing.name) for thing in find_expired(settings, postgres, policy)]


def test_months_of_predictions_go_whole_and_those_within_the_policy_stay(settings, postgres, log):
    assert expired(settings, postgres) == [("predictions", "predictions_2013_01")]
    number = delete_expired(postgres, find_expired(settings, postgres, POLICY), "erika", "the policy")
    assert expired(settings, postgres) == []
    [row] = DeletionStore(postgres).newest()
    assert number == 1
    assert (row.kind, row.who, row.reason) == ("retention", "erika", "the policy")
    assert row.deleted == {"predictions": ["predictions_2013_01"]}


def test_a_policy_of_zero_keeps_for_ever(settings, postgres, log):
    assert expired(settings, postgres, RetentionPolicy(0, 0, 0)) == []


def test_reports_and_refused_lines_go_by_their_age(settings, postgres):
    ClockStore(postgres).set_simulated(NOON)
    for day in ("2013-02-01", "2013-04-01"):
        (settings.reports_dir / "monitoring" / day).mkdir(parents=True)
        (settings.reports_dir / "monitoring" / day / "drift.json").write_text("{}")
    settings.spool_dir.mkdir()
    for name in ("old.refused", "new.refused", "old.spool"):
        (settings.spool_dir / name).write_text("a line\n")
    for name in ("old.refused", "old.spool"):
        os.utime(settings.spool_dir / name, (OLD, OLD))
    assert expired(settings, postgres) == [("reports", "2013-02-01"), ("refused lines", "old.refused")]
    delete_expired(postgres, find_expired(settings, postgres, POLICY), "erika", "the policy")
    assert sorted(path.name for path in settings.spool_dir.iterdir()) == ["new.refused", "old.spool"]
    assert [path.name for path in (settings.reports_dir / "monitoring").iterdir()] == ["2013-04-01"]


def test_copies_of_models_that_the_next_rollbacks_go_to_stay(settings, postgres):
    ClockStore(postgres).set_simulated(NOON)
    text = worlds.trees()
    for version in (1, 2, 3, 4, 5):
        worlds.keep_in_cache(settings, text, version)
        os.utime(settings.model_cache_dir / str(version), (OLD, OLD))
    alias: list[int | None] = [None]
    for version in (1, 2, 3, 4):
        Deployments(postgres).change(
            action="promote", to_version=version, expected_version=alias[0], who="test", reason="test",
            contract_hash=CONTRACT_HASH, move_alias=lambda to: alias.__setitem__(0, to), read_alias=lambda: alias[0],
        )  # fmt: skip
    assert expired(settings, postgres) == [("copies of models", "1"), ("copies of models", "5")]


def test_references_go_by_their_age_but_for_those_in_use(settings, postgres):
    ClockStore(postgres).set_simulated(NOON)
    ModelRegistry.from_settings(settings).remember_served(2)
    for name in ("1-abc.npz", "2-abc.npz", "3-abc.npz", "trailing-abc-2013-03-31.npz"):
        kept = references.folder(settings) / name
        kept.parent.mkdir(exist_ok=True)
        kept.write_bytes(b"a reference")
        if not name.startswith("3"):
            os.utime(kept, (OLD, OLD))
    assert expired(settings, postgres) == [
        ("references", "1-abc.npz"), ("references", "trailing-abc-2013-03-31.npz"),
    ]  # fmt: skip
    delete_expired(postgres, find_expired(settings, postgres, POLICY), "erika", "the policy")
    assert sorted(found.name[0] for found in references.folder(settings).iterdir()) == ["2", "3"]


def test_a_prediction_is_erased_by_its_id_once(postgres, log):
    store = DeletionStore(postgres)
    record = prediction(9, NOON)
    log.ship("api-9", 0, to_copy_line(record))
    erased = record.prediction_id
    with pytest.raises(NotFound):
        store.erase("00000000-0000-4000-8000-000000000000", "erika", "was asked for")
    assert log.find(erased) is not None
    store.erase(erased, "erika", "was asked for")
    assert log.find(erased) is None
    with pytest.raises(NotFound, match="may be in the spool"):
        store.erase(erased, "erika", "was asked for")
    [row] = store.newest()
    assert (row.kind, row.deleted) == ("erasure", {"prediction_id": erased})
