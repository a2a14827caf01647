"""The flow that makes and drops months of predictions, as the role that it runs as."""

import secrets
from dataclasses import replace
from datetime import UTC, date, datetime

import psycopg2.errors
import pytest

from adapters.clock_store import ClockStore
from adapters.deletion_store import DeletionStore
from adapters.postgres import Database
from adapters.postgres_admin import MONITORING, let_in
from adapters.prediction_lines import to_copy_line
from adapters.prediction_log import PredictionLog
from domain.errors import NotReady
from flows import parts as flow_parts
from flows.partitions import drop, find_expired_months, make_ahead, partitions
from flows.parts import make_parts
from tests.builders import NOON, prediction

pytestmark = pytest.mark.integration


@pytest.fixture
def monitoring(postgres, stack_settings, monkeypatch):
    """Returns the parts of a flow that runs as its role and keeps so many months; the clock is in April 2013."""
    ClockStore(postgres).set_simulated(NOON)
    log = PredictionLog(postgres)
    for month in (1, 2, 3, 4):
        log.ship(f"api-{month}", 0, to_copy_line(prediction(month, datetime(2013, month, 9, 18, tzinfo=UTC))))
    password = secrets.token_urlsafe(16)
    let_in(postgres, {MONITORING: password})
    stack_settings.postgres_password_file.write_text(password)
    made = []

    def keeping(months: int):
        settings = replace(stack_settings, postgres_user=MONITORING, keep_prediction_months=months)
        made.append(make_parts(settings))
        monkeypatch.setattr(flow_parts, "make_parts", lambda _: made[-1])
        flow_parts.parts.cache_clear()
        return made[-1]

    yield keeping
    flow_parts.parts.cache_clear()
    for own in made:
        own.database.close()


def months(database: Database) -> list[str]:
    found = DeletionStore(database).partitions(datetime(2014, 1, 1, tzinfo=UTC))
    return [partition.name.removeprefix("predictions_2013_") for partition in found]


def test_the_coming_month_is_made_and_what_the_policy_keeps_no_longer_is_dropped_and_recorded(
    prefect_server, monitoring, postgres
):
    monitoring(2)
    assert partitions() == ["predictions_2013_01"]
    assert months(postgres) == ["02", "03", "04", "05"]
    [row] = DeletionStore(postgres).newest()
    assert (row.kind, row.who, row.reason) == ("retention", "partitions", "ONTIME_KEEP_PREDICTION_MONTHS=2")
    assert row.deleted == {"predictions": ["predictions_2013_01"]}
    assert partitions() == []  # safe to run again
    assert len(DeletionStore(postgres).newest()) == 1


def test_a_run_that_fails_is_an_alert_until_one_goes_through(
    prefect_server, monitoring, postgres, monkeypatch
):
    own = monitoring(2)
    monkeypatch.setattr("adapters.deletion_store.IMPATIENT", "SET LOCAL lock_timeout = 100")
    monkeypatch.setattr("flows.partitions.drop", drop.with_options(retries=0))
    with postgres.transaction() as reader:
        reader.execute("SELECT count(*) FROM predictions_2013_01")
        with pytest.raises(NotReady):
            partitions()
        [alert] = own.monitoring.alerts(date.min, date.max, open_only=True)
        assert alert.rule == "months of the log are not kept"
        assert "lock timeout" in alert.message
    assert partitions() == ["predictions_2013_01"]
    assert own.monitoring.alerts(date.min, date.max, open_only=True) == []


def test_a_policy_of_zero_drops_nothing(monitoring, postgres):
    monitoring(0)
    assert find_expired_months.fn() == []


def test_the_months_follow_the_stacks_clock(monitoring, postgres):
    monitoring(2)
    ClockStore(postgres).set_simulated(datetime(2013, 12, 31, 23, 59, tzinfo=UTC))
    PredictionLog(postgres).ship(
        "api-12", 0, to_copy_line(prediction(12, datetime(2013, 12, 9, 18, tzinfo=UTC)))
    )
    make_ahead.fn()
    assert find_expired_months.fn() == [f"predictions_2013_0{month}" for month in (1, 2, 3, 4)]
    with postgres.transaction() as cursor:
        cursor.execute("SELECT to_regclass('predictions_2014_01') IS NOT NULL")
        assert cursor.fetchone() == (True,)


def test_a_clock_that_is_years_ahead_expires_no_month_that_the_newest_prediction_keeps(monitoring, postgres):
    own = monitoring(2)
    ClockStore(postgres).set_simulated(NOON.replace(year=2015))
    assert find_expired_months.fn() == ["predictions_2013_01"]
    with pytest.raises(psycopg2.errors.RaiseException, match="is no month of predictions"):
        DeletionStore(own.database).drop_recorded("predictions_2013_03", "somebody", "no reason")
    assert months(postgres) == ["01", "02", "03", "04"]


@pytest.mark.parametrize(
    "name", ["predictions_2013_03", "predictions_2013_04", "predictions", "labels", "predictions_2013_00"]
)
def test_the_role_drops_no_month_of_late_and_no_other_table(monitoring, postgres, name):
    own = monitoring(2)
    own.log.make_ahead()
    with pytest.raises(psycopg2.errors.RaiseException, match="is no month of predictions"):
        DeletionStore(own.database).drop_recorded(name, "somebody", "no reason")
    assert months(postgres) == ["01", "02", "03", "04", "05"]
    assert DeletionStore(postgres).newest() == []


def test_a_month_that_somebody_reads_for_long_stays_and_leaves_no_row(monitoring, postgres, monkeypatch):
    monitoring(2)
    monkeypatch.setattr("adapters.deletion_store.IMPATIENT", "SET LOCAL lock_timeout = 100")
    with postgres.transaction() as reader:
        reader.execute("SELECT count(*) FROM predictions_2013_01")
        with pytest.raises(NotReady, match="lock timeout"):
            drop.fn("predictions_2013_01")
    assert "01" in months(postgres)
    assert DeletionStore(postgres).newest() == []
