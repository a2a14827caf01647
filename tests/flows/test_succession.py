"""A release with another feature contract takes over from the one that serves, and goes back, on real servers."""

from dataclasses import replace
from datetime import UTC, date, datetime

import lightgbm
import numpy as np
import pytest

from adapters import model_artifact
from adapters.championship import Championship
from adapters.clock_store import ClockStore
from adapters.deployments import Deployments
from adapters.event_store import EventStore
from adapters.feature_store import FeatureStore
from adapters.model_keys import ModelKeys
from adapters.model_registry import CHALLENGER, CHAMPION, SUCCESSOR, ModelRegistry
from adapters.monitoring_store import MonitoringStore
from adapters.prediction_lines import to_copy_line
from adapters.prediction_log import PredictionLog
from app.model_holder import ModelHolder
from domain.clock import from_minute
from domain.errors import ContractMismatch, OntimeError
from domain.features.catalogue import CONTRACT_HASH
from domain.flights import FlightFacts
from flows import first_champion as work
from flows import tasks
from flows.references import reference_file
from services.refresher import Refresher
from tests.app import worlds
from tests.builders import prediction
from tests.training.sets import FlownStore
from tests.training.test_rebuild import append_flown
from training.gate import GatePolicy
from training.retraining import RetrainPlan
from training.split import SplitPolicy
from training.train import TreeParameters

pytestmark = pytest.mark.integration
OLD = "0" * 64
"""The contract of the release that serves: two features, which this code does not compute."""
NOW = datetime(2013, 4, 10, 12, tzinfo=UTC)
HELD_OUT = (date(2013, 4, 5), date(2013, 4, 9))
QUIET = print


@pytest.fixture
def settings(stack_settings, mlflow_address):
    return replace(stack_settings, mlflow_url=mlflow_address, model_name=stack_settings.postgres_database)


@pytest.fixture
def registry(settings):
    return ModelRegistry.of_trainer(settings)


@pytest.fixture
def small(monkeypatch):
    """A month is enough to train on, and for the gate."""
    request = work.training_run.TrainingRequest
    limits = {
        "parameters": TreeParameters(n_trees=15, min_data_in_leaf=20, feature_fraction=0.5),
        "split": SplitPolicy(evaluation_days=5, minimum_fit_days=16),
    }
    monkeypatch.setattr(work.training_run, "TrainingRequest", lambda *given: request(*given, **limits))
    gate = GatePolicy(
        minimum_rows=100, minimum_slice_rows=10_000, lowest_auc=0.5, largest_microseconds=1e6,
        largest_worse_than_baseline=1.0,
    )  # fmt: skip
    monkeypatch.setattr(work, "PLAN", RetrainPlan(window_days=32, gate=gate))


@pytest.fixture
def old(postgres, registry, settings, tmp_path, small) -> int:
    """A month of flights; a champion of the old contract serves, and has a challenger beside it."""
    append_flown(EventStore(postgres), FlownStore().flights)
    ClockStore(postgres).set_simulated(NOW)
    version, challenger = (_old_version(registry, settings, tmp_path / name) for name in "ab")
    registry.set_alias(CHAMPION, version)
    registry.set_alias(CHALLENGER, challenger)
    Deployments(postgres).reconcile(lambda: version)
    return version


def _old_version(registry, settings, folder) -> int:
    """Say of a flight that it is late by chance alone."""
    draw = np.random.default_rng(1)
    rows, late = draw.normal(size=(400, 2)), draw.random(400) < 0.3
    parameters = {"objective": "binary", "num_leaves": 4, "verbosity": -1, "num_threads": 1}
    text = lightgbm.train(parameters, lightgbm.Dataset(rows, late), 3).model_to_string()
    manifest = replace(worlds.manifest(contract_hash=OLD), feature_names=("hour", "noise"), categories={})
    model_artifact.write(folder, text, manifest, ModelKeys.of_trainer(settings))
    with registry.runs.open("the release before") as run:
        return registry.register(run.run_id, folder, {"contract_hash": OLD, "data_hash": "b" * 64})


def log_answers(postgres, version: int) -> None:
    """What the old release answered an hour before each flight of the held-out days."""
    flights = FlownStore().flights
    lines = [to_copy_line(_answer(flights, i, version)) for i in range(len(flights)) if _held_out(flights, i)]
    PredictionLog(postgres).ship("api-old", 0, b"".join(lines))


def _held_out(flights: FlightFacts, i: int) -> bool:
    day = flights.flight_id[i][-8:]
    return f"{HELD_OUT[0]:%Y%m%d}" <= day <= f"{HELD_OUT[1]:%Y%m%d}"


def _answer(flights: FlightFacts, i: int, version: int):
    carrier = flights.network.carriers.names[flights.carrier[i]]
    origin = flights.network.airports.names[flights.origin[i]]
    number, day = flights.flight_id[i].split("-")[0][2:], flights.flight_id[i][-8:]
    departure = from_minute(int(flights.sched_dep[i]))
    return prediction(
        int(number), departure, flight_id=f"{carrier}{number}-{origin}-{day}", carrier=carrier, origin=origin,
        features=np.array([i % 24.0, 0.5]), contract_hash=OLD, model_version=version,
    )  # fmt: skip


def serves(registry) -> int | None:
    """What a worker of this code serves that has just started."""
    holder = ModelHolder(registry)
    holder.refresh()
    return holder.champion and holder.champion.version


def test_a_release_with_other_features_takes_over_and_goes_back(postgres, settings, registry, old):
    log_answers(postgres, old)
    assert serves(registry) is None
    version = work.train_first(settings, QUIET, champion_serves=True)
    assert (registry.alias(CHAMPION), registry.alias(SUCCESSOR)) == (old, version)
    assert registry.version(version).contract == CONTRACT_HASH
    assert serves(registry) == version
    # Asked again, nothing is trained again.
    assert work.train_first(settings, QUIET) == version

    championship = Championship(registry, Deployments(postgres))
    row = championship.succeed("upgrade")
    assert (row.action, row.from_version, row.to_version) == ("promote", old, version)
    assert row.evidence == {"contract": CONTRACT_HASH, "contract_before": OLD}
    assert registry.alias(CHAMPION) == version == serves(registry)
    assert (registry.alias(SUCCESSOR), registry.alias(CHALLENGER)) == (None, None)
    assert championship.succeed("upgrade") is None
    assert work.train_first(settings, QUIET) == version

    # And back: the release before has its champion in the ledger, as this one has when its turn comes again.
    registry.set_alias(CHAMPION, old)
    Deployments(postgres).reconcile(championship.champion)
    assert work.train_first(settings, QUIET) == version
    assert registry.alias(SUCCESSOR) == version == championship.succeed("upgrade").to_version
    assert len(registry.versions()) == 3


def test_a_worker_of_the_new_release_is_ready_with_states_and_a_model_of_its_own_contract(
    postgres, settings, registry, old, tmp_path
):
    refresher = Refresher(postgres, states=FeatureStore(postgres, OLD))
    assert refresher.refresh() is not None
    refresher.close()
    with worlds.serving(postgres, settings, settings.mlflow_url) as api:
        worlds.look(api)
        answer = api.get("/health/ready")
        assert answer.status_code == 503
        checks = answer.get_json()["checks"]
        assert "no champion" in checks["champion"]
        assert "no feature state" in checks["state"]
        worlds.refresh_at(postgres, NOW)
        folder = tmp_path / "own"
        model_artifact.write(folder, worlds.trees(), worlds.manifest(), ModelKeys.of_trainer(settings))
        with registry.runs.open("a test") as run:
            version = registry.register(run.run_id, folder, {"contract_hash": CONTRACT_HASH})
        registry.set_alias(SUCCESSOR, version)
        worlds.look(api)
        assert api.get("/health/ready").get_json()["model_version"] == version
    assert registry.alias(CHAMPION) == old


def test_the_gate_compares_both_on_the_days_that_the_old_release_logged_and_says_so(
    postgres, settings, registry, old
):
    log_answers(postgres, old)
    version = work.train_first(settings, QUIET, champion_serves=True)
    assert reference_file(settings, version, registry.load(version)).exists()
    [decision] = MonitoringStore(postgres).decisions(NOW.date(), NOW.date())
    assert (decision.kind, decision.verdict) == ("gate", True)
    assert (decision.evidence["candidate"], decision.evidence["champion"]) == (version, old)
    logged = PredictionLog(postgres).fetch(*HELD_OUT, contract_hash=OLD)
    assert decision.evidence["rows"]["measured"] == len(logged) > 300
    assert "evidence_against" in decision.evidence


def test_what_cannot_be_compared_with_a_champion_that_serves_succeeds_it_only_by_a_persons_choice(
    postgres, settings, registry, old
):
    with pytest.raises(OntimeError, match=r"version 3 does not pass the gate: rows is 0"):
        work.train_first(settings, QUIET, champion_serves=True)
    assert registry.alias(SUCCESSOR) is None
    assert registry.alias(CHAMPION) == old
    [decision] = MonitoringStore(postgres).decisions(NOW.date(), NOW.date())
    assert not decision.verdict
    with pytest.raises(ContractMismatch):
        work.train_first(settings, QUIET, champion_serves=True, chosen=old)
    assert work.train_first(settings, QUIET, champion_serves=True, chosen=3) == 3
    assert registry.alias(SUCCESSOR) == 3 == serves(registry)


def test_where_nothing_serves_the_champion_any_more_floors_and_baselines_decide(
    postgres, settings, registry, old
):
    """A stack that was stopped comes up with other features: the alternative is no answer at all."""
    version = work.train_first(settings, QUIET)
    assert registry.alias(SUCCESSOR) == version == serves(registry)
    [decision] = MonitoringStore(postgres).decisions(NOW.date(), NOW.date())
    assert not decision.verdict


def test_the_day_of_a_change_is_monitored_without_what_only_the_old_code_computes(registry, old):
    champion = tasks.Champion(old, registry.load(old))
    assert tasks.fetch_reference.fn(champion) is None


def test_a_successor_that_this_code_cannot_serve_does_not_become_champion(postgres, registry, old):
    registry.set_alias(SUCCESSOR, old + 1)
    with pytest.raises(ContractMismatch):
        Championship(registry, Deployments(postgres)).succeed("upgrade")
    assert (registry.alias(CHAMPION), Deployments(postgres).champion()) == (old, old)
