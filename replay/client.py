"""The replay's HTTP client: every call is repeated until it is answered, since each is safe to repeat."""

import http.client
import itertools
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import orjson

from adapters.settings import Settings
from adapters.waiting import retry
from deploy.native import layout
from domain.errors import NotReady, OntimeError

PAUSE_SECONDS = 0.2
PATIENCE_SECONDS = 120.0
TIMEOUT_SECONDS = 60.0
RETRIED = (502, 503, 504)
ATTEMPTS_TO_REVIVE = 25


@dataclass(frozen=True)
class Answer:
    """Status and parsed body."""

    status: int
    body: Any

    @property
    def shown(self) -> str:
        """Return the beginning of the body, as an error shows it: that of a batch may name a thousand flights."""
        return str(self.body)[:500]


class ApiClient:
    """Talks to the API; while it is away, waits for it.

    Parameters
    ----------
    keys : dict of str
        Key by scope.
    revive : callable
        Called now and then while the API is away: brings the stack back if its process manager is gone.
    """

    def __init__(
        self, host: str, port: int, keys: dict[str, str], revive: Callable[[], None] = lambda: None
    ) -> None:
        self._host, self._port = host, port
        self._keys = keys
        self._revive = revive

    def post(self, path: str, body: Any, scope: str) -> Answer:
        """POST a JSON body, again until it is answered.

        Raises
        ------
        NotReady
            If it is not answered for two minutes.
        """
        return self._call("POST", path, orjson.dumps(body), scope)

    def get(self, path: str, scope: str | None = None) -> Answer:
        """GET, again until it is answered; `NotReady` as `post`."""
        return self._call("GET", path, None, scope)

    def _call(self, method: str, path: str, body: bytes | None, scope: str | None) -> Answer:
        attempts = itertools.count(1)

        def sleep(seconds: float) -> None:
            if next(attempts) % ATTEMPTS_TO_REVIVE == 0:
                self._revive()
            time.sleep(seconds)

        return retry(
            lambda: self._answered(method, path, body, scope),
            NotReady, PATIENCE_SECONDS, PAUSE_SECONDS, sleep,
        )  # fmt: skip

    def _answered(self, method: str, path: str, body: bytes | None, scope: str | None) -> Answer:
        try:
            answer = self._once(method, path, body, scope)
        except (OSError, http.client.HTTPException) as error:
            raise NotReady(f"the API does not answer: {error}") from error
        if answer.status in RETRIED:
            raise NotReady(f"the API answers {answer.status}: {answer.shown}")
        return answer

    def _once(self, method: str, path: str, body: bytes | None, scope: str | None) -> Answer:
        # One connection a call: sync workers close it anyway.
        connection = http.client.HTTPConnection(self._host, self._port, timeout=TIMEOUT_SECONDS)
        try:
            headers = {"Content-Type": "application/json"} if body is not None else {}
            if scope is not None:
                headers["Authorization"] = f"Bearer {self._keys[scope]}"
            connection.request(method, path, body, headers)
            with connection.getresponse() as response:
                status, content = response.status, response.read()
        finally:
            connection.close()
        return Answer(status, orjson.loads(content) if content else None)


def require(answer: Answer, *statuses: int) -> Answer:
    """Return the answer back.

    Raises
    ------
    OntimeError
        If its status is none of those expected; carries the beginning of the body.
    """
    if answer.status not in statuses:
        raise OntimeError(f"the API answers {answer.status}, expected {statuses}: {answer.shown}")
    return answer


def api_client(
    settings: Settings, revive: Callable[[], None] = lambda: None, address: str | None = None
) -> ApiClient:
    """Return a client with the stack's keys, of the API here or at another address, like http://gateway:8080."""
    where = urlsplit(address or settings.api_address)
    return ApiClient(where.hostname or "127.0.0.1", where.port or 80, _keys(settings), revive)


def _keys(settings: Settings) -> dict[str, str]:
    """Return the stack's keys by scope."""
    return {
        name.removesuffix(".key"): (settings.api_keys_dir / name).read_text().strip() for name in layout.KEYS
    }
