"""A database that takes no writes for a while, as after a failover."""

from collections.abc import Iterator
from contextlib import contextmanager

from adapters.postgres import Database


@contextmanager
def read_only(database: Database) -> Iterator[None]:
    """Let every connection made within the block refuse writes; those of before end."""
    _switch(database, "on")
    try:
        yield
    finally:
        _switch(database, "off")


def _switch(database: Database, value: str) -> None:
    name = database.parameters.database
    admin = database.parameters.to_database("postgres").connect()
    admin.autocommit = True
    with admin.cursor() as cursor:
        cursor.execute(f"ALTER DATABASE {name} SET default_transaction_read_only = {value}")
        cursor.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", [name])
    admin.close()
