from collections.abc import Iterator
from dataclasses import replace

import pytest

from flows import parts as flow_parts
from flows.parts import Parts, make_parts
from tests.session import needed


@pytest.fixture(scope="session")
def prefect_server(request) -> Iterator[None]:
    """A real Prefect server with a database of its own, once a session: it takes ten seconds to start."""
    # Imported here: it brings the server along, which the workers that run other tests need not load.
    from prefect.testing.utilities import prefect_test_harness

    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PREFECT_SERVER_ANALYTICS_ENABLED", "false")
        patch.setenv("DO_NOT_TRACK", "1")
        # One transaction for some states of task runs, not one for each.
        patch.setenv("PREFECT_SERVER_SERVICES_TASK_RUN_RECORDER_BATCH_SIZE", "50")
        patch.setenv("PREFECT_SERVER_SERVICES_TASK_RUN_RECORDER_FLUSH_INTERVAL", "1")
        with needed(request.session, "Prefect"), prefect_test_harness(server_startup_timeout=300):
            yield


@pytest.fixture
def stack(prefect_server, stack_settings, mlflow_address, monkeypatch) -> Iterator[Parts]:
    """The flows' parts over this test's database, a real MLflow and a model name of its own."""
    own = make_parts(
        replace(stack_settings, mlflow_url=mlflow_address, model_name=stack_settings.postgres_database)
    )
    flow_parts.parts.cache_clear()
    monkeypatch.setattr(flow_parts, "make_parts", lambda settings: own)
    yield own
    flow_parts.parts.cache_clear()
    own.database.close()
