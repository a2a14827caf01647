"""Keys of the API: random, hashed at rest, with explicit scopes."""

import hashlib
import re
import secrets
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from adapters.postgres import Database, query
from domain.errors import Conflict, InvalidInput, NotFound

SCOPES = ("predict", "ingest", "admin")
LONGEST_DAYS = 36_500
"""Of a key's lifetime, and of the overlap of a rotation: Python reads no date after the year 9999."""
KEY_FORM = re.compile(r"ontime_(predict|ingest|admin)_[A-Za-z0-9_-]{43}", re.ASCII)


def new_key(scope: str) -> str:
    """Make a key of 256 random bits; `scope` only labels it.

    Raises
    ------
    InvalidInput
        If there is no such scope.
    """
    _require_scopes([scope])
    return f"ontime_{scope}_{secrets.token_urlsafe(32)}"


def hash_key(key: str) -> str:
    """Hash a key as it is stored. A plain hash suffices: nobody guesses 256 random bits.

    Examples
    --------
    >>> hash_key("ontime_predict_x")[:8]
    'efc41d8a'
    """
    return hashlib.sha256(key.encode()).hexdigest()


@dataclass(frozen=True)
class ActiveKey:
    """Whose key it is, and what it allows."""

    name: str
    scopes: frozenset[str]


@dataclass(frozen=True)
class KeyRecord:
    """What is on record of a key; the key itself is not."""

    name: str
    scopes: list[str]
    hash_begins: str
    created_at: datetime
    expires_at: datetime | None
    """UTC, as all of them; None = never."""
    revoked_at: datetime | None
    last_used_at: datetime | None
    """To the minute."""
    active: bool


class ApiKeys:
    """Creates, replaces, revokes and lists keys."""

    def __init__(self, database: Database):
        self._database = database

    def create(self, name: str, scopes: Iterable[str], lifetime: timedelta | None = None) -> str:
        """Make and record a new key; this is the only time it is seen.

        Parameters
        ----------
        lifetime : timedelta, optional
            How long it is active; without, until it is revoked.

        Raises
        ------
        Conflict
            If a key of that name is active.
        InvalidInput
            If a scope is unknown, the name is empty, or the lifetime is none that a key has.
        """
        chosen = _require_scopes(scopes)
        if not name.strip() or not name.isprintable():
            raise InvalidInput(
                "name", "a name on one line, by which the key is listed and revoked", ascii(name)
            )
        if lifetime is not None and not timedelta(0) < lifetime <= timedelta(days=LONGEST_DAYS):
            raise InvalidInput(
                "lifetime", f"more than nothing and {LONGEST_DAYS} days at most", str(lifetime)
            )
        key = _key_of(chosen)
        with self._database.transaction() as cursor:
            cursor.execute(query("lock_key_name"), {"name": name})
            cursor.execute(query("active_keys_for_update"), {"name": name})
            if cursor.fetchone():
                raise Conflict(f"a key named {name!r} is active: rotate or revoke it, or choose another name")
            cursor.execute(query("register_key"), _values(name, chosen, key, lifetime))
        return key

    def register(self, name: str, scopes: Iterable[str], key: str) -> bool:
        """Record the key that lies in a file of this name, which no other key has then; again the same changes nothing.

        A key that was revoked stays so.

        Returns
        -------
        bool
            Whether it was recorded now.

        Raises
        ------
        InvalidInput
            If the key has not the form of one, or a scope is unknown.
        """
        if not KEY_FORM.fullmatch(key):
            raise InvalidInput("key", "ontime_<scope>_ and 43 characters of A-Z a-z 0-9 _ -")
        values = _values(name, _require_scopes(scopes), key, None)
        recorded = self._database.execute("register_key", values) == 1
        self._database.execute("revoke_other_keys", {"name": name, "key_hash": hash_key(key)})
        return recorded

    def rotate(self, name: str, overlap: timedelta) -> str:
        """Make a new key with the scopes and the lifetime of a name's active one, which ends after the overlap.

        Raises
        ------
        NotFound
            If no active key has that name.
        InvalidInput
            If the overlap is negative, or longer than any key lives.
        """
        if not timedelta(0) <= overlap <= timedelta(days=LONGEST_DAYS):
            raise InvalidInput("overlap", f"nothing or more and {LONGEST_DAYS} days at most", str(overlap))
        with self._database.transaction() as cursor:
            cursor.execute(query("active_keys_for_update"), {"name": name})
            found = cursor.fetchone()
            if found is None:
                raise NotFound(f"no active key is named {name!r}")
            scopes, lifetime = found
            key = _key_of(scopes)
            values = _values(name, scopes, key, lifetime)
            cursor.execute(query("register_key"), values)
            cursor.execute(query("expire_other_keys"), values | {"overlap": overlap})
        return key

    def revoke(self, name: str) -> int:
        """Revoke all keys of a name.

        Raises
        ------
        NotFound
            If no active key has that name.
        """
        revoked = self._database.execute("revoke_keys", {"name": name})
        if not revoked:
            raise NotFound(f"no active key is named {name!r}")
        return revoked

    def load_all(self) -> list[KeyRecord]:
        """Return what is on record of every key, the oldest first."""
        return [KeyRecord(*row) for row in self._database.rows("key_list")]

    def load_active(self) -> dict[str, ActiveKey]:
        """Return every active key, by its hash."""
        rows = self._database.rows("active_keys")
        return {key_hash: ActiveKey(name, frozenset(scopes)) for key_hash, name, scopes in rows}

    def record_uses(self, hashes: Collection[str]) -> None:
        """Record that keys were used just now."""
        self._database.execute("key_uses", {"hashes": sorted(hashes)})


def _values(name: str, scopes: list[str], key: str, lifetime: timedelta | None) -> dict[str, Any]:
    return {"key_hash": hash_key(key), "name": name, "scopes": scopes, "lifetime": lifetime}


def _key_of(scopes: list[str]) -> str:
    return new_key("admin" if "admin" in scopes else scopes[0])


def _require_scopes(scopes: Iterable[str]) -> list[str]:
    chosen = sorted(set(scopes))
    if not chosen or not set(chosen) <= set(SCOPES):
        raise InvalidInput("scopes", f"one or more of {', '.join(SCOPES)}", chosen)
    return chosen
