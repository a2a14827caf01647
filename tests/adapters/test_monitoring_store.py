from datetime import UTC, date, datetime, timedelta

import psycopg2
import pytest

from adapters.monitoring_store import Measured, MonitoringRun, MonitoringStore
from adapters.prediction_lines import to_copy_line
from adapters.prediction_log import PredictionLog
from domain.errors import NotFound
from tests.builders import prediction

DAY = date(2013, 4, 3)
NOW = datetime(2013, 4, 4, 10, tzinfo=UTC)


@pytest.fixture
def store(postgres):
    return MonitoringStore(postgres)


def run(**changes) -> MonitoringRun:
    values = {
        "day": DAY, "finished_at": NOW, "model_version": 3, "predictions": 900, "labelled": 880,
        "report_html": None, "report_json": None, "seconds": 1.5,
    }  # fmt: skip
    return MonitoringRun(**values | changes)


def measure(name: str, value: float | None, where: str = "all") -> Measured:
    return Measured(name, where, value, None, None, 900)


def test_a_run_is_read_back_as_it_was_saved(store):
    store.save_run(run(), [measure("realised_auc", 0.75), measure("realised_auc", 0.7, "origin=JFK")])
    assert store.runs(DAY, DAY) == [run()]
    assert [(m.name, m.slice, m.value) for m in store.measures_of(DAY)] == [
        ("realised_auc", "all", 0.75),
        ("realised_auc", "origin=JFK", 0.7),
    ]


def test_another_run_of_a_day_replaces_the_first_whole(store):
    store.save_run(run(), [measure("realised_auc", 0.75), measure("gone", 1.0)])
    store.save_run(run(predictions=901), [measure("realised_auc", 0.8)])
    assert [r.predictions for r in store.runs(DAY, DAY)] == [901]
    assert [(m.name, m.value) for m in store.measures_of(DAY)] == [("realised_auc", 0.8)]


def test_a_run_that_fails_half_way_leaves_the_earlier_one(store):
    store.save_run(run(), [measure("realised_auc", 0.75)])
    twice = [measure("realised_auc", 0.8), measure("realised_auc", 0.9)]
    with pytest.raises(psycopg2.errors.UniqueViolation):
        store.save_run(run(predictions=1), twice)
    assert [r.predictions for r in store.runs(DAY, DAY)] == [900]
    assert [m.value for m in store.measures_of(DAY)] == [0.75]


def test_a_decision_whose_evidence_has_no_value_is_put_on_record(store):
    evidence = {"auc": {"measured": float("nan"), "required": "at least 0.65"}, "rows": 900}
    store.record_decision("gate", DAY, False, "no flight was late", evidence, NOW)
    store.open_alert("a rule", "warning", DAY, NOW, "a message", evidence)
    unknown = evidence | {"auc": {"measured": None, "required": "at least 0.65"}}
    assert [d.evidence for d in store.decisions(DAY, DAY)] == [unknown]
    assert [a.evidence for a in store.alerts(DAY, DAY)] == [unknown]


def test_what_is_not_a_number_is_stored_as_unknown(store):
    store.save_run(run(), [measure("realised_auc", float("nan"))])
    assert [m.value for m in store.measures_of(DAY)] == [None]


def test_history_is_newest_first_and_overall_only(store):
    for day, value in ((1, 0.1), (2, 0.2), (3, 0.3)):
        one = run(day=date(2013, 4, day))
        store.save_run(one, [measure("gap", value), measure("gap", 9.0, "origin=JFK")])
    history = store.history(date(2013, 4, 3), 2)
    assert history == {"gap": [("2013-04-03", 0.3, 900), ("2013-04-02", 0.2, 900)]}


def test_an_alert_is_open_once_until_it_resolves(store):
    opened = store.open_alert("slow", "warning", DAY, NOW, "slow.", {"p99": 1})
    assert opened is not None
    assert store.open_alert("slow", "warning", DAY, NOW, "slow again.", {}) is None
    assert store.resolve_alerts(["slow"], ["slow"], NOW) == 0
    assert store.resolve_alerts(["slow"], [], NOW) == 1
    assert store.open_alert("slow", "warning", DAY, NOW, "slow again.", {}) is not None


def test_an_acknowledgement_keeps_the_first_word(store):
    alert = store.open_alert("slow", "warning", DAY, NOW, "slow.", {})
    store.acknowledge(alert, "ada", NOW)
    store.acknowledge(alert, "bob", datetime(2013, 4, 5, tzinfo=UTC))
    assert store.alerts(DAY, DAY)[0].acknowledged_at == NOW
    with pytest.raises(NotFound, match="no alert 999"):
        store.acknowledge(999, "ada", NOW)


def test_every_decision_is_on_record_and_none_is_rewritten(store, postgres):
    store.record_decision("retrain", DAY, False, "quiet", {"n": 1}, NOW)
    store.record_decision("gate", DAY, True, "passed", {}, NOW)
    assert [(d.kind, d.verdict) for d in store.decisions(DAY, DAY)] == [("retrain", False), ("gate", True)]
    with pytest.raises(psycopg2.errors.RaiseException, match="append only"), postgres.transaction() as cursor:
        cursor.execute("UPDATE decisions SET verdict = true")


@pytest.mark.parametrize(
    "as_of", [datetime(2013, 4, 2, 10, 5, tzinfo=UTC), datetime(2013, 4, 4, 11, 55, tzinfo=UTC)]
)
def test_a_day_without_a_run_is_missed_wherever_on_earth_its_hours_are(store, postgres, as_of):
    """The local day begins fourteen hours before the UTC day at the earliest, and ends twelve after it."""
    line = to_copy_line(prediction(as_of=as_of, flight_id="NZ1-AKL-20130403"))
    PredictionLog(postgres).ship("api", 0, line)
    week = timedelta(days=7)
    assert store.missed_days(DAY - week, DAY + week) == [DAY]
    store.save_run(run(), [])
    assert store.missed_days(DAY - week, DAY + week) == []


def test_the_last_retrain_is_the_last_that_came_to_the_gate(store):
    assert store.last_retrain(DAY) is None
    store.record_decision("retrain", DAY, True, "breach", {}, NOW)
    assert store.last_retrain(DAY) is None  # it failed, or was killed: the next run decides again
    store.record_decision("gate", DAY, False, "refused", {}, NOW)
    store.record_decision("retrain", date(2013, 4, 9), False, "cool-down", {}, NOW)
    assert store.last_retrain(date(2013, 4, 9)) == DAY


def test_a_retrain_asked_for_by_hand_is_on_record_once_it_is_fitted_and_counts(store):
    store.record_decision(
        "retrain", DAY, True, "asked for", {"asked_by": "ada", "candidate": 4}, NOW, "a-run"
    )
    assert store.last_retrain(DAY) == DAY


def test_a_retrain_of_a_day_to_come_keeps_none_waiting(store):
    """The clock was years ahead for a while."""
    asked = {"asked_by": "ada", "candidate": 4}
    store.record_decision("retrain", DAY + timedelta(days=700), True, "asked for", asked, NOW, "a-run")
    assert store.last_retrain(DAY) is None
