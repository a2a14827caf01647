"""One pass of the loop through the whole stack; its tests run in order."""

import os
import time
from collections import Counter
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import numpy as np
import pytest
import requests

from adapters.clock_store import ClockStore
from adapters.event_store import EventStore
from adapters.label_store import LabelStore
from adapters.monitoring_store import MonitoringStore
from adapters.prediction_columns import PredictionColumns
from adapters.prediction_log import PredictionLog
from adapters.prefect_client import FlowRun
from domain.clock import from_minute
from domain.errors import OntimeError
from domain.features.catalogue import CONTRACT_HASH
from domain.features.state import AHEAD_MINUTES, LOOKBACK_MINUTES
from domain.features.vectors import vectors_for
from domain.flights import Queries, flight_numbers
from experiments.evaluation.tuning import champion_parameters
from replay.client import require
from replay.driver import ticks_of
from services.health import CHECKS
from tests.documented import documented
from tests.e2e.conftest import DAY, SMALL, World, unheard

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.timeout(1200),
    # The clients' libraries leave some closed sockets to the collector, which may find them in any test.
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
]


def eventually(condition: Callable[[], bool], seconds: float = 30.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.1)


def logged(world: World) -> PredictionColumns:
    log = PredictionLog(world.database)
    eventually(lambda: len(log.fetch(DAY)) >= world.first_day.predictions)
    return log.fetch(DAY, contract_hash=CONTRACT_HASH)


def serving(world: World) -> int:
    return require(world.api.get("/health/ready"), 200).body["model_version"]


def test_every_part_is_well(world):
    assert world.stack.probe(world.stack.states()) == dict.fromkeys(CHECKS)


def test_the_schema_is_that_of_this_code(world):
    assert "nothing, up to date" in documented(".venv/bin/ontime migrate").run(os.environ).stdout


def test_the_run_of_a_day_comes_by_itself(world):
    """Prefect's scheduler has put the coming runs on its calendar."""
    body = {"flow_runs": {"state": {"type": {"any_": ["SCHEDULED"]}}}}
    address = f"{world.settings.prefect_address}/flow_runs/filter"
    password = world.settings.prefect_password_file.read_text()

    def scheduled() -> set[str]:
        answer = requests.post(address, json=body, auth=("ontime", password), timeout=10)
        return {run["expected_start_time"][11:16] for run in answer.json()}

    partitions, monitoring = "04:30", "10:01"
    eventually(lambda: scheduled() == {partitions, monitoring}, 30)


def test_every_flight_of_the_day_was_predicted_once_an_hour_before_its_departure(world):
    predictions = logged(world)
    start, end = (next(iter(ticks_of(DAY + timedelta(days=i)))) for i in (0, 1))
    step = timedelta(minutes=5)
    batches = world.feed.flights_between(start - step, end - step, timedelta(hours=1))
    scheduled = [f for batch in batches for f in batch]
    of_the_day = {f"{f['carrier']}{f['flight']}-{f['origin']}-{DAY:%Y%m%d}" for f in scheduled}
    assert Counter(predictions.flight_id.tolist()) == Counter(of_the_day)
    assert set(predictions.lead_minutes.tolist()) == {60}
    assert len(predictions) > 800


def test_served_features_equal_training_features(world):
    """Bit for bit: what the running API logged is what training computes from the events."""
    predictions = logged(world)
    ticks = predictions.state_tick
    flights, weather = EventStore(world.database).facts(
        from_minute(int(ticks.max())),
        from_minute(int(ticks.min()) - LOOKBACK_MINUTES - 1440),
        from_minute(int(ticks.max()) + AHEAD_MINUTES),
    )
    queries = Queries(
        carrier=predictions.carrier, number=flight_numbers(predictions.flight_id),
        origin=predictions.origin, dest=predictions.dest,
        sched_dep=predictions.sched_dep, sched_arr=predictions.sched_arr, as_of=predictions.as_of,
    )  # fmt: skip
    recomputed = vectors_for(queries, flights, weather, ticks)
    assert recomputed.shape == predictions.features.shape
    assert np.array_equal(recomputed.view(np.int64), predictions.features.view(np.int64))


def test_answers_saw_the_newest_state(world):
    """A worker hears of a new state within milliseconds; what it answered in between says so by its tick."""
    predictions = logged(world)
    age = predictions.as_of - predictions.state_tick
    assert age.min() >= 0
    assert (age < 5).mean() > 0.98
    assert age.max() < 15


def test_arrivals_became_labels(world):
    predictions = logged(world)
    known = ~np.isnan(predictions.is_late)
    assert known.mean() > 0.9
    labels = LabelStore(world.database)
    label = labels.current(str(predictions.flight_id[known][0]))
    assert label is not None
    assert label.known_at <= ClockStore(world.database).read().now


def test_an_answer_leads_to_its_features_its_model_its_data_and_its_code(world):
    predictions = logged(world)
    shown = require(world.api.get(f"/v1/predictions/{predictions.prediction_id[0]}", "predict"), 200).body
    assert shown["flight_id"] == predictions.flight_id[0]
    assert shown["probability"] == predictions.probability[0]
    assert len(shown["features"]) == predictions.features.shape[1]
    assert shown["model"]["version"] == 1
    assert len(shown["model"]["data_hash"]) == 64
    assert shown["model"]["git_commit"]


def test_a_run_measures_the_day_and_leaves_a_report(world):
    world.prefect.run("nightly-monitoring", {"day": DAY.isoformat()}, "run")
    store = MonitoringStore(world.database)
    (run,) = store.runs(DAY, DAY)
    assert run.predictions == world.first_day.predictions
    assert run.labelled > 0.9 * run.predictions
    assert Path(run.report_html).stat().st_size > 100_000
    measured = {m.name: m.value for m in store.measures_of(DAY) if m.slice == "all"}
    assert 0.5 < measured["realised_auc"] < 1
    assert measured["parity_mismatches"] == 0
    assert "retrain" in {decision.kind for decision in store.decisions(DAY, DAY)}


def test_the_same_day_again_changes_nothing(world):
    store = MonitoringStore(world.database)
    before = {(m.name, m.slice): m.value for m in store.measures_of(DAY)}
    decided = len(store.decisions(DAY, DAY))
    world.prefect.run("nightly-monitoring", {"day": DAY.isoformat()}, "run again")
    after = {(m.name, m.slice): m.value for m in store.measures_of(DAY)}
    timed = {key for key in before if "latency" in key[0] or "seconds" in key[0] or "backlog" in key[0]}
    assert after.keys() == before.keys()
    for key in before.keys() - timed:
        # Rows of one moment come in any order: sums differ in their last digits.
        np.testing.assert_allclose(
            np.nan if after[key] is None else after[key],
            np.nan if before[key] is None else before[key],
            rtol=1e-9,
            err_msg=str(key),
        )
    assert len(store.decisions(DAY, DAY)) == decided


def test_a_promotion_and_a_rollback_reach_the_running_api(world):
    second = world.train("to be promoted", seed=2)
    body = {"version": second, "expected_version": 1, "reason": "the end-to-end pass"}
    require(world.api.post("/v1/model/promote", body, "admin"), 200)
    eventually(lambda: serving(world) == second, 10)
    require(world.api.post("/v1/model/promote", body, "admin"), 409)

    require(world.api.post("/v1/model/rollback", {"reason": "the end-to-end pass"}, "admin"), 200)
    eventually(lambda: serving(world) == 1, 10)


def test_a_retrain_can_be_asked_for_at_the_api(world):
    body = {"reason": "the end-to-end pass", "idempotency_key": "one"}
    asked = require(world.api.post("/v1/model/retrain", body, "admin"), 202).body
    again = require(world.api.post("/v1/model/retrain", body, "admin"), 202).body
    assert asked["flow_run_id"] == again["flow_run_id"]
    # The flow runs, and refuses: a month of flights is less than a retrain needs.
    with pytest.raises(OntimeError, match="a window of at least"):
        world.prefect.wait(FlowRun(asked["flow_run_id"], asked["flow_run"]), 120)


def test_a_search_for_parameters_starts_from_those_of_the_champion(world):
    assert champion_parameters(world.settings, unheard) == SMALL


def test_the_clock_of_the_stack_answers_a_question_about_now(world):
    now = ClockStore(world.database).read().now
    batches = world.feed.flights_between(now + timedelta(hours=1), now + timedelta(hours=3), timedelta(0))
    flight = {name: value for name, value in batches[0][0].items() if name != "as_of"}
    answer = require(world.api.post("/v1/predictions", flight, "predict"), 200).body
    assert answer["as_of"] == answer["clock"]["now"] == now.strftime("%Y-%m-%dT%H:%M:%SZ")
    assert answer["clock"]["mode"] == "simulated"
    assert answer["features"]["stale"] is False
