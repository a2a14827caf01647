"""The programs of the native stack, and the configuration file of supervisord."""

import shlex
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from adapters import mlflow_access
from adapters.postgres import ConnectionParameters
from adapters.postgres_admin import MONITORING, ROLES, SERVING
from adapters.settings import PROJECT_ROOT, Settings
from deploy.native.embedded_postgres import STOP_SIGNAL, server_command, server_user
from deploy.native.launcher import launched
from deploy.native.layout import supervisor_password_file
from domain.errors import ConfigurationError, OntimeError

PYTHON = sys.executable
BIN = Path(sys.executable).parent
SUPERVISOR_USER = "ontime"


@dataclass(frozen=True)
class Program:
    """One process that is kept running."""

    name: str
    command: Sequence[str]
    stop_signal: str = "TERM"
    stop_seconds: int = 15
    environment: dict[str, str] = field(default_factory=dict)
    user: int | None = None


def programs(settings: Settings) -> list[Program]:
    """Return all programs of the stack, in the order in which they are started."""
    database = ConnectionParameters.from_settings(settings).to_database("mlflow").url()
    mlflow = {"MLFLOW_BACKEND_STORE_URI": database, mlflow_access.LOGIN: settings.mlflow_auth or ""}
    postgres = server_command(settings.state_dir / "postgres", settings.postgres_port)
    serving, monitoring = role_variables(SERVING, settings), role_variables(MONITORING, settings)
    gunicorn = [PYTHON, "-m", "gunicorn", "-c", "app/gunicorn_conf.py", "app:create_app()"]
    worker = [PYTHON, "-m", "flows.worker", "--name", "native"]
    return [
        Program("postgres", postgres, STOP_SIGNAL, user=server_user()),
        Program("prefect-server", _prefect_server(settings), environment=_login_of_prefect(settings)),
        Program("mlflow", _mlflow(settings), environment=mlflow),
        Program("features", [PYTHON, "-m", "services.refresher"], environment=serving),
        Program("shipper", [PYTHON, "-m", "services.shipper"], environment=serving),
        Program("watchman", [PYTHON, "-m", "services.watchman"], environment=monitoring),
        Program("api", gunicorn, environment=serving),
        Program("prefect-worker", worker, stop_seconds=30, environment=monitoring),
    ]


def role_variables(role: str, settings: Settings) -> dict[str, str]:
    """Return the variables of a program that asks PostgreSQL as a role, and not as the owner of the tables."""
    password = settings.api_keys_dir / ROLES[role]
    return {"ONTIME_POSTGRES_USER": role, "ONTIME_POSTGRES_PASSWORD_FILE": str(password)}


def _mlflow(settings: Settings) -> list[str]:
    if "%" in str(BIN):
        raise ConfigurationError(
            f"MLflow's migrations expect a folder without % in its path: move {BIN.parent}"
        )
    hosts = ",".join(f"{host},{host}:*" for host in ("localhost", "127.0.0.1"))
    return [
        str(BIN / "mlflow"), "server", "--host", "127.0.0.1", "--port", str(settings.mlflow_port),
        "--artifacts-destination", str(settings.state_dir / "mlflow"), "--serve-artifacts",
        "--workers", "1", "--allowed-hosts", hosts, "--app-name", "ontime",
    ]  # fmt: skip


def _login_of_prefect(settings: Settings) -> dict[str, str]:
    return {"PREFECT_SERVER_API_AUTH_STRING": settings.prefect_auth or ""}


def _prefect_server(settings: Settings) -> list[str]:
    return [
        str(BIN / "prefect"),
        "server",
        "start",
        "--host",
        "127.0.0.1",
        "--port",
        str(settings.prefect_port),
    ]


def supervisor_configuration(settings: Settings) -> str:
    """Write the configuration of supervisord for this stack."""
    run, log = settings.state_dir / "run", settings.state_dir / "log"
    password = supervisor_password_file(settings).read_text().strip()
    sections = [
        f"""{supervisord_section(run, log)}
[inet_http_server]
port=127.0.0.1:{settings.supervisor_port}
username={SUPERVISOR_USER}
password={password}

[rpcinterface:supervisor]
supervisor.rpcinterface_factory=supervisor.rpcinterface:make_main_rpcinterface
"""
    ]
    sections += [section(program, log) for program in programs(settings)]
    return "\n".join(sections)


def start_supervisord(configuration: Path, environment: Mapping[str, str]) -> None:
    """Start supervisord, which goes on by itself.

    Raises
    ------
    OntimeError
        If it does not start; with what it said.
    """
    done = subprocess.run(
        [PYTHON, "-m", "supervisor.supervisord", "-c", str(configuration)],
        env=environment, cwd=PROJECT_ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    if done.returncode:
        raise OntimeError(f"supervisord does not start: {done.stderr.strip() or done.stdout.strip()}")


def supervisord_section(run: Path, log: Path) -> str:
    """Write what supervisord itself needs: where its pid and its logs are."""
    return f"""[supervisord]
pidfile={_quoted(run / "supervisord.pid")}
logfile={_quoted(log / "supervisord.log")}
logfile_maxbytes=5MB
directory={_quoted(PROJECT_ROOT)}
childlogdir={_quoted(log)}
silent=true
"""


def section(program: Program, log: Path) -> str:
    """Write the section of a program."""
    # The kernel stops the program when the process manager is killed and cannot.
    command = launched(program.command, program.stop_signal, program.user)
    log_file = _quoted(_quoted(log / f"{program.name}.log"))  # its path is expanded twice
    # The rest comes with supervisord's own environment: its parser stumbles over quotes and " ;" in a value.
    variables = ",".join(f'{name}="{_quoted(value)}"' for name, value in program.environment.items())
    return f"""[program:{program.name}]
command={_quoted(shlex.join(command))}
directory={_quoted(PROJECT_ROOT)}
environment={variables}
autostart=false
autorestart=true
startsecs=1
startretries=1000
stopsignal={program.stop_signal}
stopwaitsecs={program.stop_seconds}
stopasgroup=false
killasgroup=true
redirect_stderr=true
stdout_logfile={log_file}
stdout_logfile_maxbytes=10MB
stdout_logfile_backups=2
"""


def _quoted(value: object) -> str:
    """Escape what supervisord would expand."""
    return str(value).replace("%", "%%")
