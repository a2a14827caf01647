from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from types import SimpleNamespace

import numpy as np
import pytest
from prefect import flow
from prefect.client.orchestration import get_client
from prefect.client.schemas.sorting import ArtifactSort

from adapters.monitoring_store import Measured, MonitoringRun
from adapters.prediction_lines import to_copy_line
from adapters.service_store import ServiceCount
from adapters.spool import SpoolWriter
from domain.errors import ConfigurationError, Conflict, InvalidInput, NotFound
from domain.features.catalogue import CONTRACT_HASH, FEATURE_NAMES
from flows import measuring, tasks
from flows import nightly_monitoring as nightly
from flows import parts as flow_parts
from flows import retrain as retraining
from flows.backfill import backfill
from flows.nightly_monitoring import nightly_monitoring
from flows.parts import RETRAIN_LOCK
from flows.retrain import retrain
from flows.rollback import rollback
from flows.tasks import Champion
from flows.tasks.decide import retrain_state
from flows.tasks.inputs import begin
from monitoring.reference import FEATURES, Reference
from monitoring.rules import RUN_FAILED
from services.shipper import Shipper
from tests.builders import arrived, departed, observation, prediction, scheduled
from tests.dask_cluster import cluster, plain_environment

pytestmark = pytest.mark.integration
DAY = date(2013, 4, 3)


@pytest.fixture
def morning(stack):
    """The stack's clock on the morning after the day."""
    stack.clock.set_simulated(datetime(2013, 4, 4, 10, tzinfo=UTC))
    return stack


def test_a_run_without_a_champion_measures_and_decides_nothing(morning):
    nightly_monitoring()
    [run] = morning.monitoring.runs(DAY, DAY)
    assert (run.predictions, run.model_version, run.report_html) == (0, None, None)
    assert morning.monitoring.decisions(DAY, DAY) == []


def test_the_same_day_again_gives_the_same_measures(morning):
    nightly_monitoring(DAY)
    first = morning.monitoring.measures_of(DAY)
    nightly_monitoring(DAY)
    assert morning.monitoring.measures_of(DAY) == first
    assert len(morning.monitoring.runs(DAY, DAY)) == 1


def test_a_run_that_fails_after_its_day_is_saved_notifies_and_one_that_decides_resolves_it(
    morning, monkeypatch
):
    def fail(run) -> None:
        raise NotFound("no such thing")

    with monkeypatch.context() as patch:
        patch.setattr(nightly, "decide", fail)
        with pytest.raises(NotFound):
            nightly_monitoring()
    assert len(morning.monitoring.runs(DAY, DAY)) == 1
    [alert] = [a for a in morning.monitoring.alerts(DAY, DAY, open_only=True) if a.rule == RUN_FAILED.name]
    assert alert.severity == "critical"
    assert "NotFound: no such thing" in alert.message
    nightly_monitoring(DAY - timedelta(days=1))  # decides nothing
    assert RUN_FAILED.name in [a.rule for a in morning.monitoring.alerts(DAY, DAY, open_only=True)]
    nightly_monitoring()
    still = [a.rule for a in morning.monitoring.alerts(DAY, DAY, open_only=True)]
    assert RUN_FAILED.name not in still


def test_a_day_that_is_not_over_is_refused_by_name(morning):
    with pytest.raises(InvalidInput, match=r"day: expected a day that is over.*2013-04-03"):
        nightly_monitoring(date(2013, 4, 4))


def test_a_retrain_waits_for_no_other_it_refuses(morning):
    with morning.database.try_lock(RETRAIN_LOCK) as held:
        assert held
        with pytest.raises(Conflict, match="another retrain is under way"):
            retrain("by hand")


def test_a_retrain_by_hand_that_is_under_way_keeps_no_challenger_waiting(morning, monkeypatch):
    tried = []
    monkeypatch.setattr(nightly, "check_guardrail", lambda run, champion: None)
    monkeypatch.setattr(nightly, "check_challenger", lambda run, champion: tried.append(run.day))
    monkeypatch.setattr(tasks, "load_champion", lambda: Champion(1, None))
    due = {"retrain": True}
    moment = datetime(2013, 4, 4, 10, tzinfo=UTC)
    morning.monitoring.record_decision("retrain", DAY, True, "7 days since the last", due, moment)
    with morning.database.try_lock(RETRAIN_LOCK) as held:
        assert held
        decided()
    assert tried == [DAY]


@flow(name="decide-alone")
def decided() -> None:
    nightly.decide(tasks.begin(DAY))


@pytest.mark.parametrize(("asked_by", "minutes"), [("ada", 10), ("policy", 0)])
def test_a_retrain_by_hand_is_gated_by_the_clock_and_the_policys_by_its_run(
    morning, monkeypatch, asked_by, minutes
):
    began = morning.clock.read().now

    def train(*_, **__):
        morning.clock.set_simulated(began + timedelta(minutes=10))
        return SimpleNamespace(version=7)

    verdict = SimpleNamespace(passed=False, reason="auc is 0.5", evidence=dict, account=None, held_out={})
    monkeypatch.setattr(retraining, "train_candidate", train)
    monkeypatch.setattr(retraining, "gate_candidate", lambda *_: verdict)
    assert not retrain("it is Monday", asked_by=asked_by)
    [gate] = [d for d in morning.monitoring.decisions(DAY, DAY) if d.kind == "gate"]
    assert gate.decided_at == began + timedelta(minutes=minutes)


def test_the_lock_of_a_retrain_is_free_again_after_one_that_failed(morning):
    with pytest.raises(InvalidInput):  # there is not a single flight to train on
        retrain("by hand")
    with morning.retrain_lock() as held:
        assert held


def test_the_retrain_policy_sees_since_when_the_champion_loses_more_than_it_expects(morning):
    for day, evidence in ((1, 2.0), (2, 150.0), (3, 900.0)):
        run = MonitoringRun(
            date(2013, 4, day), datetime(2013, 4, day + 1, 10, tzinfo=UTC), 1, 900, 900, None, None, 1.0
        )
        morning.monitoring.save_run(run, [Measured("performance_evidence", "all", evidence, None, None, 5)])
    champion = Champion(1, SimpleNamespace(manifest=SimpleNamespace(as_of="2013-03-31T10:00:00+00:00")))
    state = retrain_state.fn(begin.fn(DAY), champion)
    assert (state.day, state.losing_since, state.last_retrain) == (DAY, date(2013, 4, 2), None)


def test_labels_that_come_weeks_late_are_new_to_the_champion(morning):
    """A file of last month: its flights flew before the champion was fitted, which had not one label of theirs."""
    known = datetime(2013, 4, 2, 12, tzinfo=UTC)
    for n, day in enumerate(("20130305", "20130320", "20130402")):
        morning.labels.append(f"UA{n}-EWR-{day}", 5, known, "api")
    morning.labels.append("UA9-EWR-20130320", 5, datetime(2013, 3, 21, tzinfo=UTC), "api")
    champion = Champion(1, SimpleNamespace(manifest=SimpleNamespace(as_of="2013-03-31T10:00:00+00:00")))
    assert retrain_state.fn(begin.fn(DAY), champion).new_labels == 3


def test_a_rollback_without_an_earlier_champion_says_so(morning):
    with pytest.raises(NotFound, match="no earlier champion"):
        rollback("by hand")


def test_a_backfill_measures_what_was_missed_and_only_that(morning):
    nightly_monitoring(DAY)
    assert backfill(date(2013, 4, 1)) == [date(2013, 4, 1), date(2013, 4, 2)]
    assert backfill(date(2013, 4, 1)) == []


def test_a_backfill_on_a_cluster_measures_what_it_measures_here(morning, stack_environment, monkeypatch):
    first = date(2013, 4, 1)
    for number, day in enumerate((1, 2, 3)):
        line = to_copy_line(prediction(number + 1, datetime(2013, 4, day, 18, tzinfo=UTC)))
        morning.log.ship(f"api-{day}", 0, line)
    days = backfill(first)
    here = [morning.monitoring.measures_of(day) for day in days]
    own = {"ONTIME_MLFLOW_URL": morning.settings.mlflow_url, "ONTIME_MODEL_NAME": morning.settings.model_name}
    with cluster(plain_environment() | stack_environment | own) as workers:
        settings = replace(morning.settings, engine="dask", dask_scheduler=workers.address)
        monkeypatch.setattr(flow_parts, "make_parts", lambda _: replace(morning, settings=settings))
        flow_parts.parts.cache_clear()
        # Not in this process: the workers measure what a day shows alone.
        monkeypatch.setattr(measuring.tasks, "measure_quality", None)
        assert backfill(first, again=True) == days == [date(2013, 4, day) for day in (1, 2, 3)]
    assert [morning.monitoring.measures_of(day) for day in days] == here
    with pytest.raises(ConfigurationError, match="ONTIME_DASK_SCHEDULER: no Dask scheduler answers"):
        backfill(first, again=True)


def test_a_run_catches_up_with_days_that_were_missed(morning):
    for number, day in enumerate((1, 2, 3)):
        line = to_copy_line(prediction(number + 1, datetime(2013, 4, day, 18, tzinfo=UTC)))
        morning.log.ship(f"api-{day}", 0, line)
    nightly_monitoring(date(2013, 4, 1))  # asked for by name: an old day is monitored alone
    assert [run.day.day for run in morning.monitoring.runs(date(2013, 4, 1), DAY)] == [1]
    nightly_monitoring()
    assert [run.day.day for run in morning.monitoring.runs(date(2013, 4, 1), DAY)] == [1, 2, 3]


def test_old_pages_are_pruned_and_their_figures_stay(morning):
    folder = morning.settings.reports_dir / "monitoring"
    for day in ("2012-12-01", "2013-01-10"):
        (folder / day).mkdir(parents=True)
        for name in ("drift.html", "drift.json"):
            (folder / day / name).write_text("x")
    nightly_monitoring(DAY)
    kept = {str(path.relative_to(folder)) for path in folder.glob("*/*")}
    assert kept == {
        "2012-12-01/drift.json", "2013-01-10/drift.html", "2013-01-10/drift.json",
        "2013-04-03/estimate.html", "2013-04-03/estimate.json",
    }  # fmt: skip


def test_a_day_is_compared_with_the_weeks_served_before_it(morning):
    """Three weeks of served predictions, one of which Monday's reference is made of."""
    draw = np.random.default_rng(1)
    for ago in range(20):
        departure = datetime(2013, 4, 3, 18, tzinfo=UTC) - timedelta(days=ago)
        lines = [
            to_copy_line(prediction(
                i, departure, features=draw.normal(size=len(FEATURE_NAMES)), contract_hash=CONTRACT_HASH,
                probability=float(draw.random()),
            ))
            for i in range(1, 121)
        ]  # fmt: skip
        morning.log.ship(f"api-{ago}", 0, b"".join(lines))
    nightly_monitoring(DAY)
    values = {(m.name, m.slice): m for m in morning.monitoring.measures_of(DAY)}
    assert values["drift_trailing_columns", "all"].n == len(FEATURES)
    assert values["drift_trailing", "probability"].high > 0
    assert 0 < values["prediction_drift_trailing", "all"].value < 2
    assert values["predictions", "all"].value == 120
    [kept] = (morning.settings.state_dir / "reference").glob("trailing-*-2013-03-31.npz")
    assert Reference.load(kept).days == 17
    whole = kept.read_bytes()
    kept.write_bytes(whole[:1000])
    nightly_monitoring(DAY)
    assert kept.read_bytes() == whole


def test_a_run_with_flights_measures_its_feeds_and_labels(morning):
    departure = datetime(2013, 4, 3, 23, tzinfo=UTC)
    events = [scheduled(i, departure) for i in range(1, 5)]
    events += [e for i in (1, 2, 3) for e in (departed(i, departure, 5), arrived(i, departure, 9))]
    morning.events.append(events, [observation("JFK", departure, temp_f=50.0)])
    nightly_monitoring(DAY)
    values = {m.name: m.value for m in morning.monitoring.measures_of(DAY) if m.slice == "all"}
    assert values["labels_missing_share"] == 0.25
    assert values["arrivals_overdue_share"] == 0.25
    assert values["schedule_coverage"] == 0
    assert values["refused_artifacts"] == 0
    assert [a.rule for a in morning.monitoring.alerts(DAY, DAY)] == [
        "weather is stale", "arrivals are overdue", "labels are overdue", "few flights were predicted",
        "some rules cannot evaluate a day",
    ]  # fmt: skip


def test_a_flight_counts_as_asked_about_whenever_that_was_and_whatever_contract_answered(morning):
    departure = datetime(2013, 4, 3, 23, tzinfo=UTC)
    morning.events.append([scheduled(i, departure) for i in range(1, 5)])
    early = {"as_of": departure - timedelta(hours=10), "lead_minutes": 600}
    asked = [prediction(1, departure, **early), prediction(1, departure), prediction(2, departure)]
    asked.append(prediction(3, departure, contract_hash=CONTRACT_HASH, **early))
    morning.log.ship("api", 0, b"".join(map(to_copy_line, asked)))
    nightly_monitoring(DAY)
    assert overall(morning)["schedule_coverage"] == 0.75


def test_a_run_compares_the_log_with_what_was_acknowledged(morning):
    noon = datetime(2013, 4, 3, 18, tzinfo=UTC)
    lines = b"".join(to_copy_line(prediction(i, noon)) for i in range(1, 6))
    counted = [ServiceCount(noon, DAY, "predicted", 6), ServiceCount(noon, DAY, "answered", 6)]
    morning.service.save("api", 0, counted)
    spool = SpoolWriter(morning.settings.spool_dir, "api")
    spool.write(lines)
    shipper = Shipper(morning.database, morning.settings.spool_dir)
    nightly_monitoring(DAY)  # nothing is stored yet: nothing is said of the log
    assert "log_missing" not in overall(morning)
    shipper.ship()
    nightly_monitoring(DAY)
    found = overall(morning)
    assert (found["acknowledged"], found["log_missing"], found["log_surplus"]) == (6, 1, 0)
    assert (found["requests"], found["error_rate"], found["requests_a_minute_max"]) == (6, 0, 6)
    alerts = {alert.rule: alert.severity for alert in morning.monitoring.alerts(DAY, DAY, open_only=True)}
    assert alerts["answers are missing in the log"] == "critical"
    spool.write(to_copy_line(prediction(6, noon)))
    shipper.ship()
    nightly_monitoring(DAY)
    assert overall(morning)["log_missing"] == 0
    still = [alert.rule for alert in morning.monitoring.alerts(DAY, DAY, open_only=True)]
    assert "answers are missing in the log" not in still
    spool.close()


def overall(stack) -> dict[str, float]:
    """Values of the day's measures over all."""
    return {m.name: m.value for m in stack.monitoring.measures_of(DAY) if m.slice == "all"}


def test_links_of_a_run_lead_to_the_address_people_use(morning, monkeypatch):
    settings = replace(morning.settings, public_url="https://ontime.example/")
    monkeypatch.setattr(flow_parts, "make_parts", lambda _: replace(morning, settings=settings))
    flow_parts.parts.cache_clear()
    nightly_monitoring(DAY)
    base = "https://ontime.example/v1/monitoring/runs/2013-04-03"
    for name, link in (("run", base), ("estimate", f"{base}/report.estimate.html")):
        assert f"({link})" in artifacts()[f"{name}-2013-04-03"]
    assert "report-2013-04-03" not in artifacts()  # nothing was drawn: there was no champion


def artifacts() -> dict[str, str]:
    """What Prefect shows, the newest of a key."""
    with get_client(sync_client=True) as client:
        newest_first = client.read_artifacts(sort=ArtifactSort.CREATED_DESC)
        return {artifact.key: artifact.data for artifact in reversed(newest_first)}
