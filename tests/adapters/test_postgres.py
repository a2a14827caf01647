import re
import shutil
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from adapters.migrations import migrate, schema_dump
from adapters.postgres import SQL_DIR, Database
from adapters.postgres_admin import create_databases
from adapters.settings import PROJECT_ROOT, Settings
from adapters.waiting import wait_until
from deploy.native.embedded_postgres import EmbeddedPostgres
from domain.errors import ConfigurationError, NotReady
from monitoring.rules import RUN_MISSED

BENCHMARK_SQL = PROJECT_ROOT / "experiments" / "benchmarks" / "sql"
SCHEMA = Path(__file__).with_name("schema.txt")


@pytest.fixture
def own_server(tmp_path: Path, free_port_number: int) -> Iterator[EmbeddedPostgres]:
    password = tmp_path / "password"
    password.write_text("a password with spaces & signs'\"")
    with EmbeddedPostgres(tmp_path / "data", free_port_number, password) as server:
        yield server


@pytest.fixture
def empty(postgres: Database) -> Database:
    with postgres.transaction() as cursor:
        cursor.execute("DROP SCHEMA public CASCADE")
        cursor.execute("CREATE SCHEMA public")
    return postgres


def value(database: Database, statement: str) -> object:
    with database.transaction() as cursor:
        cursor.execute(statement)
        row = cursor.fetchone()
    return row[0] if row else None


def test_migrations_equal_the_schema_on_record(postgres: Database) -> None:
    """After a deliberate change write `schema_dump` to tests/adapters/schema.txt and review the difference."""
    assert schema_dump(postgres) == SCHEMA.read_text()


def test_the_schema_dump_sees_a_difference(postgres: Database) -> None:
    before = schema_dump(postgres)
    with postgres.transaction() as cursor:
        cursor.execute("ALTER TABLE labels ADD COLUMN extra integer")
    assert schema_dump(postgres) != before


@pytest.mark.integration
def test_a_lock_whose_connection_the_server_ended_is_given_up_without_an_error(postgres: Database) -> None:
    with postgres.try_lock(1) as held:
        assert held
        value(postgres, "SELECT pg_terminate_backend(pid, 10000) FROM pg_locks WHERE locktype = 'advisory'")
        with postgres.try_lock(1) as held_by_another:
            assert held_by_another
    assert value(postgres, "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'") == 0


def test_migrating_again_changes_nothing(postgres: Database) -> None:
    assert migrate(postgres) == []


def test_migrations_are_applied_once_when_several_processes_migrate(empty: Database) -> None:
    applied: list[list[str]] = []
    threads = [threading.Thread(target=lambda: applied.append(migrate(empty))) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    names = [file.name for file in sorted((SQL_DIR / "migrations").glob("*.sql"))]
    assert sorted(name for batch in applied for name in batch) == names


def test_an_edited_migration_is_refused(empty: Database, tmp_path: Path) -> None:
    migration = tmp_path / "0001_first.sql"
    migration.write_text("CREATE TABLE first (n integer)")
    migrate(empty, tmp_path)
    migration.write_text("CREATE TABLE first (n bigint)")
    with pytest.raises(ConfigurationError, match=r"0001_first\.sql was edited"):
        migrate(empty, tmp_path)


def test_what_old_code_uses_stays_until_it_is_gone(empty: Database, tmp_path: Path) -> None:
    (tmp_path / "0001_first.sql").write_text("CREATE TABLE first (old integer)")
    (tmp_path / "0002_contract_old.sql").write_text("ALTER TABLE first DROP COLUMN old")
    (tmp_path / "0003_new.sql").write_text("ALTER TABLE first ADD COLUMN new integer")
    assert migrate(empty, tmp_path, contract=False) == ["0001_first.sql", "0003_new.sql"]
    assert migrate(empty, tmp_path) == ["0002_contract_old.sql"]


def test_an_open_alert_of_a_missed_day_keeps_its_rule_under_the_new_name(
    empty: Database, tmp_path: Path
) -> None:
    for file in (SQL_DIR / "migrations").glob("000[1-4]_*.sql"):
        shutil.copy(file, tmp_path)
    migrate(empty, tmp_path)
    with empty.transaction() as cursor:
        cursor.execute(
            "INSERT INTO alerts (rule, severity, day, opened_at, message, evidence) "
            "VALUES ('a night was not judged', 'critical', '2013-04-03', now(), 'missed', '{}')"
        )
    migrate(empty)
    assert value(empty, "SELECT rule FROM alerts") == RUN_MISSED.name


def test_code_before_an_expansion_still_starts_on_it(empty: Database, tmp_path: Path) -> None:
    """Putting earlier images back needs it."""
    (tmp_path / "0001_first.sql").write_text("CREATE TABLE first (n integer)")
    (tmp_path / "0002_second.sql").write_text("CREATE TABLE second (n integer)")
    migrate(empty, tmp_path)
    (tmp_path / "0002_second.sql").unlink()
    assert migrate(empty, tmp_path) == []


def test_code_that_lost_what_it_uses_does_not_start(empty: Database, tmp_path: Path) -> None:
    (tmp_path / "0001_first.sql").write_text("CREATE TABLE first (n integer)")
    (tmp_path / "0002_contract_first.sql").write_text("DROP TABLE first")
    migrate(empty, tmp_path)
    (tmp_path / "0002_contract_first.sql").unlink()
    with pytest.raises(ConfigurationError, match=r"0002_contract_first\.sql"):
        migrate(empty, tmp_path)


def test_code_that_is_too_old_changes_nothing_neither_tables_nor_rights(
    empty: Database, tmp_path: Path
) -> None:
    migrations = tmp_path / "migrations"
    migrations.mkdir()
    (migrations / "0001_first.sql").write_text("CREATE TABLE first (n integer)")
    (migrations / "0003_contract_first.sql").write_text("DROP TABLE first")
    migrate(empty, migrations)
    (migrations / "0003_contract_first.sql").unlink()
    (migrations / "0002_own.sql").write_text("CREATE TABLE own (n integer)")
    (tmp_path / "roles.sql").write_text("CREATE TABLE rights (n integer)")
    with pytest.raises(ConfigurationError, match="this code is too old"):
        migrate(empty, migrations)
    for table in ("own", "rights"):
        assert value(empty, f"SELECT to_regclass('{table}')") is None


def test_a_migration_that_fails_leaves_nothing(empty: Database, tmp_path: Path) -> None:
    (tmp_path / "0001_first.sql").write_text("CREATE TABLE first (n integer); SELECT 1 / 0")
    with pytest.raises(Exception, match="division by zero"):
        migrate(empty, tmp_path)
    assert value(empty, "SELECT to_regclass('first')") is None
    assert value(empty, "SELECT to_regclass('schema_migrations')") is None


def test_a_misnamed_migration_is_refused(empty: Database, tmp_path: Path) -> None:
    (tmp_path / "1_first.sql").write_text("SELECT 1")
    with pytest.raises(ConfigurationError, match="0001_core"):
        migrate(empty, tmp_path)


@pytest.mark.parametrize(
    "file",
    [*sorted((SQL_DIR / "queries").glob("*.sql")), *sorted(BENCHMARK_SQL.glob("*.sql"))],
    ids=lambda f: f.stem,
)
def test_a_query_is_one_statement_below_a_comment(file: Path) -> None:
    text = file.read_text()
    assert text.startswith("-- ")
    statement = re.sub(r"--.*", "", text).strip()
    assert ";" not in statement
    comments = "\n".join(re.findall(r"--.*", text))
    assert "%" not in comments, "a % in a comment is taken for a parameter"


def test_a_transaction_that_raises_changes_nothing(postgres: Database) -> None:
    def fail() -> None:
        with postgres.transaction() as cursor:
            cursor.execute("INSERT INTO api_keys (key_hash, name, scopes) VALUES ('h', 'n', '{}')")
            raise KeyError

    with pytest.raises(KeyError):
        fail()
    assert value(postgres, "SELECT count(*) FROM api_keys") == 0


def test_moments_come_back_in_utc(postgres: Database) -> None:
    moment = value(postgres, "SELECT timestamptz '2013-01-01 00:00-05'")
    assert str(moment) == "2013-01-01 05:00:00+00:00"


def test_threads_share_a_bounded_number_of_connections(postgres: Database) -> None:
    database = Database(postgres.parameters, max_connections=3, application="bounded")
    peak: list[int] = []

    def work() -> None:
        for _ in range(5):
            with database.transaction() as cursor:
                cursor.execute("SELECT pg_sleep(0.005)")
                cursor.execute("SELECT count(*) FROM pg_stat_activity WHERE application_name = 'bounded'")
                peak.append(cursor.fetchall()[0][0])

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    database.close()
    assert len(peak) == 40
    assert max(peak) == 3


def test_connections_stay_open_between_uses(postgres: Database) -> None:
    database = Database(postgres.parameters, max_connections=2)
    with database.session() as first, database.session() as second:
        pids = {first.info.backend_pid, second.info.backend_pid}
    with database.session() as first, database.session() as second:
        assert {first.info.backend_pid, second.info.backend_pid} == pids
    database.close()


def test_the_pool_survives_a_restart_of_the_server(own_server: EmbeddedPostgres) -> None:
    database = Database(own_server.parameters)
    assert value(database, "SELECT 1") == 1
    own_server.stop(kill=True)
    with pytest.raises(NotReady, match="not reachable"):
        value(database, "SELECT 1")
    own_server.start()
    assert value(database, "SELECT 1") == 1
    database.close()


def test_a_server_that_goes_away_in_a_transaction_is_not_ready(own_server: EmbeddedPostgres) -> None:
    database = Database(own_server.parameters)

    def lose_the_server() -> None:
        with database.transaction() as cursor:
            cursor.execute("SELECT 1")
            own_server.stop(kill=True)
            cursor.execute("SELECT 1")

    with pytest.raises(NotReady):
        lose_the_server()
    database.close()


@pytest.mark.parametrize(
    "done_by_hand",
    [
        "ALTER TABLE clock RENAME TO clock_before",
        "SET ROLE pg_monitor",
        "SET search_path TO elsewhere",
    ],
)
def test_a_table_that_somebody_took_away_is_not_ready_until_it_is_back(
    postgres: Database, done_by_hand: str
) -> None:
    """Services wait for it and commands say it in one line, where it is a matter of the server and not of values."""
    with pytest.raises(NotReady, match="clock"):
        value(postgres, f"{done_by_hand}; SELECT mode FROM clock")
    assert value(postgres, "SELECT count(*) FROM clock") is not None


def test_a_query_that_is_given_up_goes_on_nowhere(postgres: Database, stack_settings: Settings) -> None:
    impatient = Database.from_settings(stack_settings, application="impatient", patience=0.5)
    running = (
        "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'impatient' AND state = 'active'"
    )
    with pytest.raises(NotReady, match="did not answer"), impatient.transaction() as cursor:
        cursor.execute("SELECT count(*) FROM generate_series(1, 10000000000)")
    assert wait_until(lambda: value(postgres, running) == 0, 20.0, 0.2)
    impatient.close()


def test_a_listener_hears_and_times_out(postgres: Database) -> None:
    listener = postgres.listen("clock", "state")
    assert listener.wait(5) == []  # connected: look again
    with postgres.transaction() as cursor:
        cursor.execute("SELECT pg_notify('state', '5'), pg_notify('other', '6')")
    assert [(n.channel, n.payload) for n in listener.wait(5)] == [("state", "5")]
    begin = time.monotonic()
    assert listener.wait(0.1) == []
    assert 0.09 < time.monotonic() - begin < 2
    listener.close()


def test_a_listener_comes_back_after_a_restart(own_server: EmbeddedPostgres) -> None:
    database = Database(own_server.parameters)
    listener = database.listen("state")
    listener.wait(1)
    own_server.stop(kill=True)
    with pytest.raises(NotReady):
        listener.wait(5)
    with pytest.raises(NotReady):
        listener.wait(5)
    own_server.start()
    assert listener.wait(5) == []
    with database.transaction() as cursor:
        cursor.execute("SELECT pg_notify('state', 'again')")
    assert [n.payload for n in listener.wait(5)] == ["again"]
    listener.close()
    database.close()


def test_the_password_is_shown_nowhere(own_server: EmbeddedPostgres) -> None:
    create_databases(own_server.parameters, ["other"])
    there = own_server.parameters.to_database("other")
    assert "password" not in repr(there)
    assert "a%20password%20with" in there.url()
    assert there.url().endswith("/other")
