"""Who may see and do what in the dashboard: a key of the API opens a session; its cookie is signed and soon expires."""

import hashlib
import hmac
from collections.abc import Callable
from datetime import timedelta
from functools import wraps
from typing import Any, ParamSpec, TypeVar
from urllib.parse import urlsplit

from flask import Flask, g, request, session
from flask.sessions import SecureCookieSessionInterface, SessionMixin
from flask_wtf.csrf import validate_csrf
from werkzeug.exceptions import BadRequest
from wtforms import ValidationError

from adapters.settings import Settings
from app.auth import require_scope
from app.errors import Unauthorized
from app.parts import parts

P = ParamSpec("P")
R = TypeVar("R")
COOKIE = "ontime_dashboard"
PREFIX = "/dashboard"
LASTS = timedelta(hours=12)
KEY = "key_hash"


class DashboardSessions(SecureCookieSessionInterface):
    """Sessions of the dashboard's own paths; a request of the API is neither slowed by one nor answered with one."""

    def open_session(self, app: Flask, request: Any) -> Any:
        """Read the cookie where the dashboard is asked."""
        return super().open_session(app, request) if _is_own(request.path) else self.session_class()

    def save_session(self, app: Flask, session: SessionMixin, response: Any) -> None:
        """Write the cookie where the dashboard answers."""
        if _is_own(request.path):
            super().save_session(app, session, response)

    def get_cookie_secure(self, app: Flask) -> bool:
        """Return whether the cookie is for TLS alone: where the request came over it."""
        return request.is_secure


def configure(app: Flask, settings: Settings) -> None:
    """Give the application its sessions; every worker and replica derives the same key from the stack's own."""
    own = settings.postgres_password.encode()
    app.secret_key = hmac.new(own, b"dashboard sessions", hashlib.sha256).digest()
    app.session_interface = DashboardSessions()
    app.config.update(
        SESSION_COOKIE_NAME=COOKIE,
        SESSION_COOKIE_PATH=PREFIX,
        SESSION_COOKIE_HTTPONLY=True,
        SESSION_COOKIE_SAMESITE="Lax",  # Strict would sign out whoever follows a link of an alert's message
        PERMANENT_SESSION_LIFETIME=LASTS,
        SESSION_REFRESH_EACH_REQUEST=False,
        WTF_CSRF_TIME_LIMIT=None,  # a form is good as long as its session
    )


def sign_in(key: str) -> bool:
    """Open a session with a key; return whether the key is active.

    Raises
    ------
    NotReady
        If the keys were never read.
    """
    ring = parts().keys
    if ring.scopes(key) is None:
        return False
    session.clear()
    session.permanent = True
    session[KEY] = ring.hash(key)
    return True


def sign_out() -> None:
    """Close the session."""
    session.clear()


def scopes() -> frozenset[str]:
    """Return the scopes of the session's key; none without one, or when it was revoked meanwhile."""
    found = g.get("session_scopes")
    if found is None:
        hashed = session.get(KEY)
        found = g.session_scopes = (parts().keys.scopes_of_hash(hashed) if hashed else None) or frozenset()
    return frozenset(found)


def who() -> str:
    """Return how the session's person is named in the ledger: the name that they gave, else the key's begin."""
    return str(session.get("who") or f"dashboard, key {session.get(KEY, '')[:8]}")


def needs(scope: str) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """Let only sessions through whose key has a scope; a form is only taken with its session's token."""

    def decorate(view: Callable[P, R]) -> Callable[P, R]:
        @wraps(view)
        def guarded(*arguments: P.args, **keywords: P.kwargs) -> R:
            held = scopes()
            if not held:
                raise Unauthorized("sign in with a key of the API")
            require_scope(scope, held)
            return view(*arguments, **keywords)

        guarded.session_scope = scope  # type: ignore[attr-defined]
        return guarded

    return decorate


def require_token() -> None:
    """Check that a form comes from a page of this session.

    Raises
    ------
    BadRequest
        If it does not.
    """
    if request.method != "POST":
        return
    try:
        validate_csrf(request.form.get("csrf_token"))
    except ValidationError as error:
        raise BadRequest("the form is out of date: open the page again and repeat it") from error


def own_path(wanted: str | None) -> str | None:
    """Return a path to go on to, if it is one of the dashboard's; else None: a link must not lead elsewhere."""
    if not wanted or "\\" in wanted or any(ord(letter) < 33 for letter in wanted):
        return None
    try:
        split = urlsplit(wanted)
    except ValueError:  # an address like //[
        return None
    return wanted if not split.scheme and not split.netloc and _is_own(split.path) else None


def _is_own(path: str) -> bool:
    return path == PREFIX or path.startswith(f"{PREFIX}/")
