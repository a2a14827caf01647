"""A request to a server of the stack, as the smoke test, a trial and the probes make it. Needs no library."""

import http.client
import json
import urllib.error
import urllib.request
from base64 import b64encode
from typing import Any

NO_ANSWER = 0
"""Stands for the status where there is none."""
SECONDS = 20.0


def ask(
    address: str, body: Any = None, key: str = "", seconds: float = SECONDS, login: str | None = None
) -> tuple[int, Any]:
    """Send a GET, or a POST where there is a body.

    Parameters
    ----------
    body : object, optional
        Sent as JSON.
    key : str
        Of the API.
    seconds : float
        How long to wait for the answer.
    login : str, optional
        User and password of MLflow or Prefect, with a colon between them.

    Returns
    -------
    status : int
        `NO_ANSWER` where nobody answers, or with success and no JSON.
    body : object
        What the JSON of the answer says, the text of a refusal that has none, or why there is no answer.
    """
    data = None if body is None else json.dumps(body).encode()
    presented = f"Basic {b64encode(login.encode()).decode()}" if login else f"Bearer {key}" if key else ""
    headers = {"Content-Type": "application/json"} | ({"Authorization": presented} if presented else {})
    request = urllib.request.Request(address, data, headers)  # noqa: S310  an address of the stack's
    # The stack's own servers are asked without the proxy that the environment may name.
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(request, timeout=seconds) as answer:
            return answer.status, json.loads(answer.read())
    except urllib.error.HTTPError as error:
        with error:
            return error.code, _content(error.read())
    except (OSError, http.client.HTTPException, ValueError) as error:
        return NO_ANSWER, str(error)


def _content(answer: bytes) -> Any:
    try:
        return json.loads(answer)
    except ValueError:
        return answer.decode(errors="replace")
