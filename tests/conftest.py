"""Fixtures all tests share: a real PostgreSQL for each worker, a fresh migrated database for each test."""

import secrets
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck
from hypothesis import settings as hypothesis_settings

from adapters.migrations import migrate
from adapters.postgres import Database
from adapters.postgres_admin import create_databases, drop_database
from adapters.settings import Settings, read_settings
from deploy.native.embedded_postgres import EmbeddedPostgres
from deploy.secret_files import add_public_key
from tests.session import DISCARD_PORT, alone, fast_folder, free_port, needed, session_folder

pytest_plugins = [
    "tests.order",
    "tests.needs",
    "tests.curl",
    "tests.mlflow_server",
    "tests.chromium",
    "tests.collector",
    "tests.dask_cluster",
]

TEMPLATE = "ontime_template"

# The same examples on every run, however busy the machine; `--hypothesis-profile=default` looks for new ones.
hypothesis_settings.register_profile(
    "repeatable", derandomize=True, deadline=None, database=None, suppress_health_check=[HealthCheck.too_slow]
)
hypothesis_settings.load_profile("repeatable")


@pytest.fixture
def free_port_number() -> int:
    """A loopback port for a test's own server."""
    return free_port()


@pytest.fixture
def own_server(tmp_path: Path, free_port_number: int) -> Iterator[EmbeddedPostgres]:
    """A PostgreSQL that a test may stop or kill, as durable as a stack's."""
    password = tmp_path / "password"
    password.write_text(secrets.token_urlsafe(24))
    with EmbeddedPostgres(tmp_path / "data", free_port_number, password, durable=True) as server:
        yield server


@pytest.fixture(scope="session")
def postgres_server(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[EmbeddedPostgres]:
    """The worker's server, with a template database that is migrated."""
    with ExitStack() as started:
        home = started.enter_context(fast_folder(tmp_path_factory.mktemp("postgres")))
        password_file = home / "password"
        password_file.write_text(secrets.token_urlsafe(24))
        with needed(request.session, "PostgreSQL"):
            server = started.enter_context(EmbeddedPostgres(home / "data", free_port(), password_file))
            create_databases(server.parameters, [TEMPLATE])
            template = Database(server.parameters.to_database(TEMPLATE))
            migrate(template)
            template.close()
        yield server


@pytest.fixture(scope="session")
def dataset_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder where the dataset is cleaned once for all workers; to be read only."""
    # Imported here: a run of a few tests need not wait for pandas.
    from data.dataset import load_dataset

    folder = session_folder(tmp_path_factory)
    with alone(folder / "dataset"):
        load_dataset(folder / "data")
    return folder / "data"


@pytest.fixture(scope="session")
def fresh_database(postgres_server: EmbeddedPostgres) -> Callable[[], Database]:
    """Makes migrated databases; for fixtures that live longer than a test. The caller closes and forgets them."""

    def make() -> Database:
        name = f"test_{secrets.token_hex(6)}"
        create_databases(postgres_server.parameters, [name], template=TEMPLATE)
        return Database(postgres_server.parameters.to_database(name))

    return make


@pytest.fixture
def postgres(fresh_database: Callable[[], Database], postgres_server: EmbeddedPostgres) -> Iterator[Database]:
    """A migrated database of this test's own."""
    database = fresh_database()
    yield database
    database.close()
    drop_database(postgres_server.parameters, database.parameters.database)


@pytest.fixture
def stack_settings(postgres: Database, tmp_path: Path) -> Settings:
    """The settings of a stack whose state is in `tmp_path` and whose database is `postgres`."""
    return settings_for(postgres, tmp_path)


def settings_for(database: Database, state_dir: Path) -> Settings:
    """Settings whose state is in `state_dir` and whose database is `database`."""
    where = database.parameters
    secrets_dir = state_dir / "secrets"
    secrets_dir.mkdir(parents=True, exist_ok=True)
    (secrets_dir / "postgres_password").write_text(where.password)
    (secrets_dir / "model_signing_key").write_text(secrets.token_urlsafe(32))
    add_public_key(secrets_dir / "model_signing_key", secrets_dir / "model_public_keys")
    return replace(
        read_settings({"ONTIME_STATE_DIR": str(state_dir)}),
        inbox_dir=state_dir / "inbox",
        api_port=DISCARD_PORT,
        mlflow_port=DISCARD_PORT,
        prefect_port=DISCARD_PORT,
        postgres_host=where.host,
        postgres_port=where.port,
        postgres_user=where.user,
        postgres_database=where.database,
    )


def environment_for(database: Database, state_dir: Path) -> dict[str, str]:
    """The environment of a subprocess that runs on the settings of `settings_for`."""
    settings = settings_for(database, state_dir)
    return {
        "ONTIME_STATE_DIR": str(state_dir),
        "ONTIME_INBOX_DIR": str(settings.inbox_dir),
        **{f"ONTIME_{name}_PORT": str(DISCARD_PORT) for name in ("API", "MLFLOW", "PREFECT")},
        "ONTIME_POSTGRES_HOST": settings.postgres_host,
        "ONTIME_POSTGRES_PORT": str(settings.postgres_port),
        "ONTIME_POSTGRES_USER": settings.postgres_user,
        "ONTIME_POSTGRES_DATABASE": settings.postgres_database,
    }


@pytest.fixture
def stack_environment(postgres: Database, tmp_path: Path) -> dict[str, str]:
    """The environment of a subprocess of the stack of `stack_settings`."""
    return environment_for(postgres, tmp_path)
