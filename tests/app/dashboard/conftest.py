"""The dashboard over the API's worlds."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from adapters.postgres import Database
from adapters.postgres_admin import drop_database
from deploy.native.embedded_postgres import EmbeddedPostgres
from tests.app import worlds
from tests.app.dashboard.browsing import sign_in
from tests.app.dashboard.filled import fill, keep_report
from tests.app.worlds import Api
from tests.conftest import settings_for


@pytest.fixture
def signed_out(api: Api) -> Api:
    """The module's API, with a browser of this test's own."""
    return replace(api, client=api.app.test_client())


@contextmanager
def with_history(database: Database, state_dir: Path, trees: str, days: int) -> Iterator[Api]:
    """The API of a database that is filled with so many days of history, ready."""
    settings = settings_for(database, state_dir)
    fill(database, days)
    worlds.keep_in_cache(settings, trees, 2)
    worlds.keep_in_cache(settings, trees, 1, intercept=-0.1)
    (settings.model_cache_dir / "last_served").write_text("2")
    keep_report(settings)
    with worlds.serving(database, settings) as api:
        worlds.look(api)
        yield api


@pytest.fixture(scope="module")
def history(
    request: pytest.FixtureRequest,
    fresh_database: Callable[[], Database],
    postgres_server: EmbeddedPostgres,
    tmp_path_factory: pytest.TempPathFactory,
    trees: str,
) -> Iterator[Api]:
    """A module's own API with as many days of history as the module's DAYS_OF_HISTORY says."""
    database = fresh_database()
    with with_history(
        database, tmp_path_factory.mktemp("state"), trees, request.module.DAYS_OF_HISTORY
    ) as api:
        yield api
    database.close()
    drop_database(postgres_server.parameters, database.parameters.database)


@pytest.fixture
def reader(signed_out: Api) -> Api:
    """A browser that is signed in to look."""
    sign_in(signed_out, "predict")
    return signed_out


@pytest.fixture
def operator(own_api: Api) -> Api:
    """A stack of this test's own, and a browser that is signed in to change it."""
    worlds.look(own_api)
    sign_in(own_api)
    return own_api
