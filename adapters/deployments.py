"""The ledger of deployments: who was champion, since when, why, and on what evidence.

The registry's alias is what serves; this ledger says why. A change is planned, the alias moved, the change done: one
at a time, under an advisory lock. A crash in between leaves a planned row, which the next look at the alias settles.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

from adapters.evidence import as_json
from adapters.postgres import Connection, Database, query
from domain.errors import Conflict, NotFound, StaleVersion

LEDGER_LOCK = 715_005
CHANNEL = "deployments"
AFTER_ALL = 2**63 - 1
"""No row of the ledger has a number as large."""
Action = Literal["promote", "rollback", "outside"]
Status = Literal["planned", "done", "void"]
MoveAlias = Callable[[int], None]
ReadAlias = Callable[[], int | None]
ANY: Literal["any"] = "any"
"""Expect no particular champion."""
Expected = int | Literal["any"] | None
"""The version the caller believes to serve; None = none at all."""


@dataclass(frozen=True)
class Deployment:
    """One row of the ledger."""

    deployment_id: int
    action: Action
    from_version: int | None
    to_version: int
    who: str
    reason: str
    evidence: dict[str, Any]
    contract_hash: str | None
    status: Status
    at: datetime
    finished_at: datetime | None
    note: str = ""
    """What whoever asked for the change should know beside it; not in the ledger."""


@dataclass(frozen=True)
class ChangeRequest:
    """A change as it will be planned."""

    action: Action
    to_version: int
    who: str
    reason: str
    evidence: dict[str, Any] = field(default_factory=dict)
    contract_hash: str | None = None
    at: datetime | None = None


class Deployments:
    """Changes the champion and remembers every change."""

    def __init__(self, database: Database):
        self._database = database

    def change(
        self,
        *,
        action: Literal["promote", "rollback"],
        to_version: int,
        expected_version: Expected,
        who: str,
        reason: str,
        move_alias: MoveAlias,
        read_alias: ReadAlias,
        evidence: dict[str, Any] | None = None,
        contract_hash: str | None = None,
        at: datetime | None = None,
    ) -> Deployment:
        """Move the alias to another version, and record it.

        Whatever a crash or a person left unrecorded is settled first, so that the expectation is compared with the
        version that really serves.

        Parameters
        ----------
        expected_version : int, None or ANY
            The version the caller believes to serve; None = no version at all, ANY = whichever.
        evidence : dict, optional
            Whatever speaks for the change, as JSON.
        contract_hash : str, optional
            Feature contract of `to_version`; by default what an earlier row says.
        at : datetime, optional
            By default now, by the stack's clock.
        move_alias : callable
            Moves the registry's alias to a version.
        read_alias : callable
            Returns the version the alias names now, None without one.

        Returns
        -------
        Deployment
            The finished row.

        Raises
        ------
        StaleVersion
            If another version serves than expected; nothing is changed.
        Conflict
            If `to_version` serves already.
        """
        request = ChangeRequest(action, to_version, who, reason, evidence or {}, contract_hash, at)
        with self._locked() as connection:
            actual = _settle(connection, read_alias)
            if expected_version not in (ANY, actual):
                raise StaleVersion(expected_version, actual)
            if to_version == actual:
                raise Conflict(f"version {actual} is the champion already")
            planned = _plan(connection, request, actual)
            try:
                move_alias(to_version)
            except Exception:
                # Moved or not, the alias knows; when it cannot be read now, the next change settles the plan.
                _finish_plan(connection, planned, read_alias)
                raise
            return _finish(connection, planned.deployment_id, "done")

    def reconcile(self, read_alias: ReadAlias) -> int | None:
        """Settle what a crash left planned and record what somebody moved by hand; return the serving version."""
        with self._locked() as connection:
            return _settle(connection, read_alias)

    def champion(self) -> int | None:
        """Return the champion by the ledger, None before the first."""
        row = self._database.row("ledger_champion")
        return int(row[0]) if row else None

    def history(self, limit: int = 50, before: int = AFTER_ALL) -> list[Deployment]:
        """Return the newest rows before a row of the ledger, newest first, planned and void ones included."""
        rows = self._database.rows("ledger_history", {"limit": limit, "before": before})
        return [Deployment(*row) for row in rows]

    def previous_champion(self, contract_hash: str, named: Expected = ANY) -> int:
        """Return the version a rollback goes to: the last champion before this one with the same feature contract.

        A version that was rolled back from is not one to go back to, until it is promoted again.

        Parameters
        ----------
        named : int, None or ANY
            As in `earlier_champions`.

        Raises
        ------
        NotFound
            If there is none.
        """
        earlier = self.earlier_champions(contract_hash, named)
        if not earlier:
            raise NotFound("there is no earlier champion with this code's feature contract")
        return earlier[0]

    def earlier_champions(self, contract_hash: str, named: Expected = ANY) -> list[int]:
        """Return the versions a rollback may go to, the last champion before this one first.

        See `previous_champion`.

        Parameters
        ----------
        named : int, None or ANY
            What the alias names. Where that is not the ledger's champion, as it was moved or lost by hand, the
            ledger's comes first: by going back it is not left.
        """
        if named != ANY and named != self.champion():
            return self.champions(contract_hash)
        return [version for version, contract in self._champions()[1:] if contract == contract_hash]

    def champions(self, contract_hash: str) -> list[int]:
        """Return the versions that may serve by the ledger: the champion, then those a rollback would go to.

        A champion that was moved by hand has no contract on record; it may serve if it has the right one.
        """
        return [version for version, contract in self._champions() if contract in (contract_hash, None)]

    def repeated_rollback(self, who: str, reason: str, seconds: float) -> Deployment | None:
        """Return the newest change if it is the rollback of the same words, this many seconds ago at most."""
        row = self._database.row("ledger_repeated", {"who": who, "reason": reason, "seconds": seconds})
        return Deployment(*row) if row else None

    def _champions(self) -> list[tuple[int, str | None]]:
        """Return the champions one would go back through, with their contracts, the serving one first."""
        return _stack([row for row in reversed(self.history(limit=10_000)) if row.status == "done"])[::-1]

    @contextmanager
    def _locked(self) -> Iterator[Connection]:
        with self._database.session() as connection:
            _run(connection, "SELECT pg_advisory_lock(%(lock)s)", {"lock": LEDGER_LOCK})
            try:
                yield connection
            finally:
                if not connection.closed:
                    connection.rollback()
                    _run(connection, "SELECT pg_advisory_unlock(%(lock)s)", {"lock": LEDGER_LOCK})


def _stack(done: list[Deployment]) -> list[tuple[int, str | None]]:
    """Return the champions one would go back through, the serving one last: a rollback takes off what it left."""
    stack: list[tuple[int, str | None]] = []
    for row in done:
        if row.action == "rollback":
            stack = stack[:-1]
            versions = [version for version, _ in stack]
            if row.to_version in versions:
                stack = stack[: versions.index(row.to_version)]
        stack = [entry for entry in stack if entry[0] != row.to_version]
        stack.append((row.to_version, row.contract_hash))
    return stack


def _settle(connection: Connection, read_alias: ReadAlias) -> int | None:
    alias = read_alias()
    planned = _rows(connection, query("ledger_planned"), {})
    if planned:
        _finish(connection, planned[0][0], "done" if planned[0][1] == alias else "void")
    if alias is not None:
        _record_outside(connection, alias, "unknown", "the alias was moved outside the gate")
    return alias


def _record_outside(connection: Connection, version: int, who: str, reason: str) -> Deployment | None:
    rows = _rows(connection, query("ledger_champion"), {})
    champion = rows[0][0] if rows else None
    if champion == version:
        return None
    request = ChangeRequest("outside", version, who, reason or "the alias was moved outside the gate")
    return _finish(connection, _plan(connection, request, champion).deployment_id, "done")


def _plan(connection: Connection, request: ChangeRequest, actual: int | None) -> Deployment:
    parameters = {
        "action": request.action,
        "from_version": actual,
        "to_version": request.to_version,
        "who": request.who,
        "reason": request.reason,
        "evidence": as_json(request.evidence),
        "contract_hash": request.contract_hash,
        "at": request.at,
    }
    return Deployment(*_rows(connection, query("ledger_plan"), parameters)[0])


def _finish_plan(connection: Connection, planned: Deployment, read_alias: ReadAlias) -> None:
    try:
        alias = read_alias()
    except Exception:  # whatever keeps the alias from being read: the plan stays, to be settled later
        return
    _finish(connection, planned.deployment_id, "done" if alias == planned.to_version else "void")


def _finish(connection: Connection, deployment_id: int, status: Status) -> Deployment:
    parameters = {"deployment_id": deployment_id, "status": status}
    return Deployment(*_rows(connection, query("ledger_finish"), parameters)[0])


def _rows(connection: Connection, statement: str, parameters: dict[str, Any]) -> list[tuple[Any, ...]]:
    with connection, connection.cursor() as cursor:
        cursor.execute(statement, parameters)
        return cursor.fetchall()


def _run(connection: Connection, statement: str, parameters: dict[str, Any]) -> None:
    with connection, connection.cursor() as cursor:
        cursor.execute(statement, parameters)
