"""Keys of the API: random, hashed at rest, with explicit scopes."""

import hashlib
import re
import secrets
from collections.abc import Iterable

from adapters.postgres import Database
from domain.errors import InvalidInput, NotFound

SCOPES = ("predict", "ingest", "admin")
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


class ApiKeys:
    """Creates, revokes and lists keys."""

    def __init__(self, database: Database):
        self._database = database

    def create(self, name: str, scopes: Iterable[str]) -> str:
        """Make and record a new key; this is the only time it is seen."""
        chosen = _require_scopes(scopes)
        key = new_key("admin" if "admin" in chosen else chosen[0])
        self.register(name, chosen, key)
        return key

    def register(self, name: str, scopes: Iterable[str], key: str) -> bool:
        """Record a key that was made elsewhere; again the same changes nothing, not even a revocation.

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
        parameters = {"key_hash": hash_key(key), "name": name, "scopes": _require_scopes(scopes)}
        return self._database.execute("register_key", parameters) == 1

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

    def revoke_others(self, keys: Iterable[str]) -> int:
        """Revoke every active key but these; return how many that were."""
        return self._database.execute("revoke_other_keys", {"hashes": [hash_key(key) for key in keys]})

    def load_active(self) -> dict[str, frozenset[str]]:
        """Return the scopes of every active key, by its hash."""
        return {key_hash: frozenset(scopes) for key_hash, scopes in self._database.rows("active_keys")}


def _require_scopes(scopes: Iterable[str]) -> list[str]:
    chosen = sorted(set(scopes))
    if not chosen or not set(chosen) <= set(SCOPES):
        raise InvalidInput("scopes", f"one or more of {', '.join(SCOPES)}", chosen)
    return chosen
