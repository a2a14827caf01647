"""The schema of the database: numbered files that are applied once, in order; and what stands there, as text."""

import hashlib
import re
from pathlib import Path

from adapters.postgres import SQL_DIR, Database, query
from domain.errors import ConfigurationError

MIGRATION_NAME = re.compile(r"\d{4}_[a-z0-9_]+\.sql")
CONTRACTS = re.compile(r"\d{4}_contract_")
"""Begins the name of a migration that takes away what only earlier code uses; every other one the code before it
tolerates, so that both may run while the API is replaced."""
MIGRATION_LOCK = 715_001
ROLES = "roles.sql"
"""Beside the folder of migrations: what each role of the database may do."""


def migrate(
    database: Database, directory: Path = SQL_DIR / "migrations", *, contract: bool = True
) -> list[str]:
    """Apply the migrations that are missing, in order, each in a transaction of its own.

    Safe to run from several processes at once, and again at any time.

    Parameters
    ----------
    contract : bool
        Whether to take away what only earlier code uses; not while that still runs.

    Returns
    -------
    list of str
        Names of the migrations applied now.

    Raises
    ------
    ConfigurationError
        If an applied migration was edited, or a file's name has not the form 0001_name.sql, or the database has
        lost what this code uses to a later version's migration.
    """
    files = sorted(directory.glob("*.sql"))
    wrong = [f.name for f in files if not MIGRATION_NAME.fullmatch(f.name)]
    if wrong:
        raise ConfigurationError(f"migrations are named like 0001_core.sql, not {wrong[0]}")
    wanted = [file for file in files if contract or not CONTRACTS.match(file.name)]
    _require_contracts(database, {file.name for file in files})
    applied = [file.name for file in wanted if _apply(database, file)]
    _grant(database, directory.parent / ROLES)
    return applied


def _require_contracts(database: Database, known: set[str]) -> None:
    """Refuse a database that has lost what this code uses, before anything is changed."""
    with database.transaction() as cursor:
        cursor.execute("SELECT 1 WHERE to_regclass('schema_migrations') IS NOT NULL")
        if cursor.fetchone() is None:
            return
        cursor.execute("SELECT name FROM schema_migrations ORDER BY name")
        lost = [name for (name,) in cursor.fetchall() if CONTRACTS.match(name) and name not in known]
    if lost:
        raise ConfigurationError(f"the database has migration {lost[0]}: this code is too old for it")


def _grant(database: Database, file: Path) -> None:
    """Say again who may do what: a migration may have made a table, a person may have granted something."""
    if file.exists():
        with database.transaction() as cursor:
            cursor.execute("SELECT pg_advisory_xact_lock(%s)", [MIGRATION_LOCK])
            cursor.execute(file.read_text(encoding="utf-8"))


def _apply(database: Database, file: Path) -> bool:
    text = file.read_text(encoding="utf-8")
    checksum = hashlib.sha256(text.encode()).hexdigest()
    with database.transaction() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [MIGRATION_LOCK])
        cursor.execute(query("create_schema_migrations"))
        cursor.execute("SELECT checksum FROM schema_migrations WHERE name = %s", [file.name])
        recorded = cursor.fetchone()
        if recorded:
            if recorded[0] != checksum:
                raise ConfigurationError(f"migration {file.name} was edited after it had been applied")
            return False
        cursor.execute(text)
        cursor.execute(
            "INSERT INTO schema_migrations (name, checksum) VALUES (%s, %s)", [file.name, checksum]
        )
        return True


def schema_dump(database: Database) -> str:
    """Write the schema as text, a line a column, constraint, index, trigger, view or function, sorted."""
    return "\n".join(line for (line,) in database.rows("schema_dump")) + "\n"
