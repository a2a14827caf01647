import secrets
from dataclasses import replace
from datetime import UTC, date, datetime

import numpy as np
import pytest

from adapters import model_artifact
from adapters.model_registry import ModelRegistry
from domain.errors import ContractMismatch, InvalidInput, NotFound
from domain.features.catalogue import CONTRACT_HASH, FEATURE_NAMES
from domain.model import Calibration, FlightModel
from tests.domain.worlds import Observation, weather_facts
from tests.mlflow_server import KEYS
from tests.training.sets import REQUEST, FlownStore
from training import baselines
from training.gate import GatePolicy
from training.own_vectors import champion_on
from training.provenance import git_commit
from training.run import gate_candidate, make_model, train_candidate

POLICY = GatePolicy(minimum_rows=100, minimum_slice_rows=50, largest_ece=0.2, largest_microseconds=50_000)


@pytest.fixture(scope="module")
def store():
    return FlownStore()


@pytest.fixture(scope="module")
def shared_registry(mlflow_address, tmp_path_factory):
    """A registry with the version of `candidate`."""
    return ModelRegistry(
        mlflow_address, f"run-{secrets.token_hex(4)}", tmp_path_factory.mktemp("models"), KEYS
    )


@pytest.fixture(scope="module")
def reported():
    """Steps and shares that the training of `candidate` reported."""
    return []


@pytest.fixture(scope="module")
def candidate(store, shared_registry, reported):
    return train_candidate(store, shared_registry, KEYS, REQUEST, lambda *step: reported.append(step))


@pytest.mark.integration
def test_a_candidate_is_registered_signed_and_loads_as_it_was_evaluated(candidate, shared_registry):
    registry = shared_registry
    loaded = registry.load(candidate.version)
    np.testing.assert_array_equal(
        loaded.probability(candidate.held_out.X), candidate.model.probability(candidate.held_out.X)
    )
    assert model_artifact.model_hash(registry.fetch(candidate.version)) == candidate.model_hash
    assert "# Model card" in (registry.fetch(candidate.version) / "card.md").read_text()


@pytest.mark.integration
def test_a_version_names_its_data_code_contract_and_quality(candidate, shared_registry):
    registry = shared_registry
    tags, manifest = registry.version(candidate.version).tags, candidate.model.manifest
    assert tags["model_hash"] == candidate.model_hash
    assert (tags["data_hash"], tags["contract_hash"]) == (manifest.data_hash, CONTRACT_HASH)
    assert tags["git_commit"] == manifest.git_commit == git_commit()
    assert tags["as_of"] == manifest.as_of == "2013-04-10T12:00:00Z"
    assert float(tags["auc"]) == pytest.approx(candidate.evaluation.headline["auc"], abs=1e-4)
    recorded = registry._mlflow.client.get_run(candidate.run_id)
    assert recorded.data.params["seed"] == "2013"
    assert recorded.data.params["rows_left_out"] == "0"
    assert {"auc", "log_loss", "auc_lead_60", "log_loss_carrier_by_hour"} <= recorded.data.metrics.keys()
    assert manifest.data_hash in recorded.inputs.dataset_inputs[0].dataset.source
    files = {file.path for file in registry._mlflow.client.list_artifacts(candidate.run_id)}
    assert files == {"model", "plots", "evaluation.json", "gain.json", "snapshot.json"}


@pytest.mark.integration
def test_a_reading_that_no_instrument_makes_costs_its_rows_and_no_retrain(registry):
    faulty = FlownStore()
    faulty.weather = weather_facts(
        [Observation("EWR", -6 * 1440, 1 - 6 * 1440, {"temp_f": 999.0})], faulty.flights.network
    )
    trained = train_candidate(faulty, registry, KEYS, REQUEST)
    recorded = registry._mlflow.client.get_run(trained.run_id).data.params
    assert 0 < int(recorded["rows_left_out"]) < 40
    assert "weather_temp_f" in recorded["columns_left_out"]


def test_held_out_days_without_a_late_flight_give_a_model_whose_figures_are_numbers():
    punctual = FlownStore()
    day = np.array([int(name[-8:]) for name in punctual.flights.flight_id.tolist()])
    delays = np.where(day >= 20130405, 0, punctual.flights.arr_delay)
    punctual.flights = replace(punctual.flights, arr_delay=delays)
    made = make_model(punctual, REQUEST)
    assert np.isnan(made.evaluation.headline["auc"])
    assert "auc" not in made.model.manifest.metrics
    assert "NaN" not in made.model.manifest.to_json()
    assert made.model.manifest.metrics["late_rate"] == 0


def test_what_is_computed_beside_the_trees_is_the_same_as_after_them(store):
    made = make_model(store, REQUEST)
    after = baselines.predictions(made.split, REQUEST.seed)
    assert {name: values.tobytes() for name, values in made.baselines.items()} == {
        name: values.tobytes() for name, values in after.items()
    }
    assert made.model.manifest.data_hash == replace(made.rows).data_hash


@pytest.mark.integration
def test_the_same_request_gives_the_same_model_hash_and_another_seed_another(candidate, store, registry):
    again = train_candidate(store, registry, KEYS, REQUEST)
    assert again.run_id != candidate.run_id
    assert again.model_hash == candidate.model_hash
    other = train_candidate(store, registry, KEYS, replace(REQUEST, seed=7))
    assert (other.version, again.version) == (2, 1)
    assert other.model_hash != candidate.model_hash


@pytest.mark.integration
def test_the_fit_has_not_seen_the_days_the_gate_looks_at(candidate):
    assert np.unique(candidate.held_out.day).tolist() == [20130405, 20130406, 20130407, 20130408, 20130409]
    assert candidate.model.manifest.trained_from == "2013-03-09"
    assert candidate.model.manifest.trained_until == "2013-04-04"


@pytest.mark.integration
def test_a_window_without_enough_labelled_days_registers_nothing(store, registry):
    early = replace(REQUEST, as_of=datetime(2013, 3, 20, tzinfo=UTC))
    with pytest.raises(InvalidInput, match="flown_until"):
        train_candidate(store, registry, KEYS, early)
    with pytest.raises(NotFound):
        registry.version(1)


@pytest.mark.integration
def test_progress_ends_with_everything_done(candidate, reported):
    assert list(dict.fromkeys(step for step, _ in reported)) == [
        "training set", "fit", "evaluate", "register"
    ]  # fmt: skip
    assert reported[-1] == ("register", 1.0)


@pytest.mark.integration
def test_the_first_champion_meets_floors_and_baselines_alone(store, registry):
    first = train_candidate(store, registry, KEYS, REQUEST)
    assert first.version == 1
    verdict = gate_candidate(first, None)
    names = {check.name for check in verdict.checks}
    assert "auc" in names
    assert any("carrier_by_hour" in name for name in names)
    assert not any("champion" in name for name in names)


TREES_ALONE = {"calibration": Calibration(), "logistic_share": 0.0, "perceptron_share": 0.0}


class Blind:
    """Trees that say the same of every flight."""

    n_features = len(FEATURE_NAMES)

    def raw_scores(self, matrix):
        return np.full(len(matrix), -1.0)

    def contributions(self, matrix):
        raise NotImplementedError


@pytest.mark.integration
def test_the_gate_compares_candidate_and_champion_on_the_held_out_days(candidate):
    alone = replace(candidate, baselines={})
    blind = FlightModel(
        replace(candidate.model.manifest, **TREES_ALONE),
        Blind(),
    )
    verdict = gate_candidate(alone, blind, POLICY)
    assert verdict.passed, verdict.reason
    reversed_verdict = gate_candidate(replace(alone, model=blind), candidate.model, POLICY)
    failed = {check.name for check in reversed_verdict.checks if not check.passed}
    assert not reversed_verdict.passed
    assert "auc" in failed


@pytest.mark.integration
@pytest.mark.parametrize("fitted_until", ["2013-04-04", "2013-04-06", "2013-04-07", "2013-04-09"])
def test_a_champion_is_compared_on_no_day_that_it_was_fitted_on(candidate, fitted_until):
    fitted = replace(candidate.model.manifest, **TREES_ALONE, trained_until=fitted_until)
    verdict = gate_candidate(replace(candidate, baselines={}), FlightModel(fitted, Blind()), POLICY)
    days = [day.isoformat() for day in verdict.held_out]
    assert days == [f"2013-04-0{n}" for n in range(5, 10) if f"2013-04-0{n}" > fitted_until]
    assert verdict.passed == (len(days) >= POLICY.minimum_days), verdict.reason
    if not verdict.passed:
        assert f"days is {len(days)}, required at least 3" in verdict.reason


OLD = "0" * 64
"""The contract of a release before, with two features."""


class ByHour:
    """The trees of that release: the later, the later; it knows two features."""

    n_features = 2

    def raw_scores(self, matrix):
        return matrix[:, 0] - 2.0

    def contributions(self, matrix):
        raise NotImplementedError


@pytest.fixture
def old_champion(candidate):
    features = {"feature_names": ("hour", "noise"), "categories": {}, "contract_hash": OLD}
    return FlightModel(replace(candidate.model.manifest, **features, **TREES_ALONE), ByHour())


def logged_by(rows, flights):
    """What the release before logged of some flights, in an order of its own."""
    position = {name: i for i, name in enumerate(rows.flight_id.tolist())}

    def logged(first, last, contract):
        assert (first, last, contract) == (date(2013, 4, 5), date(2013, 4, 9), OLD)
        own = np.array([[position[name] / len(position), 0.0] for name in flights])
        return np.array(flights, dtype=str), own.reshape(-1, 2)

    return logged


@pytest.mark.integration
def test_a_champion_of_another_contract_is_compared_on_the_vectors_that_its_own_release_logged(
    candidate, old_champion
):
    rows = candidate.held_out.take(candidate.held_out.lead == 60)
    flights = rows.flight_id[::2].tolist()[::-1]
    elsewhere = [*flights, "UA9999-EWR-20130405"]
    asked, probability = champion_on(rows, old_champion, logged_by(rows, flights))
    assert rows.flight_id[asked].tolist() == rows.flight_id[::2].tolist()
    own = np.array([[i / len(rows), 0.0] for i in asked])
    np.testing.assert_array_equal(probability, old_champion.probability(own))
    verdict = gate_candidate(
        replace(candidate, baselines={}), old_champion, POLICY, lambda *_: _with(rows, elsewhere)
    )
    assert verdict.passed, verdict.reason
    assert verdict.account is not None
    assert sum(losses[0].rows for losses in verdict.held_out.values()) == len(flights)


def _with(rows, flights):
    """Also of flights that are not held out."""
    return np.array(flights, dtype=str), np.column_stack(
        [np.linspace(0, 1, len(flights)), np.zeros(len(flights))]
    )


@pytest.mark.integration
def test_a_candidate_that_cannot_be_compared_with_the_champion_that_serves_is_refused(
    candidate, old_champion
):
    nothing = np.empty(0, dtype=str), np.empty((0, 0))
    verdict = gate_candidate(candidate, old_champion, POLICY, lambda *_: nothing)
    assert not verdict.passed
    assert "rows is 0" in verdict.reason
    with pytest.raises(ContractMismatch, match="no vectors"):
        gate_candidate(candidate, old_champion, POLICY)


@pytest.mark.integration
def test_of_a_champion_of_another_contract_that_was_fitted_on_every_held_out_day_nothing_is_asked(
    candidate, old_champion
):
    fitted = replace(old_champion.manifest, trained_until="2013-04-09")
    verdict = gate_candidate(candidate, FlightModel(fitted, ByHour()), POLICY, pytest.fail)
    assert "rows is 0" in verdict.reason
