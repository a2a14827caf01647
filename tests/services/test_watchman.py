from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest

from adapters.alert_deliveries import AlertDeliveries
from adapters.clock_store import ClockStore
from adapters.monitoring_store import MonitoringRun, MonitoringStore
from adapters.notifier import Notifier, Pager
from adapters.postgres import Database
from adapters.prediction_lines import to_copy_line
from adapters.prediction_log import PredictionLog
from domain.errors import NotReady
from monitoring.rules import RUN_FAILED
from services import watchman as watchman_module
from services.watchman import Watchman, WatchPolicy
from tests.builders import prediction

DAY = date(2013, 4, 10)
DEPARTURE = datetime(2013, 4, 10, 18, tzinfo=UTC)
MORNING = datetime(2013, 4, 11, 10, tzinfo=UTC)
GRACE = WatchPolicy().grace


class RealTime:
    """The real time, as far as a test lets it pass."""

    def __init__(self):
        self.seconds = 0.0

    def __call__(self) -> float:
        return self.seconds


@pytest.fixture
def store(postgres):
    return MonitoringStore(postgres)


@pytest.fixture
def real_time():
    return RealTime()


@pytest.fixture
def watchman(postgres, store, real_time):
    """A watchman over a day with one prediction."""
    PredictionLog(postgres).ship("api-1", 0, to_copy_line(prediction(1, DEPARTURE)))
    return watchman_of(postgres, real_time)


def watchman_of(postgres, real_time, problems=dict, notifier=None) -> Watchman:
    pager = Pager(AlertDeliveries(postgres), notifier or Notifier(""))
    return Watchman(postgres, pager, problems, elapsed=real_time)


def test_postgresql_that_takes_questions_and_is_silent_is_away(stack_settings, postgres, monkeypatch):
    """Behind somebody's lock, or frozen: the watchman must come to say so, and not wait with the rest."""
    monkeypatch.setattr(watchman_module, "POSTGRES_SECONDS", 0.5)
    watchman = watchman_module.watchman_of(stack_settings)
    with postgres.transaction() as cursor:
        cursor.execute("LOCK TABLE clock IN ACCESS EXCLUSIVE MODE")
        with pytest.raises(NotReady):
            watchman.look()
    assert watchman.look() == []
    watchman.database.close()


def record_run(store, day=DAY) -> None:
    store.save_run(MonitoringRun(day, MORNING, None, 1, 0, None, None, 1.0), [])


def open_rules(store) -> list[str]:
    return [a.rule for a in store.alerts(date(2013, 1, 1), date(2013, 12, 31), open_only=True)]


def test_a_day_that_was_not_monitored_is_an_alert_and_resolves_when_it_is(
    watchman, postgres, store, real_time
):
    ClockStore(postgres).set_simulated(MORNING + GRACE)
    assert watchman.look() == []
    real_time.seconds = 601
    assert watchman.look() == [DAY]
    assert open_rules(store) == ["a day was not monitored"]
    watchman.look()
    assert len(store.alerts(DAY, DAY)) == 1
    record_run(store)
    assert watchman.look() == []
    assert open_rules(store) == []


def test_a_retrain_that_was_decided_and_never_gated_is_an_alert_until_one_is(postgres, store, real_time):
    watchman = watchman_of(postgres, real_time)
    record_run(store)
    store.record_decision("retrain", DAY, True, "7 days since the last", {}, MORNING)
    ClockStore(postgres).set_simulated(MORNING + GRACE)
    watchman.look()
    assert open_rules(store) == []
    real_time.seconds = 601
    watchman.look()
    assert open_rules(store) == ["a retrain did not end"]
    after = DAY + timedelta(days=1)
    ClockStore(postgres).set_simulated(MORNING + GRACE + timedelta(days=1))
    store.record_decision("gate", after, False, "auc is 0.5", {}, MORNING + timedelta(days=1))
    watchman.look()
    assert open_rules(store) == []


def test_a_retrain_that_was_left_to_a_persons_ended_with_that(postgres, store, real_time):
    """The person's began before the boundary: it is of the day before, and came to the gate after the decision."""
    watchman = watchman_of(postgres, real_time)
    record_run(store)
    store.record_decision("retrain", DAY, True, "7 days since the last", {}, MORNING)
    before, after = DAY - timedelta(days=1), MORNING + timedelta(minutes=10)
    store.record_decision("gate", before, False, "auc is 0.5", {}, after, "a-run")
    ClockStore(postgres).set_simulated(MORNING + GRACE)
    watchman.look()
    real_time.seconds = 601
    watchman.look()
    assert open_rules(store) == []


def test_a_retrain_that_failed_is_reported_once_by_its_own_run(postgres, store, real_time):
    watchman = watchman_of(postgres, real_time)
    record_run(store)
    store.record_decision("retrain", DAY, True, "7 days since the last", {}, MORNING)
    store.open_alert(RUN_FAILED.name, RUN_FAILED.severity, DAY, MORNING, "it failed", {})
    ClockStore(postgres).set_simulated(MORNING + GRACE)
    watchman.look()
    real_time.seconds = 601
    watchman.look()
    assert open_rules(store) == [RUN_FAILED.name]


def test_retrains_that_fail_night_after_night_are_their_runs_alert_alone(postgres, store, real_time):
    watchman = watchman_of(postgres, real_time)
    store.open_alert(RUN_FAILED.name, RUN_FAILED.severity, DAY, MORNING, "it failed", {})
    for night in range(10):
        later = timedelta(days=night)
        record_run(store, DAY + later)
        store.record_decision("retrain", DAY + later, True, "7 days since the last", {}, MORNING + later)
        ClockStore(postgres).set_simulated(MORNING + GRACE + later)
        watchman.look()
        real_time.seconds += 601
        watchman.look()
        assert open_rules(store) == [RUN_FAILED.name]


def test_a_run_may_take_its_time(watchman, postgres, store, real_time):
    ClockStore(postgres).set_simulated(MORNING + GRACE - timedelta(minutes=1))
    watchman.look()
    real_time.seconds = 10_000
    assert watchman.look() == []


def test_a_replayed_clock_that_runs_ahead_of_monitoring_alarms_nobody(watchman, postgres, store, real_time):
    ClockStore(postgres).set_simulated(MORNING + timedelta(hours=20))
    watchman.look()
    real_time.seconds = 30
    assert watchman.look() == []
    record_run(store)
    real_time.seconds = 700
    assert watchman.look() == []


def test_a_day_without_predictions_needs_no_run(postgres, store, real_time):
    watchman = watchman_of(postgres, real_time)
    ClockStore(postgres).set_simulated(MORNING + GRACE)
    watchman.look()
    real_time.seconds = 700
    assert watchman.look() == []


def test_a_run_resolves_only_its_own_rules(store, watchman, postgres, real_time):
    ClockStore(postgres).set_simulated(MORNING + GRACE)
    watchman.look()
    real_time.seconds = 601
    watchman.look()
    store.resolve_alerts(["an airport is closed"], [], MORNING)
    assert open_rules(store) == ["a day was not monitored"]


def test_a_part_that_stays_unhealthy_is_an_alert_until_it_is_well(postgres, store, real_time):
    wrong = {"shipper": "7 spool files wait to be shipped", "mlflow": "MLflow answers 500"}
    watchman = watchman_of(postgres, real_time, lambda: wrong)
    ClockStore(postgres).set_simulated(MORNING)
    watchman.look()
    real_time.seconds = 299
    watchman.look()
    assert open_rules(store) == []
    del wrong["mlflow"]
    real_time.seconds = 301
    watchman.look()
    [alert] = store.alerts(DAY, MORNING.date(), open_only=True)
    assert (alert.rule, alert.severity) == ("a part of the stack is not healthy", "critical")
    assert "shipper: 7 spool files wait to be shipped" in alert.message
    assert "mlflow" not in alert.message
    wrong.clear()
    watchman.look()
    assert open_rules(store) == []


def test_what_comes_to_an_open_alert_opens_it_again(postgres, store, real_time):
    """A part that nobody mends, and whose alert was sent, must not hide the next one."""
    wrong = {"prefect-worker": "the work pool is paused"}
    watchman = watchman_of(postgres, real_time, lambda: dict(wrong))
    ClockStore(postgres).set_simulated(MORNING)

    def lasting() -> list[tuple[int, str]]:
        watchman.look()
        real_time.seconds += 301
        watchman.look()
        return [(a.alert_id, a.message) for a in store.alerts(date.min, date.max, open_only=True)]

    [(first, _)] = lasting()
    wrong["features"] = "no state for an hour"
    [(second, message)] = lasting()
    assert first != second
    assert "prefect-worker: the work pool is paused, features: no state for an hour" in message
    del wrong["features"]
    assert [number for number, _ in lasting()] == [second]
    wrong["features"] = "no state for an hour"
    assert [number for number, _ in lasting()] == [second]  # it is named already


def test_a_part_that_is_started_again_in_time_alarms_nobody(postgres, store, real_time):
    wrong = {"api": "the API does not answer"}
    watchman = watchman_of(postgres, real_time, lambda: dict(wrong))
    watchman.look()
    wrong.clear()
    real_time.seconds = 200
    watchman.look()
    wrong["api"] = "the API does not answer"
    real_time.seconds = 400
    watchman.look()
    assert open_rules(store) == []


class Listening(Notifier):
    """Keeps what would be sent."""

    def __init__(self):
        super().__init__("json://one json://two")
        self.sent = []

    def send(self, address, title, body):
        self.sent.append((address.url, title, body))


def test_where_postgresql_is_away_for_long_every_address_hears_of_it_once(postgres, real_time):
    nowhere = Database(replace(postgres.parameters, port=9))
    heard = Listening()
    watchman = watchman_of(nowhere, real_time, notifier=heard)
    for seconds in (0, 200, 301, 302, 900):
        real_time.seconds = seconds
        with pytest.raises(NotReady):
            watchman.look()
        assert len(heard.sent) == (2 if seconds > 300 else 0)
    assert {url for url, _, _ in heard.sent} == {"json://one", "json://two"}
    assert all("postgres: PostgreSQL is not reachable" in body for _, _, body in heard.sent)
