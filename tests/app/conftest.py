"""The API over real parts: PostgreSQL, a small real model, and MLflow where a test needs it."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from adapters.postgres import Database
from adapters.postgres_admin import drop_database
from adapters.settings import Settings
from deploy.native.embedded_postgres import EmbeddedPostgres
from tests.app import worlds
from tests.app.worlds import Api
from tests.builders import NOON
from tests.conftest import settings_for


@pytest.fixture(scope="session")
def trees() -> str:
    """A small text model over the catalogue's features."""
    return worlds.trees()


@pytest.fixture(scope="module")
def world(
    fresh_database: Callable[[], Database],
    postgres_server: EmbeddedPostgres,
    tmp_path_factory: pytest.TempPathFactory,
    trees: str,
) -> Iterator[tuple[Database, Settings]]:
    """A module's own database with a busy morning, and settings whose model cache holds version 1."""
    database = fresh_database()
    settings = settings_for(database, tmp_path_factory.mktemp("state"))
    worlds.busy_morning(database)
    worlds.refresh_at(database, *worlds.ticks_before(10))
    worlds.keep_in_cache(settings, trees, 1)
    (settings.model_cache_dir / "last_served").write_text("1")
    yield database, settings
    database.close()
    drop_database(postgres_server.parameters, database.parameters.database)


@pytest.fixture(scope="module")
def api(world: tuple[Database, Settings]) -> Iterator[Api]:
    """The API of `world`, ready; for tests that leave the database as it is."""
    with worlds.serving(*world) as api:
        worlds.look(api)
        yield api


@pytest.fixture
def own_settings(postgres: Database, tmp_path: Path, trees: str) -> Settings:
    """Settings of a stack of this test's own, whose model cache holds version 1."""
    settings = settings_for(postgres, tmp_path)
    worlds.keep_in_cache(settings, trees, 1)
    (settings.model_cache_dir / "last_served").write_text("1")
    return settings


@pytest.fixture
def own_api(postgres: Database, own_settings: Settings) -> Iterator[Api]:
    """The API of a stack of this test's own, ready; the test may change whatever it likes."""
    worlds.busy_morning(postgres)
    worlds.refresh_at(postgres, NOON)
    with worlds.serving(postgres, own_settings) as api:
        worlds.look(api)
        yield api
