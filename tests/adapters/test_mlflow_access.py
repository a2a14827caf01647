"""Nobody is let through to MLflow's server without the login, whatever the route; with real servers: tests/e2e."""

import asyncio
import re
import warnings
from collections.abc import Coroutine, Iterable
from concurrent.futures import ThreadPoolExecutor
from importlib.metadata import entry_points
from typing import Any

import httpx
import pytest

from adapters import mlflow_access

LOGIN = "ontime:a password"
RIGHT = "Basic b250aW1lOmEgcGFzc3dvcmQ="
STRANGERS = {
    "nobody": {},
    "another password": {"Authorization": "Basic b250aW1lOmFub3RoZXI="},
    "another user": {"Authorization": "Basic YWRtaW46YSBwYXNzd29yZA=="},
    "no password": {"Authorization": "Basic b250aW1lOg=="},
    "a key of the API": {"Authorization": "Bearer b250aW1lOmEgcGFzc3dvcmQ="},
    "nonsense": {"Authorization": "Basic"},
}


@pytest.fixture(scope="module")
def application():
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(mlflow_access.LOGIN, LOGIN)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of MLflow's imports
            made = mlflow_access.create_app()
        yield made


Asked = tuple[str, str, dict[str, str] | list[tuple[str, str]]]


def answers(application, asked: Iterable[Asked]) -> list[httpx.Response]:
    """What the application answers to methods and paths with their headers."""

    async def ask_all() -> list[httpx.Response]:
        transport = httpx.ASGITransport(app=application, raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
            return [await client.request(method, path, headers=headers) for method, path, headers in asked]

    return run(ask_all())


def run(coroutine: Coroutine[Any, Any, Any]) -> Any:
    """Run it to its end, in a thread of its own: a browser's tests leave a loop running in this one."""
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(asyncio.run, coroutine).result()


def routes() -> set[tuple[str, str]]:
    """Every route of MLflow's server, with something in the place of its parameters."""
    from mlflow.server import app as flask_app
    from mlflow.server.fastapi_app import app as fastapi_app

    found = {(method, rule.rule) for rule in flask_app.url_map.iter_rules() for method in rule.methods or ()}
    found |= {
        (method, route.path) for route in fastapi_app.routes for method in getattr(route, "methods", ()) or ()
    }
    return {(method, re.sub(r"<[^>]+>|\{[^}]+\}", "x", path)) for method, path in found}


@pytest.mark.parametrize("headers", STRANGERS.values(), ids=STRANGERS)
def test_no_route_answers_a_stranger(application, headers):
    asked = routes()
    assert {("GET", "/health"), ("POST", "/api/2.0/mlflow/registered-models/alias")} <= asked
    assert len(asked) > 150
    found = answers(application, [(method, path, headers) for method, path in asked])
    assert {answer.status_code for answer in found} == {401}
    assert {answer.headers["WWW-Authenticate"] for answer in found} == {'Basic realm="MLflow"'}


def test_two_logins_in_one_request_are_none(application):
    [answer] = answers(application, [("GET", "/health", [("Authorization", RIGHT)] * 2)])
    assert answer.status_code == 401


@pytest.mark.parametrize("kind", ["Basic", "basic"])
def test_the_login_opens_the_server(application, kind):
    login = {"Authorization": RIGHT.replace("Basic", kind)}
    health, version = answers(application, [("GET", "/health", login), ("GET", "/version", login)])
    assert health.text == "OK"
    assert version.is_success


def test_a_socket_is_closed_to_a_stranger(application):
    sent: list[dict] = []

    async def send(message):
        sent.append(message)

    run(application({"type": "websocket", "path": "/", "headers": []}, None, send))
    assert sent == [{"type": "websocket.close", "code": mlflow_access.POLICY_VIOLATION}]


@pytest.mark.parametrize("login", ["", "ontime", "ontime:"])
def test_without_a_password_the_server_does_not_start(monkeypatch, login):
    monkeypatch.setenv(mlflow_access.LOGIN, login)
    with pytest.raises(RuntimeError, match="expected a user, a colon and a password"):
        mlflow_access.create_app()


def test_mlflow_finds_it_by_its_name():
    [found] = entry_points(group="mlflow.app", name="ontime")
    assert found.load() is mlflow_access.create_app
