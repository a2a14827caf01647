"""Requests to the servers of others over HTTP: MLflow, Prefect, GitLab."""

from typing import Any

import requests

from domain.errors import NotReady

Timeout = float | tuple[float, float]
"""Seconds to connect and to wait for the answer; one number is both."""


class RestServer:
    """One server; no answer is `NotReady`, any answer is the caller's to read.

    Parameters
    ----------
    name : str
        What messages call it.
    address : str
        What every path begins with.
    login : str, optional
        User and password with a colon between them, sent with every request.
    """

    def __init__(self, name: str, address: str, timeout: Timeout, login: str | None = None):
        self.name = name
        self._address = address.rstrip("/")
        self._timeout = timeout
        user, _, password = (login or "").partition(":")
        self._login = (user, password) if login else None

    def ask(self, method: str, path: str, **content: Any) -> requests.Response:
        """Send a request; `content` as `requests.request` takes it: params, json, data, allow_redirects.

        Raises
        ------
        NotReady
            If there is no answer in time.
        """
        try:
            return requests.request(
                method, f"{self._address}/{path}", timeout=self._timeout, auth=self._login, **content
            )
        except requests.RequestException as error:
            # What the library says beside is the address in other words, five times over. Clients read up to the colon.
            raise NotReady(
                f"{self.name} is not reachable: {type(error).__name__} at {self._address}"
            ) from error
