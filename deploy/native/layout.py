"""Where a native stack keeps its state, its secrets, and the environment its processes run in."""

import os
import sys
from collections.abc import Mapping
from pathlib import Path

from adapters import threads
from adapters.postgres_admin import ROLES
from adapters.settings import PREFIX, PROJECT_ROOT, Settings
from deploy.secret_files import KEY_PREFIXES, add_public_key, is_there, make_missing
from domain.errors import ConfigurationError

MARK = "STACK_OF_ONTIME"
"""Every process of a stack carries it: so that whatever is left of a stack can be found.

No setting: what somebody exports in a shell is carried by their editor as well."""
TRACES = "OTEL_"
"""How OpenTelemetry's variables begin: they name the collector, see `adapters.telemetry`."""
OF_THE_MACHINE = ("TMPDIR", "LD_LIBRARY_PATH", "SSL_CERT_FILE")
"""Variables of the caller that every process takes over and that can keep it from working."""
NO_ENGINE = "unix:///nonexistent"
PORT_SETTINGS = ("postgres_port", "mlflow_port", "prefect_port", "api_port", "supervisor_port")
SHARED_SETTINGS = ("log_level", "git_commit", "api_workers", "home_airport")
"""Those a stack beside another takes over from it. It must reach nobody's data, inbox or telephone."""
KEYS = {
    "predict.key": ("predict",),
    "ingest.key": ("ingest",),
    "admin.key": ("predict", "ingest", "admin"),
}


def make_folders(settings: Settings) -> None:
    """Make the state's folders where they are missing."""
    for name in ("log", "run", "cache", "mlflow", "prefect", "data"):
        (settings.state_dir / name).mkdir(parents=True, exist_ok=True)
    for folder in (settings.spool_dir, settings.model_cache_dir, settings.reports_dir):
        folder.mkdir(parents=True, exist_ok=True)


def variables_beside(settings: Settings, folder: Path, ports_above: int) -> dict[str, str]:
    """Return the settings of another stack of this checkout: state in `folder`, each port that much higher."""
    values = {name: getattr(settings, name) + ports_above for name in PORT_SETTINGS}
    values |= {name: getattr(settings, name) for name in SHARED_SETTINGS}
    values |= {"state_dir": folder, "inbox_dir": folder / "inbox"}
    return {f"{PREFIX}{name.upper()}": str(value) for name, value in values.items()}


def make_secrets(settings: Settings) -> None:
    """Make the secrets that are missing, each a random file only its owner can read.

    Raises
    ------
    ConfigurationError
        If one is missing that the state was made with, or the folder cannot be used.
    """
    _require_secrets_of_the_state(settings)
    try:
        _make_missing(settings)
    except OSError as error:
        raise ConfigurationError(
            f"ONTIME_API_KEYS_DIR: cannot keep secrets in {settings.api_keys_dir}: {error}"
        ) from error


def _require_secrets_of_the_state(settings: Settings) -> None:
    """Refuse to replace what PostgreSQL's data and the signed models can only be opened with."""
    for name, part in (("postgres_password_file", "postgres"), ("signing_key_file", "mlflow")):
        file: Path = getattr(settings, name)
        folder = settings.state_dir / part
        if folder.exists() and any(folder.iterdir()) and not is_there(file):
            raise ConfigurationError(
                f"{PREFIX}{name.upper()}: {file} is gone, and {folder} can be used with no other: "
                "put it back, or forget that state with `ontime clean`"
            )


def _make_missing(settings: Settings) -> None:
    prefixes = {settings.postgres_password_file: "", settings.signing_key_file: ""}
    prefixes |= {settings.api_keys_dir / name: prefix for name, prefix in KEY_PREFIXES.items()}
    prefixes |= {settings.api_keys_dir / name: "" for name in ROLES.values()}
    prefixes |= dict.fromkeys((settings.mlflow_password_file, settings.prefect_password_file), "")
    prefixes[supervisor_password_file(settings)] = ""
    make_missing(settings.api_keys_dir, prefixes)
    add_public_key(settings.signing_key_file, settings.public_keys_file)


def supervisor_password_file(settings: Settings) -> Path:
    """Return the file with the password of the process manager."""
    return settings.state_dir / "secrets" / "supervisor_password"


def environment(settings: Settings) -> dict[str, str]:
    """Return the environment of every process of the stack: nothing is sent outside, nothing is written outside."""
    state = settings.state_dir
    own = {name: value for name, value in os.environ.items() if name.startswith((PREFIX, TRACES))}
    return {
        **_inherited(),
        **own,
        MARK: str(state),
        f"{PREFIX}STATE_DIR": str(state),
        "PYTHONPATH": str(PROJECT_ROOT),
        "PYTHONUNBUFFERED": "1",
        **threads.CALM,
        "XDG_CACHE_HOME": str(state / "cache"),
        "MPLCONFIGDIR": str(state / "cache" / "matplotlib"),
        "MLFLOW_TRACKING_URI": settings.mlflow_address,
        "MLFLOW_DISABLE_TELEMETRY": "true",
        "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",
        "DO_NOT_TRACK": "1",
        "DOCKER_HOST": NO_ENGINE,  # MLflow asks a Docker daemon at every start where it finds one
        **({"PREFECT_API_AUTH_STRING": settings.prefect_auth} if settings.prefect_auth else {}),
        "PREFECT_HOME": str(state / "prefect"),
        "PREFECT_API_URL": settings.prefect_address,
        "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
        "PREFECT_SERVER_SERVICES_DB_VACUUM_ENABLED": "events,flow_runs",  # runs are kept for good by default
        "PREFECT_LOGGING_LEVEL": "WARNING",
        "PREFECT_WORKER_QUERY_SECONDS": "1",  # by default a run waits up to ten seconds for its worker
    }


def changed(before: Mapping[str, str], now: Mapping[str, str]) -> list[str]:
    """Return the variables that change what a stack does and have another value now than before."""
    names = {name for name in {*before, *now} if name.startswith((PREFIX, TRACES)) or name in OF_THE_MACHINE}
    return sorted(name for name in names if before.get(name) != now.get(name))


def _inherited() -> dict[str, str]:
    names = ("HOME", "LANG", "LC_ALL", "PATH", "TERM", "USER", *OF_THE_MACHINE)
    kept = {name: os.environ[name] for name in names if name in os.environ}
    # The environment's own programs first, whether or not a shell has activated it.
    kept["PATH"] = f"{Path(sys.executable).parent}:{kept.get('PATH', '/usr/bin:/bin')}"
    return kept
