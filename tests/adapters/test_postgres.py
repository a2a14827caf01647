import pytest

from adapters.postgres import Database


def test_a_transaction_runs(postgres: Database) -> None:
    with postgres.transaction() as cursor:
        cursor.execute("SELECT count(*) FROM schema_migrations")
        assert cursor.fetchone() == (1,)
