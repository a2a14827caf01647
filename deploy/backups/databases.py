"""Dumps of databases, and row counts that prove them: with PostgreSQL's own programs, wherever they run."""

import contextlib
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol

from domain.errors import OntimeError

Rows = dict[str, int]
# Tables in pg_temp are of sessions that still run: no dump has them.
TABLES = """
SELECT format('SELECT %L, count(*) FROM %I.%I', schemaname || '.' || tablename, schemaname, tablename)
FROM pg_tables WHERE schemaname !~ '^pg_' AND schemaname <> 'information_schema' ORDER BY 1
"""


class Server(Protocol):
    """A PostgreSQL server, and the programs beside it."""

    user: str

    def run(self, program: str, *arguments: str, **streams: Any) -> None:
        """Run a program of PostgreSQL's on this server."""

    def psql(self, database: str) -> "subprocess.Popen[str]":
        """Start psql on a database, with pipes."""


PSQL = ("-XqAt", "-v", "ON_ERROR_STOP=1")
PIPES: dict[str, Any] = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "bufsize": 1}


class Session:
    """One psql, kept open: so that counts and dump see the same snapshot."""

    def __init__(self, server: Server, database: str):
        self._process = server.psql(database)
        stdin, stdout = self._process.stdin, self._process.stdout
        assert stdin is not None and stdout is not None  # noqa: S101, PT018  psql was started with pipes
        self._stdin, self._stdout = stdin, stdout

    def __enter__(self) -> "Session":
        try:
            self.ask("SET client_min_messages TO warning")
        except OntimeError:  # psql has ended
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        with contextlib.suppress(BrokenPipeError):  # what was not read is lost with it
            self._stdin.close()
        self._process.wait(timeout=30)
        self._stdout.close()

    def ask(self, statement: str) -> list[list[str]]:
        """Run a statement and return its rows."""
        with contextlib.suppress(BrokenPipeError):  # there is no answer then
            self._stdin.write(f"{statement}\n;\n\\echo --end--\n")
            self._stdin.flush()
        rows: list[list[str]] = []
        for line in self._stdout:
            if line.strip() == "--end--":
                return rows
            if line.strip():
                rows.append(line.rstrip("\n").split("|"))
        raise OntimeError(f"PostgreSQL ended at: {statement.strip().splitlines()[0]}")


def row_counts(session: Session) -> Rows:
    """Count the rows of every table, by `schema.table`."""
    counts = [session.ask(statement)[0] for (statement,) in session.ask(TABLES)]
    return {name: int(count) for name, count in counts}


def dump(
    server: Server, database: str, target: Path, within: Callable[[Session], None] = lambda session: None
) -> Rows:
    """Dump one database, and count its rows in the same snapshot, in which `within` is called as well."""
    with Session(server, database) as session:
        session.ask("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
        [[snapshot]] = session.ask("SELECT pg_export_snapshot()")
        with target.open("wb") as file:
            server.run(
                "pg_dump", "-Fc", f"--snapshot={snapshot}", database, stdout=file, stdin=subprocess.DEVNULL
            )
        within(session)
        return row_counts(session)


def load(server: Server, database: str, source: Path, into: str = "") -> None:
    """Make a database again from a dump; its owner stays.

    Parameters
    ----------
    into : str, optional
        Another database with the same owner, made instead.
    """
    target = into or database
    with Session(server, "postgres") as session:
        owners = session.ask(
            f"SELECT pg_get_userbyid(datdba) FROM pg_database WHERE datname = '{database}'"  # noqa: S608
        )
        owner = owners[0][0] if owners else server.user
        session.ask(f'DROP DATABASE IF EXISTS "{target}" WITH (FORCE)')
        session.ask(f'CREATE DATABASE "{target}" OWNER "{owner}" TEMPLATE template0')
        session.ask(f'REVOKE CONNECT ON DATABASE "{target}" FROM PUBLIC')
    with source.open("rb") as file:
        # Who may do what is said by the next migration; a new server does not have the roles yet.
        server.run("pg_restore", "-d", target, "--exit-on-error", "--no-privileges", stdin=file)


def drop(server: Server, database: str) -> None:
    """Drop a database, if it is there."""
    with Session(server, "postgres") as session:
        session.ask(f'DROP DATABASE IF EXISTS "{database}" WITH (FORCE)')


def verify_rows(server: Server, database: str, expected: Rows) -> None:
    """Count the rows of every table.

    Raises
    ------
    OntimeError
        If a count is another one; names the tables.
    """
    with Session(server, database) as session:
        counted = row_counts(session)
    wrong = sorted(dict(counted.items() ^ expected.items()))
    if wrong:
        raise OntimeError(f"restored {database} differs from what was saved in {', '.join(wrong)}")
