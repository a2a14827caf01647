"""None of the stack's servers answers what it is asked without the login that it asks for."""

from collections.abc import Callable

import pytest
import requests

from adapters.settings import Settings
from tests.e2e.conftest import World

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(1200)]
MLFLOW = ("/health", "/version", "/", "/api/2.0/mlflow/experiments/search", "/api/2.0/mlflow/registered-models/search",
          "/api/2.0/mlflow-artifacts/artifacts", "/ajax-api/2.0/mlflow/runs/search", "/server-info")  # fmt: skip
PREFECT = ("/work_pools/ontime", "/work_pools/ontime/workers/filter", "/flow_runs/filter", "/deployments/filter",
           "/admin/settings", "/admin/version", "/variables/name/x-health", "/csrf-token?client=x")  # fmt: skip
PREFECT_OPEN = ("/health", "/ready")
"""They say that it runs, and nothing else."""
OTHERS = "that of the other server"
CREDENTIALS: dict[str, Callable[[Settings], dict[str, object]]] = {
    "none": lambda settings: {},
    "another password": lambda settings: {"auth": ("ontime", "another")},
    "a key of the API": lambda settings: {
        "headers": {"Authorization": f"Bearer {(settings.api_keys_dir / 'admin.key').read_text().strip()}"}
    },
}


def login(auth: str | None) -> tuple[str, str]:
    user, _, password = (auth or "").partition(":")
    assert password
    return user, password


def statuses(address: str, paths: tuple[str, ...], **options: object) -> set[int]:
    """Of every path, asked by each method that reads or writes."""
    return {
        requests.request(method, f"{address}{path}", timeout=30, **options).status_code
        for path in paths
        for method in ("GET", "POST", "DELETE")
    }


@pytest.mark.parametrize("credentials", [*CREDENTIALS, OTHERS])
@pytest.mark.parametrize("server", ["MLflow", "Prefect"])
def test_a_server_answers_nobody_without_its_login(world: World, server: str, credentials: str) -> None:
    own = world.settings
    servers = {
        "MLflow": (own.mlflow_address, MLFLOW, own.prefect_auth),
        "Prefect": (own.prefect_address, PREFECT, own.mlflow_auth),
    }
    address, paths, others = servers[server]
    options = {"auth": login(others)} if credentials == OTHERS else CREDENTIALS[credentials](own)
    assert statuses(address, paths, **options) == {401}


def test_each_answers_with_it(world: World) -> None:
    for address, auth, path in (
        (world.settings.mlflow_address, world.settings.mlflow_auth, "/version"),
        (world.settings.prefect_address, world.settings.prefect_auth, "/admin/version"),
    ):
        assert requests.get(f"{address}{path}", auth=login(auth), timeout=30).status_code == 200


def test_what_is_open_says_no_more_than_that_it_runs(world: World) -> None:
    said = [requests.get(f"{world.settings.prefect_address}{path}", timeout=30).text for path in PREFECT_OPEN]
    assert said == ["true", '{"message":"OK"}']


def test_a_host_that_is_not_the_servers_is_refused_even_with_the_login(world: World) -> None:
    answer = requests.get(
        f"{world.settings.mlflow_address}/api/2.0/mlflow/experiments/search?max_results=1",
        headers={"Host": "elsewhere.example"}, auth=login(world.settings.mlflow_auth), timeout=30,
    )  # fmt: skip
    assert answer.status_code == 403
