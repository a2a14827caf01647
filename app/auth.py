"""Who may do what: hashed keys with explicit scopes, held in memory and refreshed off the request path."""

import time
from collections.abc import Callable
from functools import wraps
from typing import Any, Literal, ParamSpec, TypeVar

from flask import current_app, g, request

from adapters.api_keys import ActiveKey, ApiKeys, hash_key
from app.errors import Forbidden, Unauthorized
from domain.errors import NotReady

P = ParamSpec("P")
Scope = Literal["predict", "ingest", "admin"]
R = TypeVar("R")


USES_SECONDS = 60.0
"""How often a worker writes which keys were used."""


class KeyRing:
    """The active keys' hashes and scopes; a thread reads them every second, a request never does."""

    def __init__(self, keys: ApiKeys):
        self._keys = keys
        self._active: dict[str, ActiveKey] | None = None
        self._used: set[str] = set()
        self._uses_written = 0.0

    @property
    def loaded(self) -> bool:
        """Return whether the keys were ever read."""
        return self._active is not None

    def refresh(self) -> None:
        """Read the active keys again, and write now and then which were used."""
        self._active = self._keys.load_active()
        if self._used and time.monotonic() - self._uses_written >= USES_SECONDS:
            used, self._used = self._used, set()
            self._keys.record_uses(used)
            self._uses_written = time.monotonic()

    def scopes(self, key: str) -> frozenset[str] | None:
        """Return the scopes of a key, None where it is not active: a new key is known a second after it was made.

        Raises
        ------
        NotReady
            If the keys were never read: then nobody can be refused as unknown.
        """
        return self.scopes_of_hash(self.hash(key))

    def scopes_of_hash(self, hashed: str) -> frozenset[str] | None:
        """Return the scopes of the key with a hash; as `scopes`."""
        found = self.find(hashed)
        return None if found is None else found.scopes

    def find(self, hashed: str) -> ActiveKey | None:
        """Return the key with a hash, None where it is not active; raises as `scopes`."""
        if self._active is None:
            raise NotReady("the keys are not loaded yet")
        # The lookup is by the hash of 256 random bits: its timing reveals nothing about a key.
        found = self._active.get(hashed)
        if found is not None:
            self._used.add(hashed)
        return found

    @staticmethod
    def hash(key: str) -> str:
        """Return a key's hash, by which it is known."""
        return hash_key(key)


def require(scope: Scope) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """Refuse requests whose key lacks a scope."""

    def decorate(view: Callable[P, R]) -> Callable[P, R]:
        @wraps(view)
        def guarded(*arguments: P.args, **keywords: P.kwargs) -> R:
            _check(scope)
            return view(*arguments, **keywords)

        guarded.required_scope = scope  # type: ignore[attr-defined]
        return guarded

    return decorate


def _check(scope: str) -> None:
    key = _presented_key()
    if key is None:
        raise Unauthorized("send a key as 'Authorization: Bearer <key>' or 'X-API-Key: <key>'")
    ring: Any = current_app.extensions["ontime"].keys
    found: ActiveKey | None = ring.find(ring.hash(key))
    if found is None:
        raise Unauthorized("the key is unknown or revoked")
    g.key_name = found.name
    require_scope(scope, found.scopes)
    g.key_scopes = found.scopes


def require_scope(scope: str, held: frozenset[str]) -> None:
    """Check that a key's scopes hold one.

    Raises
    ------
    Forbidden
        If they do not.
    """
    if scope not in held:
        raise Forbidden(f"the key lacks the scope {scope!r}; it has {', '.join(sorted(held))}")


def _presented_key() -> str | None:
    header = request.headers.get("Authorization", "")
    kind, _, key = header.partition(" ")
    if kind.lower() == "bearer" and key:
        return key.strip()
    return request.headers.get("X-API-Key")
