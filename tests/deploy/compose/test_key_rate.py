"""The gateway's limit of a key's requests, in the nginx that Compose runs; refusing needs no replica of the API."""

import json
import subprocess
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from urllib.error import HTTPError, URLError
from urllib.request import Request, urlopen

import pytest

from adapters.settings import PROJECT_ROOT
from tests.session import free_port

pytestmark = pytest.mark.stack
IMAGE = "nginx:1.28"


@pytest.fixture
def gateway(request: pytest.FixtureRequest) -> Iterator[str]:
    """The address of a gateway whose KEY_RATE is the test's parameter."""
    port, name = free_port(), f"ontime-key-rate-{free_port()}"
    command = [
        "docker", "run", "--detach", "--name", name, "--env", f"KEY_RATE={request.param}", "--tmpfs", "/tmp",
        "--publish", f"127.0.0.1:{port}:8080", "--volume", f"{PROJECT_ROOT}/deploy/images/nginx:/etc/ontime:ro",
        "--entrypoint", "sh", IMAGE, "/etc/ontime/start.sh",
    ]  # fmt: skip
    subprocess.run(command, check=True, capture_output=True)
    try:
        yield f"http://127.0.0.1:{port}/v1/predictions"
    finally:
        subprocess.run(["docker", "rm", "--force", name], check=True, capture_output=True)


def ask(address: str, key: str) -> tuple[int, str | None, bytes]:
    """Status, Retry-After and body of an answer to a key; waits while nginx starts."""
    headers = {"Authorization": f"Bearer {key}"} if key else {}
    for _ in range(100):
        try:
            with urlopen(Request(address, b"{}", headers), timeout=10) as answer:
                return answer.status, None, answer.read()
        except HTTPError as error:
            with error:
                return error.code, error.headers["Retry-After"], error.read()
        except (URLError, ConnectionError):
            time.sleep(0.1)
    raise AssertionError("the gateway does not start")


def ask_at_once(address: str, key: str, times: int) -> list[tuple[int, str | None, bytes]]:
    """Answers to requests of a key that come together: without a replica each takes seconds."""
    with ThreadPoolExecutor(times) as pool:
        return list(pool.map(lambda _: ask(address, key), range(times)))


@pytest.mark.parametrize("gateway", ["2"], indirect=True)
def test_a_key_that_asks_too_often_is_refused_and_others_are_not(gateway):
    ask(gateway, "")
    answers = ask_at_once(gateway, "busy", 20)
    refused = [answer for answer in answers if answer[0] == 429]
    assert len(refused) >= 10
    for _, retry_after, body in refused:
        assert retry_after == "1"
        assert json.loads(body)["status"] == 429
    assert ask(gateway, "another")[0] == 503
    assert ask(gateway, "")[0] == 503


@pytest.mark.parametrize("gateway", [""], indirect=True)
def test_without_a_rate_no_key_is_limited(gateway):
    assert {status for status, _, _ in ask_at_once(gateway, "busy", 20)} == {503}
