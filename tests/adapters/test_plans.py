"""Every hot query reads big tables by an index, and of the log the months it asks about: a lost index fails here.

On the embedded server, or on another that TEST_POSTGRES names: releases before 18 do not skip ahead in an index.
"""

import os
import secrets
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from adapters.migrations import migrate
from adapters.postgres import SQL_DIR, ConnectionParameters, Cursor, Database, query
from adapters.postgres_admin import create_databases, drop_database
from tests.adapters.hot_queries import HOT, NEEDED, NOT_HOT, Hot

pytestmark = pytest.mark.integration
BIG = (
    "flight_events", "weather_events", "labels", "predictions", "feature_ticks", "feature_states", "service_counts",
    "monitoring_metrics", "decisions",
)  # fmt: skip
"""Tables that grow with time or traffic; others have a row a person, version, rule or file."""
RARE = ("flight_events_called_off", "flight_events_revised")
"""Partial indexes that hold a row in a hundred, and may be read from end to end."""
FILL = Path(__file__).with_name("filled_log.sql")


class UnindexedError(AssertionError):
    """A plan that reads all of a table that grows."""


@pytest.fixture(scope="module")
def server(request: pytest.FixtureRequest) -> ConnectionParameters:
    named = urlsplit(os.environ.get("TEST_POSTGRES", ""))
    if not named.netloc:
        return request.getfixturevalue("postgres_server").parameters
    return ConnectionParameters(
        named.hostname, named.port or 5432, named.username, named.password, "postgres"
    )


@pytest.fixture(scope="module")
def filled(server: ConnectionParameters) -> Iterator[Database]:
    name = f"test_{secrets.token_hex(6)}"
    create_databases(server, [name])
    database = Database(server.to_database(name))
    migrate(database)
    with database.transaction() as cursor:
        cursor.execute(FILL.read_text())
    connection = database.connect()
    connection.autocommit = True
    connection.cursor().execute("VACUUM ANALYZE")  # so that plans rest on the tables as they are
    connection.close()
    yield database
    database.close()
    drop_database(server, name)


def plan(cursor: Cursor, name: str, hot: Hot) -> dict[str, Any]:
    if hot.staged:
        cursor.execute(query(hot.staged))
    cursor.execute(f"EXPLAIN (FORMAT JSON) {query(name.split()[0])}", hot.parameters)
    [(found,)] = cursor.fetchall()
    return dict(found[0]["Plan"])


def nodes(node: dict[str, Any], limited: bool = False) -> Iterator[tuple[dict[str, Any], bool]]:
    """Every node of a plan, and whether a limit ends what it reads."""
    yield node, limited
    for child in node.get("Plans", []):
        yield from nodes(child, limited or node["Node Type"] == "Limit")


def check(cursor: Cursor, name: str, hot: Hot) -> None:
    """Raise UnindexedError where a big table, or another month than the query's, is read as a whole."""
    found = plan(cursor, name, hot)
    if hot.by and not any(hot.by in node.get("Index Cond", "") for node, _ in nodes(found)):
        raise UnindexedError(f"{name}: no index finds rows by {hot.by}")
    for node, limited in nodes(found):
        table = node.get("Relation Name", "")
        month = table.removeprefix("predictions_") if table.startswith("predictions_") else ""
        if month and month not in hot.months:
            raise UnindexedError(f"{name}: reads the predictions of {month}")
        kind, big = node["Node Type"], month or table in BIG
        if big and kind == "Seq Scan" and not limited:
            raise UnindexedError(f"{name}: reads all of {table}")
        # An index that is read from end to end is no better.
        index = node.get("Index Name")
        if big and index not in (None, *RARE) and "Index Cond" not in node and not limited:
            raise UnindexedError(f"{name}: reads all of {index}")


def test_every_query_is_hot_or_says_why_it_is_not():
    named = [*{name.split()[0] for name in HOT}, *(name for names in NOT_HOT.values() for name in names)]
    assert sorted(named) == sorted(file.stem for file in (SQL_DIR / "queries").glob("*.sql"))


@pytest.mark.parametrize("name", HOT)
def test_a_hot_query_reads_big_tables_by_an_index(filled, name):
    with filled.transaction() as cursor:
        check(cursor, name, HOT[name])
        cursor.connection.rollback()


def test_a_query_that_reads_other_months_than_it_asks_about_is_found(filled):
    with (
        filled.transaction() as cursor,
        pytest.raises(UnindexedError, match="reads the predictions of 2013_03"),
    ):
        check(cursor, "predictions_by_day", replace(HOT["predictions_by_day"], months=frozenset({"2013_04"})))


@pytest.mark.parametrize("index", NEEDED)
def test_a_lost_index_is_found(filled, index):
    name = NEEDED[index]
    with filled.transaction() as cursor:
        check(cursor, name, HOT[name])
        drop(cursor, index)
        with pytest.raises(UnindexedError):
            check(cursor, name, HOT[name])
        cursor.connection.rollback()


def drop(cursor: Cursor, index: str) -> None:
    cursor.execute(
        "SELECT conrelid::regclass FROM pg_constraint WHERE conindid = %s::regclass AND contype IN ('p', 'u')",
        [index],
    )
    [table] = [table for (table,) in cursor.fetchall()] or [None]
    cursor.execute(f"ALTER TABLE {table} DROP CONSTRAINT {index} CASCADE" if table else f"DROP INDEX {index}")


def test_every_index_of_a_big_table_is_needed_or_keeps_rows_apart(filled):
    with filled.transaction() as cursor:
        cursor.execute(
            "SELECT indexrelid::regclass::text FROM pg_index WHERE indrelid = ANY(%s::regclass[]) AND NOT indisunique",
            [list(BIG)],
        )
        assert {name for (name,) in cursor.fetchall()} <= set(NEEDED)
