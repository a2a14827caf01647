from collections.abc import Callable

import psycopg2
import pytest

from adapters.postgres import Database
from adapters.postgres_admin import change_password, create_databases, drop_database
from deploy.native.embedded_postgres import EmbeddedPostgres
from domain.errors import NotReady


def test_databases_are_created_once(
    postgres_server: EmbeddedPostgres, fresh_database: Callable[[], Database]
) -> None:
    name = fresh_database().parameters.database
    create_databases(postgres_server.parameters, [name])
    with pytest.raises(psycopg2.Error), fresh_database().transaction() as cursor:
        cursor.execute(f"CREATE DATABASE {name}")


def test_a_database_is_dropped_with_whoever_is_connected_to_it(
    postgres_server: EmbeddedPostgres, fresh_database: Callable[[], Database]
) -> None:
    database = fresh_database()
    with database.session():
        drop_database(postgres_server.parameters, database.parameters.database)
    with pytest.raises(NotReady, match="does not exist"):
        database.connect()
    database.close()


def test_a_password_is_changed_by_who_knows_the_one_before_or_has_it_already(
    fresh_database: Callable[[], Database],
) -> None:
    database = fresh_database()
    role = f"{database.parameters.database}_owner"
    with database.transaction() as cursor:
        cursor.execute(f"CREATE ROLE {role} LOGIN PASSWORD 'before'")
    before = database.parameters.as_user(role, "before")
    for _ in range(2):
        change_password(before, "after")
    before.as_user(role, "after").connect().close()
    with pytest.raises(NotReady, match="password authentication failed"):
        change_password(before, "a third one")
    with database.transaction() as cursor:
        cursor.execute(f"DROP ROLE {role}")
    database.close()
