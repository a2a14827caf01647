from collections.abc import Callable

import psycopg2
import pytest

from adapters.postgres import Database
from adapters.postgres_admin import create_databases, drop_database
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
