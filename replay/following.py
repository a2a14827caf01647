"""A replay waits for the workers of the API to serve a new champion: each follows by itself, in its own time."""

import http.client
import urllib.error
import urllib.request

from adapters.settings import Settings
from adapters.waiting import wait_until

FOLLOW_SECONDS = 15.0
"""Workers look every second, and load a version once; one that they refuse they never serve, and the replay goes on."""
PAUSE_SECONDS = 0.05
ANSWER_SECONDS = 5.0
VERSION = "ontime_model_version{"


def wait_for_workers(settings: Settings, champion: int | None, seconds: float = FOLLOW_SECONDS) -> bool:
    """Wait until every worker of the API serves the champion; return whether all do.

    At once where the API does not show its metrics, as behind the gateway.
    """
    return wait_until(lambda: versions(settings.api_address) <= {champion}, seconds, PAUSE_SECONDS)


def versions(address: str) -> set[int | None]:
    """Return the versions that the workers of an API serve, as its metrics say."""
    # As `adapters.asking`, without the proxy that the environment may name; the answer is no JSON.
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(f"{address}/metrics", timeout=ANSWER_SECONDS) as answer:
            lines = answer.read().decode().splitlines()
    except (OSError, urllib.error.HTTPError, http.client.HTTPException):
        return set()
    return {int(float(line.split()[-1])) for line in lines if line.startswith(VERSION)}
