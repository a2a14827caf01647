"""Requests to the servers of others over HTTP: MLflow, Prefect, GitLab."""

import os
from typing import Any
from urllib.parse import urlsplit

import requests

from domain.errors import NotReady

Timeout = float | tuple[float, float]
"""Seconds to connect and to wait for the answer; one number is both."""


NO_PROXY = ("no_proxy", "NO_PROXY")
"""Read by every client of HTTP here, the first before the second."""


def reach_directly(address: str) -> None:
    """Have this process and those it starts ask a server of the stack without the proxy that a shell may name.

    MLflow's and Prefect's own clients take what concerns proxies from nowhere but the environment.
    """
    named = next((os.environ[name] for name in NO_PROXY if os.environ.get(name)), "")
    hosts = [host.strip() for host in named.split(",") if host.strip()]
    host = urlsplit(address).hostname
    if host and not {host, "*"} & set(hosts):
        hosts.append(host)
    os.environ.update(dict.fromkeys(NO_PROXY, ",".join(hosts)))


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
