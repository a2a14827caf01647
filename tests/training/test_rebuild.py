"""A recorded run, made again from a real PostgreSQL and a real MLflow after the world has moved on."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import numpy as np
import pytest

from adapters.event_store import EventStore
from adapters.label_store import LabelStore
from adapters.snapshots import Snapshot
from domain.clock import from_minute
from domain.errors import ContractMismatch, InvalidInput, NotFound
from domain.events import FlightEvent, WeatherEvent
from domain.flights import WEATHER_COLUMNS, FlightFacts
from tests.mlflow_server import KEYS
from tests.training.sets import FlownStore
from training import rebuild as module
from training import run as run_module
from training.rebuild import rebuild, request_of
from training.run import TrainingRequest, train_candidate
from training.snapshot import FILE, plain
from training.split import SplitPolicy
from training.train import TreeParameters

AS_OF = datetime(2013, 4, 10, 12, tzinfo=UTC)
REQUEST = TrainingRequest(
    flown_from=date(2013, 3, 20),
    flown_until=date(2013, 4, 9),
    as_of=AS_OF,
    reason="a test",
    parameters=TreeParameters(n_trees=8, min_data_in_leaf=20, feature_fraction=0.5),
    split=SplitPolicy(evaluation_days=4, minimum_fit_days=12),
)


def append_flown(store: EventStore, flights: FlightFacts) -> None:
    """Every flight's schedule, departure and arrival."""
    airports, carriers = flights.network.airports.names, flights.network.carriers.names
    events = []
    for i, name in enumerate(flights.flight_id.tolist()):
        carrier, number = carriers[flights.carrier[i]], int(name.split("-")[0][2:])
        name = f"{carrier}{number}-{airports[flights.origin[i]]}-{name[-8:]}"
        departs, lands = from_minute(int(flights.sched_dep[i])), from_minute(int(flights.sched_arr[i]))
        gone, there = int(flights.dep_known[i]), int(flights.arr_known[i])
        events += [
            FlightEvent(
                name, "scheduled", departs, departs - timedelta(days=30), carrier, number,
                airports[flights.origin[i]], airports[flights.dest[i]], departs, lands,
            ),
            FlightEvent(
                name, "departed", from_minute(gone), from_minute(gone), delay_minutes=int(flights.dep_delay[i])
            ),
            FlightEvent(
                name, "arrived", from_minute(there), from_minute(there),
                delay_minutes=int(flights.arr_delay[i]), air_time_minutes=180,
            ),
        ]  # fmt: skip
    weather = [
        WeatherEvent("EWR", AS_OF - timedelta(hours=h), (40.0 + h % 20, *[None] * (len(WEATHER_COLUMNS) - 1)),
                     AS_OF - timedelta(hours=h - 1))
        for h in range(1, 500)
    ]  # fmt: skip
    outcomes = store.append(events, weather)
    assert {outcome.status for outcome in outcomes} == {"accepted"}


@pytest.fixture
def trained(postgres, registry):
    append_flown(EventStore(postgres), FlownStore(days=25, per_day=48).flights)
    data = Snapshot.now(postgres)
    return train_candidate(data, registry, KEYS, REQUEST, label_store=data)


def stores_of(postgres):
    def stores(last_rows):
        assert set(last_rows) == {"flight_events", "weather_events", "labels"}
        data = Snapshot(postgres, last_rows)
        return data, data

    return stores


@pytest.mark.integration
def test_a_run_is_made_again_to_the_bit_whatever_came_later(trained, postgres, registry):
    labels, events = LabelStore(postgres), EventStore(postgres)
    flight = trained.held_out.flight_id[0]
    outcome = labels.append(flight, 500, AS_OF + timedelta(hours=1), "a test", correct=True)
    assert outcome.status == "accepted"
    # A file that comes late tells what was known long before the run: its moment alone would not keep it out.
    late = FlightEvent(
        "UA999-EWR-20130401", "cancelled", AS_OF - timedelta(days=8), AS_OF - timedelta(days=8)
    )
    schedule = FlightEvent(
        "UA999-EWR-20130401", "scheduled", AS_OF - timedelta(days=9), AS_OF - timedelta(days=30), "UA", 999, "EWR",
        "IAH", datetime(2013, 4, 1, 12, tzinfo=UTC), datetime(2013, 4, 1, 16, tzinfo=UTC),
    )  # fmt: skip
    rain = WeatherEvent(
        "EWR", datetime(2013, 3, 15, tzinfo=UTC), (9.0,) * len(WEATHER_COLUMNS), AS_OF - timedelta(days=20)
    )
    corrected = labels.append(
        trained.held_out.flight_id[-1], 400, AS_OF - timedelta(minutes=1), "a test", correct=True
    )
    assert {o.status for o in [*events.append([schedule, late], [rain]), corrected]} == {"accepted"}
    again = rebuild(registry, stores_of(postgres), KEYS, trained.run_id)
    assert again.same, again.lines()
    assert again.model == (trained.model_hash, trained.model_hash)
    assert again.training_set[0] == trained.model.manifest.data_hash
    assert set(again.tables) == {"flights", "weather", "labels"}
    assert again.lines()[-1] == "rebuilt to the bit"
    with pytest.raises(NotFound):
        registry.version(trained.version + 1)
    # The proof that the numbers of the newest rows were needed: without them the rebuild sees the late file.
    unbounded = rebuild(registry, lambda _: (Snapshot.now(postgres),) * 2, KEYS, trained.run_id)
    assert not unbounded.same_data
    assert any("DIFFERS" in line for line in unbounded.lines())


@pytest.mark.integration
def test_a_run_records_its_snapshot_as_a_file_and_in_tags(trained, registry):
    snapshot = registry.runs.file(trained.run_id, FILE)
    assert snapshot["request"]["as_of"] == AS_OF.isoformat()
    assert snapshot["training_set"] == {
        "rows": snapshot["training_set"]["rows"], "sha256": trained.model.manifest.data_hash
    }  # fmt: skip
    assert {name: table["rows"] for name, table in snapshot["tables"].items()}["flights"] == 25 * 48
    assert all(len(table["sha256"]) == 64 for table in snapshot["tables"].values())
    tags = registry._mlflow.client.get_run(trained.run_id).data.tags
    assert len(tags["snapshot_sha256"]) == 64
    assert snapshot["tables"]["labels"]["sha256"] in tags["snapshot.labels"]


@pytest.mark.integration
def test_a_rebuild_says_when_the_code_has_changed(trained, postgres, registry, monkeypatch):
    monkeypatch.setattr(module, "git_commit", lambda: "f" * 40)
    again = rebuild(registry, stores_of(postgres), KEYS, trained.run_id)
    assert any(line.startswith("changed: git commit was") and "f" * 40 in line for line in again.lines())
    assert again.same
    monkeypatch.setattr(module, "CONTRACT_HASH", "0" * 64)
    with pytest.raises(ContractMismatch, match="check out commit"):
        rebuild(registry, stores_of(postgres), KEYS, trained.run_id)


@pytest.mark.integration
def test_a_model_of_another_fit_is_not_called_the_same(trained, postgres, registry, monkeypatch):
    begin_fit = run_module._begin_fit

    def other(pool, split, request, *how):
        return begin_fit(pool, split, replace(request, seed=1), *how)

    monkeypatch.setattr(run_module, "_begin_fit", other)
    again = rebuild(registry, stores_of(postgres), KEYS, trained.run_id)
    assert again.same_data
    assert not again.same
    assert again.lines()[-1].startswith("NOT the same")


@pytest.mark.integration
@pytest.mark.parametrize("run_id", ["no-such-run", "0" * 32])
def test_a_run_that_is_not_there_is_named(registry, run_id):
    with pytest.raises(NotFound, match=run_id):
        rebuild(registry, lambda last_rows: (None, None), KEYS, run_id)


def test_a_request_survives_its_recording():
    assert request_of(plain(REQUEST)) == REQUEST


def test_a_setting_this_code_does_not_have_is_named():
    recorded = plain(REQUEST)
    recorded["parameters"]["depth_of_magic"] = 3
    with pytest.raises(InvalidInput, match=r"request\.parameters\.depth_of_magic"):
        request_of(recorded)


def test_a_tables_hash_sees_its_values_and_no_other_tables():
    flights = FlownStore(days=3, per_day=6).flights
    from training.table_versions import table_versions

    weather = FlownStore(days=3, per_day=6).weather
    one = table_versions(flights, weather, None)
    other = table_versions(
        replace(flights, arr_delay=flights.arr_delay + np.arange(len(flights)) // 17), weather, None
    )
    assert one["flights"].rows == other["flights"].rows
    assert one["flights"].sha256 != other["flights"].sha256
    assert one["weather"] == other["weather"]
