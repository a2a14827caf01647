import stat
import subprocess
import sys
from dataclasses import replace

import pytest

from adapters.api_keys import KEY_FORM
from adapters.settings import Settings, read_settings
from deploy.native import layout
from domain.errors import ConfigurationError
from tests.compose_secrets import make_compose_secrets


@pytest.fixture
def settings(tmp_path) -> Settings:
    return read_settings({"ONTIME_STATE_DIR": str(tmp_path / "state")})


def secret_files(settings: Settings) -> list:
    return sorted(path for path in (settings.state_dir / "secrets").iterdir())


def test_the_first_start_makes_every_secret_for_its_owner_alone(settings):
    layout.make_secrets(settings)
    files = secret_files(settings)
    assert [path.name for path in files] == [
        "admin.key", "ingest.key", "mlflow_password", "model_public_keys", "model_signing_key",
        "postgres_api_password", "postgres_monitoring_password", "postgres_password", "predict.key",
        "prefect_api_password", "supervisor_password",
    ]  # fmt: skip
    assert {stat.S_IMODE(path.stat().st_mode) for path in files} == {0o600}
    assert stat.S_IMODE((settings.state_dir / "secrets").stat().st_mode) == 0o700
    assert len({path.read_text() for path in files}) == len(files)


def test_the_next_start_keeps_every_secret(settings):
    layout.make_secrets(settings)
    first = {path: path.read_text() for path in secret_files(settings)}
    (settings.state_dir / "secrets" / "ingest.key").unlink()
    layout.make_secrets(settings)
    second = {path: path.read_text() for path in secret_files(settings)}
    changed = {path.name for path in first if first[path] != second[path]}
    assert changed == {"ingest.key"}


def test_an_empty_secret_is_as_good_as_a_missing_one(settings):
    layout.make_secrets(settings)
    settings.postgres_password_file.write_text("")
    layout.make_secrets(settings)
    assert settings.postgres_password


@pytest.mark.parametrize(
    ("part", "secret"), [("postgres", "postgres_password"), ("mlflow", "model_signing_key")]
)
def test_a_secret_that_the_state_was_made_with_is_missed_and_not_replaced(settings, part, secret):
    layout.make_secrets(settings)
    (settings.state_dir / part).mkdir()
    (settings.state_dir / part / "something").touch()
    layout.make_secrets(settings)
    (settings.state_dir / "secrets" / secret).unlink()
    with pytest.raises(
        ConfigurationError, match=rf"_FILE: .*{secret} is gone, and .*{part} can be used with no"
    ):
        layout.make_secrets(settings)
    assert not (settings.state_dir / "secrets" / secret).exists()


def test_compose_takes_the_secrets_of_a_native_stack_and_can_read_them_as_another_user(settings):
    layout.make_secrets(settings)
    before = {path.name: path.read_text() for path in secret_files(settings)}
    make_compose_secrets(settings.state_dir / "secrets")
    after = {path.name: path.read_text() for path in secret_files(settings)}
    assert {name: after[name] for name in before} == before
    mounted = [path for path in secret_files(settings) if path.name != "supervisor_password"]
    assert {stat.S_IMODE(path.stat().st_mode) for path in mounted} == {0o444}


def test_a_native_stack_takes_the_secrets_of_compose(settings):
    make_compose_secrets(settings.state_dir / "secrets")
    before = {path.name: path.read_text() for path in secret_files(settings)}
    layout.make_secrets(settings)
    after = {path.name: path.read_text() for path in secret_files(settings)}
    assert set(after) - set(before) == {"supervisor_password"}
    assert {name: after[name] for name in before} == before
    assert settings.signing_key.decode() == before["model_signing_key"]


def test_the_keys_of_the_api_have_the_form_it_takes(settings):
    layout.make_secrets(settings)
    for name in layout.KEYS:
        assert KEY_FORM.fullmatch((settings.api_keys_dir / name).read_text().strip())


def test_a_key_is_named_after_the_scope_it_carries_and_no_other():
    assert layout.KEYS["predict.key"] == ("predict",)
    assert layout.KEYS["ingest.key"] == ("ingest",)


def test_everything_that_tools_write_is_under_the_state_folder(settings):
    variables = layout.environment(settings)
    for name in ("XDG_CACHE_HOME", "MPLCONFIGDIR", "PREFECT_HOME"):
        assert variables[name].startswith(f"{settings.state_dir}/"), name


def test_only_the_api_counts_in_the_folder_of_its_workers(settings):
    """MLflow and Prefect use the same library: they would stop where the folder is missing, and count along."""
    assert "PROMETHEUS_MULTIPROC_DIR" not in layout.environment(settings)


def test_no_tool_reports_to_its_makers(settings):
    variables = layout.environment(settings)
    assert variables["MLFLOW_DISABLE_TELEMETRY"] == "true"
    assert variables["PREFECT_SERVER_ANALYTICS_ENABLED"] == "false"
    assert variables["DO_NOT_TRACK"] == "1"


def test_the_callers_settings_reach_the_stack_and_the_rest_of_its_environment_does_not(settings, monkeypatch):
    monkeypatch.setenv("ONTIME_LOG_LEVEL", "DEBUG")
    monkeypatch.setenv("PGHOST", "elsewhere.example")
    monkeypatch.setenv("PREFECT_API_URL", "http://elsewhere.example/api")
    variables = layout.environment(settings)
    assert variables["ONTIME_LOG_LEVEL"] == "DEBUG"
    assert "PGHOST" not in variables
    assert variables["PREFECT_API_URL"] == settings.prefect_address


def test_the_callers_collector_of_traces_reaches_the_stack(settings, monkeypatch):
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:4318")
    monkeypatch.setenv("OTEL_RESOURCE_ATTRIBUTES", "deployment.environment.name=production")
    variables = layout.environment(settings)
    assert variables["OTEL_EXPORTER_OTLP_ENDPOINT"] == "http://127.0.0.1:4318"
    assert variables["OTEL_RESOURCE_ATTRIBUTES"] == "deployment.environment.name=production"


def test_a_part_that_runs_elsewhere_is_asked_there(settings):
    elsewhere = replace(settings, mlflow_url="http://mlflow.example:5000")
    assert layout.environment(elsewhere)["MLFLOW_TRACKING_URI"] == "http://mlflow.example:5000"


def test_no_thread_of_a_process_of_the_stack_spins_beside_another(settings):
    count = "import numpy, scipy.linalg, threadpoolctl as t; print({p['num_threads'] for p in t.threadpool_info()})"
    done = subprocess.run(
        [sys.executable, "-c", count],
        env=layout.environment(settings),
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == "{1}\n"
