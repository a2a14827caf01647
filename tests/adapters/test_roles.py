"""What each role of PostgreSQL may do to each table, asked of a real server; see adapters/sql/roles.sql."""

import secrets
from collections.abc import Iterator
from datetime import UTC, datetime

import psycopg2.errors
import pytest

from adapters.clock_store import ClockStore
from adapters.event_store import EventStore
from adapters.feature_store import FeatureStore
from adapters.migrations import migrate
from adapters.monitoring_store import MonitoringStore
from adapters.postgres import Database
from adapters.postgres_admin import MONITORING, ROLES, SERVING, let_in
from adapters.prediction_lines import to_copy_line
from adapters.prediction_log import PredictionLog
from adapters.snapshots import Snapshot
from domain.clock import minute_floor
from domain.errors import NotReady
from services.refresher import Refresher
from tests.builders import NOON, arrived, prediction, scheduled

pytestmark = pytest.mark.integration
APPEND_ONLY = (
    "flight_events",
    "weather_events",
    "labels",
    "decisions",
    "deployments",
    "alert_deliveries",
    "predictions",
    "deletions",
)
OTHERS = (
    "clock", "feature_ticks", "feature_states", "spool_offsets", "service_counts", "monitoring_runs",
    "monitoring_metrics", "alerts", "api_keys", "schema_migrations",
)  # fmt: skip
READ, APPEND, CHANGE, DELETE = "SELECT", "INSERT", "UPDATE", "DELETE"
ALLOWED = {
    SERVING: {
        "flight_events": {READ, APPEND}, "weather_events": {READ, APPEND}, "labels": {READ, APPEND},
        "predictions": {READ, APPEND}, "decisions": {READ}, "deployments": {READ, APPEND},
        "alert_deliveries": {READ}, "clock": {READ}, "feature_ticks": {READ, APPEND},
        "feature_states": {READ, APPEND, CHANGE, DELETE}, "spool_offsets": {READ, APPEND, DELETE},
        "service_counts": {READ, APPEND}, "monitoring_runs": {READ}, "monitoring_metrics": {READ},
        "alerts": {READ, APPEND}, "api_keys": {READ}, "schema_migrations": {READ}, "deletions": {READ},
    },
    MONITORING: {
        "flight_events": {READ, APPEND}, "weather_events": {READ, APPEND}, "labels": {READ, APPEND},
        "predictions": {READ}, "decisions": {READ, APPEND}, "deployments": {READ, APPEND},
        "alert_deliveries": {READ, APPEND}, "clock": {READ}, "feature_ticks": {READ},
        "feature_states": {READ}, "spool_offsets": {READ}, "service_counts": {READ, DELETE},
        "monitoring_runs": {READ, APPEND, CHANGE, DELETE}, "monitoring_metrics": {READ, APPEND, CHANGE, DELETE},
        "alerts": {READ, APPEND}, "api_keys": set(), "schema_migrations": {READ}, "deletions": {READ},
    },
}  # fmt: skip
"""Of whole rows; single columns may be changed as well: CHANGED."""
CHANGED = {
    SERVING: {
        "deployments": {"status", "finished_at"}, "api_keys": {"last_used_at"}, "feature_ticks": {"computed_at"},
        "spool_offsets": {"shipped_bytes", "updated_at"},
        "alerts": {"acknowledged_at", "acknowledged_by", "resolved_at"},
    },
    MONITORING: {
        "deployments": {"status", "finished_at"}, "clock": {"mode", "simulated_now"},
        "alerts": {"acknowledged_at", "acknowledged_by", "resolved_at", "notified_at"},
    },
}  # fmt: skip
STATEMENTS = {
    READ: "SELECT 1 FROM {table} LIMIT 0",
    DELETE: "DELETE FROM {table} WHERE false",
    "TRUNCATE": "TRUNCATE {table} CASCADE",
    "DISABLE TRIGGER": "ALTER TABLE {table} DISABLE TRIGGER USER",
    "DROP": "DROP TABLE {table}",
}


@pytest.fixture
def of_role(postgres) -> Iterator[dict[str, Database]]:
    """The test's database as each role sees it."""
    passwords = {role: secrets.token_urlsafe(16) for role in ROLES}
    let_in(postgres, passwords)
    where = postgres.parameters
    opened = {role: Database(where.as_user(role, password)) for role, password in passwords.items()}
    yield opened
    for database in opened.values():
        database.close()


def test_the_matrix_names_every_table(postgres):
    with postgres.transaction() as cursor:
        cursor.execute(
            "SELECT relname FROM pg_class WHERE relkind IN ('r', 'p') AND NOT relispartition"
            " AND relnamespace = 'public'::regnamespace"
        )
        assert {name for (name,) in cursor.fetchall()} == {*APPEND_ONLY, *OTHERS}
    assert all(set(tables) == {*APPEND_ONLY, *OTHERS} for tables in ALLOWED.values())


@pytest.mark.parametrize("role", ROLES)
def test_each_role_does_to_each_table_what_it_may_and_nothing_else(of_role, postgres, role):
    did = {table: done(of_role[role], postgres, table) for table in ALLOWED[role]}
    assert did == ALLOWED[role]


def done(database: Database, owner: Database, table: str) -> set[str]:
    """The statements that a role may run on a table; rows are written by all of its columns."""
    with owner.transaction() as cursor:
        cursor.execute(
            "SELECT attname, format_type(atttypid, atttypmod) FROM pg_attribute WHERE attrelid = %s::regclass"
            " AND attnum > 0 AND NOT attisdropped AND attidentity = '' AND attgenerated = ''", [table]
        )  # fmt: skip
        nulls = {name: f"NULL::{kind}" for name, kind in cursor.fetchall()}
    texts = STATEMENTS | {
        APPEND: f"INSERT INTO {table} ({', '.join(nulls)}) SELECT {', '.join(nulls.values())} WHERE false",
        CHANGE: f"UPDATE {table} SET {', '.join(f'{name} = {null}' for name, null in nulls.items())} WHERE false",
    }
    return {name for name, text in texts.items() if may(database, text.format(table=table))}


def may(database: Database, statement: str) -> bool:
    try:
        with database.transaction() as cursor:
            cursor.execute(statement)
            cursor.connection.rollback()
    except NotReady as error:
        if not isinstance(error.__cause__, psycopg2.errors.InsufficientPrivilege):
            raise
        return False
    return True


@pytest.mark.parametrize("role", ROLES)
def test_single_columns_that_may_be_changed_are_the_listed_ones(of_role, postgres, role):
    with postgres.transaction() as cursor:
        cursor.execute(
            "SELECT c.relname, a.attname FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0"
            " WHERE c.relkind IN ('r', 'p') AND NOT c.relispartition AND c.relnamespace = 'public'::regnamespace"
            " AND NOT a.attisdropped AND has_column_privilege(%s, c.oid, a.attnum, 'UPDATE')"
            " AND NOT has_table_privilege(%s, c.oid, 'UPDATE')", [role, role]
        )  # fmt: skip
        found: dict[str, set[str]] = {}
        for table, column in cursor.fetchall():
            found.setdefault(table, set()).add(column)
    assert found == CHANGED[role]


@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize("table", APPEND_ONLY)
def test_what_is_append_only_stays_so_for_the_application_itself(of_role, role, table):
    for statement in (DELETE, "TRUNCATE", "DISABLE TRIGGER", "DROP"):
        assert not may(of_role[role], STATEMENTS[statement].format(table=table)), statement


def test_the_api_appends_predictions_of_a_month_that_has_no_partition(of_role):
    departure = datetime(2031, 5, 3, 18, tzinfo=UTC)
    PredictionLog(of_role[SERVING]).ship("api-1", 0, to_copy_line(prediction(1, departure)))
    with of_role[SERVING].transaction() as cursor:
        cursor.execute("SELECT count(*) FROM predictions")
        assert cursor.fetchone() == (1,)
        assert not may(of_role[SERVING], "DELETE FROM predictions_2031_05")


def test_the_refresher_computes_and_prunes_states(of_role, postgres):
    ClockStore(postgres).set_simulated(NOON)
    EventStore(of_role[SERVING]).append([scheduled(1), arrived(1)], [])
    refresher = Refresher(of_role[SERVING])
    refresher.refresh()
    states = FeatureStore(of_role[SERVING])
    assert states.has(minute_floor(NOON))
    assert states.prune(minute_floor(NOON) + 5) > 0


def test_flows_read_what_was_settled_and_append_what_they_decide(of_role):
    database = of_role[MONITORING]
    ClockStore(database).set_simulated(NOON)
    EventStore(database).append([scheduled(1), arrived(1)], [])
    assert Snapshot.now(database)
    number = MonitoringStore(database).open_alert("slow", "warning", NOON.date(), NOON, "It is slow.", {})
    assert number is not None


def test_a_load_of_events_leaves_statistics_whoever_loads(of_role, postgres):
    EventStore(of_role[MONITORING]).append([scheduled(number) for number in range(1, 9)], [])
    of_role[MONITORING].rows("analyze_events")
    with postgres.transaction() as cursor:
        cursor.execute("SELECT reltuples FROM pg_class WHERE relname = 'flight_events'")
        assert cursor.fetchone() == (8.0,)


def test_migrating_again_takes_back_what_somebody_granted(of_role, postgres):
    with postgres.transaction() as cursor:
        cursor.execute("GRANT TRUNCATE, DELETE ON labels TO ontime_api")
    assert may(of_role[SERVING], "DELETE FROM labels WHERE false")
    migrate(postgres)
    assert not may(of_role[SERVING], "DELETE FROM labels WHERE false")
