"""Every setting, read from the environment in this one place.

A setting NAME is read from the variable ONTIME_NAME. Secrets are files, never values.
"""

import math
import os
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from functools import lru_cache
from pathlib import Path
from typing import Any

from domain.errors import ConfigurationError
from domain.events import AIRPORT

PROJECT_ROOT = Path(__file__).resolve().parent.parent
PREFIX = "ONTIME_"
USER = "ontime"
"""As whom MLflow and Prefect are asked."""
BOOLEANS = {"true": True, "false": False}
ENGINES = ("local", "dask")
LAST_PORT = 65_535
LOG_LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR")


def _setting(default: Any, doc: str) -> Any:
    return field(default=default, metadata={"doc": doc})


@dataclass(frozen=True)
class Settings:
    """The values of the environment; a relative path counts from the project's root."""

    state_dir: Path = _setting(
        Path("var"),
        "Where your own native stack keeps all its state; that of the demo is in `demo` below it.",
    )
    log_level: str = _setting("INFO", "DEBUG, INFO, WARNING or ERROR.")
    git_commit: str = _setting("", "Commit of the running code where there is no checkout; images set it.")

    postgres_host: str = _setting("127.0.0.1", "Host of PostgreSQL.")
    postgres_port: int = _setting(15432, "Port of PostgreSQL; the native stack starts it there.")
    postgres_user: str = _setting("ontime", "User of PostgreSQL.")
    postgres_database: str = _setting("ontime", "Database of events, predictions, labels and the ledger.")
    postgres_password_file: Path = _setting(Path("var/secrets/postgres_password"), "File with the password.")
    postgres_replica_host: str = _setting(
        "",
        "Host of a streaming standby of it, which monitoring and training read from; empty = there is none.",
    )
    postgres_replica_port: int = _setting(5432, "Port of that standby.")

    api_host: str = _setting("127.0.0.1", "Address the API listens on.")
    api_port: int = _setting(8000, "Port of the API.")
    api_url: str = _setting(
        "", "Address at which the stack's own programs ask the API; empty = the native one."
    )
    api_workers: int = _setting(2, "Gunicorn workers of one API container; as many as it has cores.")
    state_limit_minutes: int = _setting(
        1440, "Age of the newest feature state above which an API worker says that it is not ready."
    )
    public_url: str = _setting(
        "", "Address at which people reach the API, for links in what is published; empty = the native one."
    )
    api_keys_dir: Path = _setting(
        Path("var/secrets"), "Folder of predict.key, ingest.key and admin.key: the keys made at first start."
    )

    mlflow_port: int = _setting(5005, "Port of the native MLflow server.")
    mlflow_url: str = _setting("", "Address of the MLflow server; empty = the native one.")
    mlflow_password_file: Path = _setting(
        Path("var/secrets/mlflow_password"),
        "File with the password of MLflow; where there is none, MLflow asks for none.",
    )
    prefect_port: int = _setting(4205, "Port of the native Prefect server.")
    prefect_url: str = _setting("", "Address of Prefect's API; empty = the native one.")
    prefect_pages_url: str = _setting(
        "", "Address of Prefect's pages in a browser, for links; empty = where its API answers."
    )
    prefect_password_file: Path = _setting(
        Path("var/secrets/prefect_api_password"),
        "File with the password of Prefect's API; where there is none, Prefect asks for none.",
    )
    supervisor_port: int = _setting(9005, "Port of the native stack's process manager, on loopback.")

    model_name: str = _setting("ontime", "Name of the registered model.")
    model_cache_dir: Path = _setting(Path("var/models"), "Where verified model artifacts are kept.")
    signing_key_file: Path = _setting(
        Path("var/secrets/model_signing_key"),
        "File with the secret that signs model artifacts; only what trains needs it.",
    )
    public_keys_file: Path = _setting(
        Path("var/secrets/model_public_keys"),
        "File with the public keys of model signatures, one a line: a model is loaded if one of them signed it.",
    )
    home_airport: str = _setting(
        "JFK",
        "Airport whose local days are monitored, replayed and counted by; any of the feed's in that zone.",
    )
    optional_events: str = _setting(
        "",
        "What the feed announces of flights, separated by commas: aircraft_assigned, departure_estimated. Each adds "
        "its features, which makes another feature contract.",
    )
    inbox_dir: Path = _setting(
        Path("data/inbox"), "Folder where new BTS and ASOS files are dropped, for the ingest to take."
    )
    inbox_bad_row_share: float = _setting(
        0.01, "Largest share of a file's rows that may be set aside; where more do not fit, it is refused."
    )
    spool_dir: Path = _setting(
        Path("var/spool"), "Where API workers write predictions until they are shipped."
    )
    reports_dir: Path = _setting(Path("var/reports"), "Where flows and the replay leave reports.")
    report_pages: bool = _setting(
        True,
        "Whether each monitoring run draws its pages, Evidently's and that of estimates; figures are the same.",
    )
    task_runs: bool = _setting(
        True,
        "Whether Prefect records each step of a flow as a task run; a step that fails is tried again either way.",
    )
    promotion_needs_approval: bool = _setting(
        False, "Whether a challenger that held waits for a person to promote it: true or false."
    )
    action_list_size: int = _setting(
        10,
        "Flights that somebody can act on within `action_list_hours`: the dashboard lists the riskiest so many.",
    )
    action_list_hours: int = _setting(6, "Hours of departures that the dashboard looks ahead, 1 to 24.")
    decision_alpha: float = _setting(
        0.05,
        "Probability that a candidate which loses no more than the margin is ever removed, above 0 and below 1.",
    )
    decision_margin: float = _setting(
        0.002,
        "Log-loss in nats that a candidate may lose a day to the version it is compared with; below decision_clip.",
    )
    decision_clip: float = _setting(
        0.05, "Log-loss in nats as which a single day counts at most when versions are compared."
    )
    anchor_days: int = _setting(
        28, "The champion is also compared with the version that served this many days ago; 0 = with none."
    )
    retrain_cadence_days: int = _setting(
        7, "Days between two retrains, fewer where concept drift begins; 0 = only by hand."
    )
    keep_prediction_months: int = _setting(
        24,
        "Months of predictions before this one that are kept: the flow `partitions` drops older ones; 0 = all.",
    )
    keep_report_days: int = _setting(
        730, "Days of reports that `ontime retention` keeps; 0 = all. The figures stay in the database."
    )
    keep_leftover_days: int = _setting(
        90,
        "Days that `ontime retention` keeps refused lines of the spool, copies of models that no rollback goes to, and "
        "references of drift that are not in use; 0 = all.",
    )
    engine: str = _setting(
        "local",
        "What computes training sets, trials of the tuning and missed days: local (this machine alone) or dask.",
    )
    dask_scheduler: str = _setting(
        "tcp://127.0.0.1:8786",
        "Address of the scheduler of the Dask cluster where ONTIME_ENGINE is dask; `make dask-up` starts one there.",
    )
    fit_engine: str = _setting(
        "local",
        "What fits the trees of a model: local (the process that asks) or dask, where one fit outgrows a machine: "
        "LightGBM over all workers of ONTIME_ENGINE=dask, which then listen for each other on every interface.",
    )

    keep_vectors_gb: int = _setting(
        0,
        "Gigabytes of disk that days of vectors may take which one retrain leaves to the next: a year of New York's "
        "departures is 0.9; 0 = every retrain computes all of them. A replay keeps 2.",
    )

    notify_urls: str = _setting("", "Apprise addresses that alerts are sent to, separated by spaces.")

    gitlab_url: str = _setting(
        "", "GitLab server whose pipeline validates a version that passed the gate; empty = no trigger."
    )
    gitlab_project: str = _setting("", "Number or path of the project there, like group/ontime.")
    gitlab_ref: str = _setting("main", "Branch or tag whose pipeline runs.")
    gitlab_trigger_token_file: Path = _setting(
        Path("var/secrets/gitlab_trigger_token"), "File with the project's pipeline trigger token."
    )

    @property
    def postgres_password(self) -> str:
        """Return the password of PostgreSQL, read from its file."""
        return read_secret("postgres_password_file", self.postgres_password_file)

    @property
    def signing_key(self) -> bytes:
        """Return the secret of model signatures, read from its file."""
        return read_secret("signing_key_file", self.signing_key_file).encode()

    @property
    def mlflow_address(self) -> str:
        """Return where MLflow answers."""
        return self.mlflow_url or f"http://127.0.0.1:{self.mlflow_port}"

    @property
    def mlflow_auth(self) -> str | None:
        """Return the user and password of MLflow, None where it asks for none."""
        return _login("mlflow_password_file", self.mlflow_password_file)

    @property
    def prefect_address(self) -> str:
        """Return where Prefect's API answers."""
        return self.prefect_url or f"http://127.0.0.1:{self.prefect_port}/api"

    @property
    def prefect_pages(self) -> str:
        """Return where people open Prefect's pages."""
        return self.prefect_pages_url.rstrip("/") or self.prefect_address.removesuffix("/api")

    @property
    def prefect_auth(self) -> str | None:
        """Return the user and password of Prefect's API, None where it asks for none."""
        return _login("prefect_password_file", self.prefect_password_file)

    @property
    def api_address(self) -> str:
        """Return where a program of the stack, or a client on this machine, reaches the API."""
        return self.api_url or f"http://127.0.0.1:{self.api_port}"

    @property
    def public_address(self) -> str:
        """Return where people reach the API."""
        return self.public_url.rstrip("/") or self.api_address


def _login(setting: str, file: Path) -> str | None:
    """Return user and password with a colon between them, None where there is no file."""
    return f"{USER}:{read_secret(setting, file)}" if file.exists() else None


def read_secret(setting: str, path: Path) -> str:
    """Read one secret's file.

    Raises
    ------
    ConfigurationError
        If the file is missing or empty; names the setting and the file.
    """
    variable = PREFIX + setting.upper()
    try:
        value = path.read_text().strip()
    except OSError as error:
        raise ConfigurationError(f"{variable}: cannot read {path}: {error.strerror}") from error
    if not value:
        raise ConfigurationError(f"{variable}: {path} is empty")
    return value


def read_settings(environment: Mapping[str, str]) -> Settings:
    """Read the settings from `environment`.

    Relative paths under `var/` follow ONTIME_STATE_DIR, so that one variable moves a whole stack.

    Raises
    ------
    ConfigurationError
        If a value has the wrong form, or a variable that begins with ONTIME_ names no setting.
    """
    known = {PREFIX + f.name.upper(): f for f in fields(Settings)}
    unknown = sorted(name for name in environment if name.startswith(PREFIX) and name not in known)
    if unknown:
        raise ConfigurationError(f"{unknown[0]}: no such setting; known are {', '.join(sorted(known))}")
    values: dict[str, Any] = {f.name: environment.get(name, f.default) for name, f in known.items()}
    state_dir = PROJECT_ROOT / Path(values["state_dir"])
    for setting in fields(Settings):
        values[setting.name] = _typed(setting.name, setting.type, values[setting.name], state_dir)
    if not AIRPORT.fullmatch(values["home_airport"]):
        raise ConfigurationError(
            f"{PREFIX}HOME_AIRPORT: expected an airport's three letters, like JFK, got {values['home_airport']!r}"
        )
    for name in ("engine", "fit_engine"):
        if values[name] not in ENGINES:
            raise ConfigurationError(
                f"{PREFIX}{name.upper()}: expected {' or '.join(ENGINES)}, got {values[name]!r}"
            )
    if (values["fit_engine"], values["engine"]) == ("dask", "local"):
        raise ConfigurationError(f"{PREFIX}FIT_ENGINE: dask needs {PREFIX}ENGINE=dask, got local")
    if values["log_level"].upper() not in LOG_LEVELS:
        raise ConfigurationError(
            f"{PREFIX}LOG_LEVEL: expected DEBUG, INFO, WARNING or ERROR, got {values['log_level']!r}"
        )
    _require_decidable(values["decision_alpha"], values["decision_margin"], values["decision_clip"])
    return Settings(**values)


def _require_decidable(alpha: float, margin: float, clip: float) -> None:
    """Refuse what no account of evidence can be kept by: every monitoring run would fail on it."""
    if not 0 < alpha < 1:
        raise ConfigurationError(
            f"{PREFIX}DECISION_ALPHA: expected a probability above 0 and below 1, got {alpha}"
        )
    if margin >= clip:
        raise ConfigurationError(
            f"{PREFIX}DECISION_MARGIN: expected less than {PREFIX}DECISION_CLIP, {clip}, got {margin}"
        )


def _typed(name: str, kind: Any, value: Any, state_dir: Path) -> Any:
    if kind is int:
        return _port(name, value) if name.endswith("_port") else _count(name, value)
    if kind is float:
        return _share(name, value)
    if kind is bool:
        if str(value).lower() not in BOOLEANS:
            raise ConfigurationError(f"{PREFIX}{name.upper()}: expected true or false, got {value!r}")
        return BOOLEANS[str(value).lower()]
    if kind is Path:
        path = Path(value)
        if name == "state_dir":
            return state_dir
        if not path.is_absolute() and path.parts[:1] == ("var",):
            return state_dir.joinpath(*path.parts[1:])
        return PROJECT_ROOT / path
    return value


def _count(name: str, value: Any) -> int:
    try:
        count = int(value)
    except ValueError:
        count = -1
    if count < 0:
        raise ConfigurationError(f"{PREFIX}{name.upper()}: expected a whole number, 0 or more, got {value!r}")
    return count


def _port(name: str, value: Any) -> int:
    port = _count(name, value)
    if not 1 <= port <= LAST_PORT:
        raise ConfigurationError(f"{PREFIX}{name.upper()}: expected a port, 1 to {LAST_PORT}, got {value!r}")
    return port


def _share(name: str, value: Any) -> float:
    try:
        share = float(value)
    except ValueError:
        share = math.nan
    if not 0 <= share <= 1:
        raise ConfigurationError(f"{PREFIX}{name.upper()}: expected a share from 0 to 1, got {value!r}")
    return share


@lru_cache(maxsize=1)
def settings() -> Settings:
    """Return the process's settings, read once."""
    return read_settings(os.environ)


def example_env() -> str:
    """Write the settings as an .env file that documents each: its meaning, then its default."""
    lines = ["# Every setting of ontime and its default. Secrets are files; see the *_FILE settings."]
    for setting in fields(Settings):
        default = str(setting.default).lower() if setting.type is bool else setting.default
        lines += ["", f"# {setting.metadata['doc']}", f"# {PREFIX}{setting.name.upper()}={default}"]
    return "\n".join(lines) + "\n"
