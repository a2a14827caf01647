"""Makes and drops databases of a PostgreSQL server; `adapters.postgres` opens them."""

from collections.abc import Iterable

from psycopg2 import sql

from adapters.postgres import ConnectionParameters


def create_databases(
    parameters: ConnectionParameters, names: Iterable[str], template: str = "template0"
) -> None:
    """Create the databases that are missing."""
    connection = parameters.to_database("postgres").connect("create")
    try:
        connection.autocommit = True
        with connection.cursor() as cursor:
            cursor.execute("SELECT datname FROM pg_database")
            there = {name for (name,) in cursor.fetchall()}
            for name in [n for n in names if n not in there]:
                statement = sql.SQL("CREATE DATABASE {} TEMPLATE {}")
                cursor.execute(statement.format(sql.Identifier(name), sql.Identifier(template)))
    finally:
        connection.close()


def drop_database(parameters: ConnectionParameters, name: str) -> None:
    """Drop a database and whoever is connected to it."""
    connection = parameters.to_database("postgres").connect("drop")
    try:
        connection.autocommit = True
        with connection.cursor() as cursor:
            cursor.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))
    finally:
        connection.close()
