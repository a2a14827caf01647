from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from types import SimpleNamespace

import pytest

from adapters.championship import Championship
from adapters.clock_store import ClockStore
from adapters.deployments import ANY, Deployments
from adapters.label_store import LabelStore
from adapters.model_registry import CHAMPION, ModelRegistry
from flows import first_champion as work
from tests.flows.test_shadow import SOUND, register
from training.retraining import RetrainPlan

pytestmark = pytest.mark.integration


class NothingServes:
    """A registry without a champion."""

    @classmethod
    def from_settings(cls, settings, keys, patience):
        return cls()

    def aliased(self, name):
        return None

    def alias(self, name):
        return None


class AskedError(Exception):
    """What training was asked for."""


@pytest.fixture
def asked(monkeypatch):
    """The request of the first training, which goes no further."""

    def train(data, registry, keys, request, *rest):
        raise AskedError(request)

    monkeypatch.setattr(work, "ModelRegistry", NothingServes)
    monkeypatch.setattr(work.training_run, "train_candidate", train)


@pytest.mark.parametrize(
    ("hour", "minute", "until"),
    [(1, 0, 9), (4, 30, 9), (7, 45, 9), (7, 55, 10)],
    ids=["nine in the evening", "half past midnight", "a quarter to four", "five to four"],
)
def test_a_local_day_whose_flights_have_not_landed_is_not_trained_on(
    postgres, stack_settings, asked, hour, minute, until
):
    """Whoever is still in the air is late; nine in the evening in New York is the next day in UTC."""
    clock = datetime(2013, 4, 11, hour, minute, tzinfo=UTC)
    ClockStore(postgres).set_simulated(clock)
    for day in ("20130409", "20130410"):
        LabelStore(postgres).append(f"UA272-EWR-{day}", 14, clock - timedelta(hours=2), "api")
    with pytest.raises(AskedError) as caught:
        work.train_first(stack_settings, lambda text: None)
    assert caught.value.args[0].flown_until == date(2013, 4, until)


def test_the_first_champion_is_trained_on_a_year_up_to_the_newest_label(postgres, stack_settings, asked):
    """Long after the newest label too: a stack on the dataset's history, by the clock on the wall."""
    LabelStore(postgres).append("UA272-EWR-20131230", 14, datetime(2013, 12, 31, tzinfo=UTC), "api")
    with pytest.raises(AskedError) as caught:
        work.train_first(stack_settings, lambda text: None)
    request = caught.value.args[0]
    assert request.flown_until == date(2013, 12, 30)
    assert (request.flown_until - request.flown_from).days + 1 == RetrainPlan().window_days


@pytest.fixture
def served(postgres, stack_settings, mlflow_address, tmp_path):
    """The parts of a stack whose versions 1 and 2 served, 2 last, and whose alias was deleted since."""
    settings = replace(stack_settings, mlflow_url=mlflow_address, model_name=stack_settings.postgres_database)
    own = SimpleNamespace(settings=settings, registry=ModelRegistry.of_trainer(settings))
    own.championship = Championship(own.registry, Deployments(postgres))
    register(own, tmp_path, [SOUND, SOUND])
    for version in (1, 2):
        own.championship.promote(version, ANY, "test", "better")
    own.registry.delete_alias(CHAMPION)
    return own


def test_a_start_without_the_alias_serves_who_served_last_again(served):
    assert work.train_first(served.settings, lambda text: None) == 2
    served.registry._mlflow.client.delete_model_version(served.registry.model_name, "2")
    assert work.train_first(served.settings, lambda text: None) == 1
    assert served.registry.alias(CHAMPION) == 1


def test_a_rollback_without_the_alias_begins_with_who_served_last(served):
    assert served.championship.rollback("duty manager", "nothing serves").to_version == 2
    assert served.championship.rollback("duty manager", "it is worse").to_version == 1


def test_a_first_champion_after_others_says_that_none_of_them_is_sound(
    served, postgres, tmp_path, monkeypatch
):
    for version in ("1", "2"):
        served.registry._mlflow.client.delete_model_version(served.registry.model_name, version)
    register(served, tmp_path / "third", [SOUND])
    quality = SimpleNamespace(headline={"auc": 0.7, "log_loss": 0.4})
    trained = SimpleNamespace(version=3, run_id="a-run", evaluation=quality)
    monkeypatch.setattr(work.FirstTraining, "_trained", lambda training, reason: trained)
    passed = SimpleNamespace(passed=True, evidence=dict)
    monkeypatch.setattr(work.training_run, "gate_candidate", lambda *given: passed)
    monkeypatch.setattr(work, "keep_reference", lambda *given: None)
    assert work.train_first(served.settings, lambda text: None) == 3
    assert Deployments(postgres).history(1)[0].reason == "first champion: none that served before is sound"
