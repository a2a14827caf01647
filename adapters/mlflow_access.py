"""MLflow's server behind a password: `mlflow server --app-name ontime` asks for one, whatever the route.

MLflow's own application `basic-auth` keeps users in a database of its own and hashes a password slowly at every
request, and each worker of the API asks once a second. Here are one user and one random password, compared as they
are. The image of MLflow's server holds this module and nothing else of ours: the login comes in a variable of that one
process, like that of Prefect's server.
"""

import base64
import hmac
import os
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

LOGIN = "MLFLOW_SERVER_AUTH_STRING"
"""Variable with user and password, a colon between them."""
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Application = Callable[[Message, Receive, Send], Awaitable[None]]
REFUSAL: Message = {
    "type": "http.response.start",
    "status": 401,
    "headers": [(b"www-authenticate", b'Basic realm="MLflow"'), (b"content-type", b"text/plain")],
}
POLICY_VIOLATION = 1008


class PasswordRequired:
    """An ASGI application that lets nobody through to another one without the login."""

    def __init__(self, application: Application, login: str):
        self._application = application
        self._expected = base64.b64encode(login.encode())

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """Pass a request on, or refuse it."""
        if scope["type"] == "lifespan" or self._may_enter(scope):
            await self._application(scope, receive, send)
        elif scope["type"] == "http":
            await send(REFUSAL)
            await send({"type": "http.response.body", "body": b"MLflow asks for a user and a password\n"})
        else:
            await send({"type": "websocket.close", "code": POLICY_VIOLATION})

    def _may_enter(self, scope: Message) -> bool:
        presented = [value for name, value in scope["headers"] if name == b"authorization"]
        kind, _, login = presented[0].partition(b" ") if len(presented) == 1 else (b"", b"", b"")
        return kind.lower() == b"basic" and hmac.compare_digest(login.strip(), self._expected)


def create_app() -> PasswordRequired:
    """Return MLflow's server behind the password of the environment.

    Raises
    ------
    RuntimeError
        If there is none.
    """
    login = os.environ.get(LOGIN, "")
    if not login.partition(":")[2]:
        raise RuntimeError(f"{LOGIN}: expected a user, a colon and a password")
    from mlflow.server.fastapi_app import app

    return PasswordRequired(app, login)
