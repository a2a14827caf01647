"""Makes and drops databases of a PostgreSQL server, and lets roles in; `adapters.postgres` opens them."""

from collections.abc import Iterable, Mapping

from psycopg2 import sql

from adapters.postgres import ConnectionParameters, Database
from adapters.settings import Settings, read_secret
from domain.errors import NotReady

SERVING = "ontime_api"
"""Role of what serves: the API, the shipper and the feature refresher."""
MONITORING = "ontime_monitoring"
"""Role of what monitors and decides: flows and the watchman."""
ROLES = {SERVING: "postgres_api_password", MONITORING: "postgres_monitoring_password"}
"""What the roles of sql/roles.sql are called, and the file of each one's password beside the keys of the API."""


def create_databases(
    parameters: ConnectionParameters, names: Iterable[str], template: str = "template0"
) -> None:
    """Create the databases that are missing.

    A template's files are copied whole: its pages through the log, PostgreSQL's default, cost five times the CPU.
    """
    connection = parameters.to_database("postgres").connect("create")
    try:
        connection.autocommit = True
        with connection.cursor() as cursor:
            cursor.execute("SELECT datname FROM pg_database")
            there = {name for (name,) in cursor.fetchall()}
            for name in [n for n in names if n not in there]:
                statement = sql.SQL("CREATE DATABASE {} TEMPLATE {} STRATEGY FILE_COPY")
                cursor.execute(statement.format(sql.Identifier(name), sql.Identifier(template)))
    finally:
        connection.close()


def let_in(database: Database, passwords: Mapping[str, str]) -> None:
    """Let roles log in with these passwords and no others."""
    with database.transaction() as cursor:
        for role, password in passwords.items():
            statement = sql.SQL("ALTER ROLE {} LOGIN PASSWORD {}")
            cursor.execute(statement.format(sql.Identifier(role), sql.Literal(password)))


def change_password(parameters: ConnectionParameters, password: str) -> None:
    """Give who asks another password, which an earlier call may have given already.

    Raises
    ------
    NotReady
        If PostgreSQL lets the user in with neither.
    """
    try:
        connection = parameters.connect("password")
    except NotReady:
        connection = parameters.as_user(parameters.user, password).connect("password")
    try:
        with connection, connection.cursor() as cursor:
            cursor.execute(sql.SQL("ALTER ROLE CURRENT_USER PASSWORD {}").format(sql.Literal(password)))
    finally:
        connection.close()


def let_roles_in(database: Database, settings: Settings) -> None:
    """Let the roles log in with the passwords that lie beside the stack; safe to repeat."""
    folder = settings.api_keys_dir
    let_in(database, {role: read_secret("api_keys_dir", folder / name) for role, name in ROLES.items()})


def drop_database(parameters: ConnectionParameters, name: str) -> None:
    """Drop a database and whoever is connected to it."""
    connection = parameters.to_database("postgres").connect("drop")
    try:
        connection.autocommit = True
        with connection.cursor() as cursor:
            cursor.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))
    finally:
        connection.close()
