"""A Dask cluster on this machine, beside the stack: `make dask-up`. Supervisord runs it, in a folder of its own.

A scheduler runs the code that it is sent: it listens on loopback, and nowhere else.
"""

import sys
from pathlib import Path
from urllib.parse import urlsplit

from adapters.dask_cluster import workers_of
from adapters.postgres_admin import MONITORING
from adapters.settings import Settings
from adapters.terminal import Say
from adapters.waiting import wait_until
from deploy.native import layout, processes
from deploy.native.embedded_postgres import require_free_port
from deploy.native.programs import Program, role_variables, section, start_supervisord, supervisord_section
from deploy.native.starting import end_of
from domain.errors import ConfigurationError, InvalidInput, OntimeError

LOOPBACK = ("127.0.0.1", "localhost")
START_SECONDS = 90.0
"""Ample: a worker imports for seconds, on a busy machine for a minute."""
SCHEDULER = "dask-scheduler"
ON_LOOPBACK = ("--no-dashboard", "--dashboard-address", "127.0.0.1:0")
"""Without a dashboard, too, each answers questions about itself by HTTP, on every interface unless it is named one."""


def scheduler_command(address: str) -> list[str]:
    """Return the command of a scheduler at an address of this machine's loopback.

    Raises
    ------
    ConfigurationError
        If it is another: whoever reaches a scheduler runs code.
    """
    host, port = _host_and_port(address)
    return [
        *(sys.executable, "-m", "distributed.cli.dask_scheduler", "--host", host, "--port", str(port)),
        *("--no-show", *ON_LOOPBACK),
    ]


def worker_command(address: str) -> list[str]:
    """Return the command of a worker with one thread, which ends when its scheduler is gone."""
    return [
        *(sys.executable, "-m", "distributed.cli.dask_worker", address, "--host", "127.0.0.1"),
        *("--nthreads", "1", "--no-nanny", "--death-timeout", "30", *ON_LOOPBACK),
    ]


def up(settings: Settings, workers: int, say: Say) -> None:
    """Start a scheduler at ONTIME_DASK_SCHEDULER and workers; nothing where as many run already.

    Raises
    ------
    ConfigurationError
        If the address is not on loopback, or its port is taken.
    OntimeError
        If a part does not start: names it, with the end of its log.
    """
    if workers < 1:
        raise InvalidInput("--workers", "at least 1", workers)
    address, folder = settings.dask_scheduler, state_folder(settings)
    if processes.of_stack(folder):
        if running_workers(address) == workers:
            say(f"a scheduler and {workers} workers run at {address} already")
            return
        down(settings, lambda text: None)
    _, port = _host_and_port(address)
    require_free_port(port, "ONTIME_DASK_SCHEDULER")
    _start_manager(settings, folder, programs(settings, workers))
    if not wait_until(lambda: running_workers(address) == workers, START_SECONDS, pause=0.2):
        found, logs = running_workers(address), _ends_of_logs(folder)
        down(settings, lambda text: None)
        raise OntimeError(
            f"Dask does not start: {found} of {workers} workers after {START_SECONDS:.0f} s\n{logs}"
        )
    say(f"a scheduler and {workers} workers run at {address}; logs in {folder / 'log'}")
    say(f"use them: make train ENGINE=dask DASK_SCHEDULER={address}; stop them: make dask-down")


def down(settings: Settings, say: Say) -> None:
    """Stop the scheduler and its workers, and make sure that no process is left.

    Raises
    ------
    OntimeError
        If one is.
    """
    folder = state_folder(settings)
    manager = _manager(folder)
    # The manager first: it would start again what ends.
    processes.end([pid for pid in processes.of_stack(folder) if pid == manager], patience=30)
    processes.end(processes.of_stack(folder))
    left = processes.of_stack(folder)
    if left:
        raise OntimeError(f"could not stop the processes {left}")
    say("Dask's scheduler and workers are stopped")


def state_folder(settings: Settings) -> Path:
    """Return where the cluster keeps its logs and its manager's files."""
    return settings.state_dir / "dask"


def programs(settings: Settings, workers: int) -> list[Program]:
    """Return the programs of the cluster; workers ask PostgreSQL as what monitors does, where there is one."""
    address = settings.dask_scheduler
    role = role_variables(MONITORING, settings)
    return [
        Program(SCHEDULER, scheduler_command(address)),
        *(Program(f"dask-worker-{i}", worker_command(address), environment=role) for i in range(workers)),
    ]


def _host_and_port(address: str) -> tuple[str, int]:
    where = urlsplit(address)
    if where.scheme != "tcp" or where.hostname not in LOOPBACK or not where.port:
        raise ConfigurationError(
            "ONTIME_DASK_SCHEDULER: a scheduler is started on loopback only, like tcp://127.0.0.1:8786, "
            f"got {address!r}"
        )
    return where.hostname, where.port


def _start_manager(settings: Settings, folder: Path, wanted: list[Program]) -> None:
    log, run = folder / "log", folder / "run"
    for made in (log, run, folder / "scratch"):
        made.mkdir(parents=True, exist_ok=True)
    for old in log.glob("dask-*.log"):
        old.unlink()  # what is shown of a start that fails is of this start
    path = run / "supervisord.conf"
    sections = [section(program, log).replace("autostart=false", "autostart=true") for program in wanted]
    path.write_text("\n".join([supervisord_section(run, log), *sections]))
    start_supervisord(path, _environment(settings, folder))


def _environment(settings: Settings, folder: Path) -> dict[str, str]:
    """Return the stack's environment with a mark of the cluster's own: it outlives the stack, and is stopped apart."""
    own = {layout.MARK: str(folder), "DASK_TEMPORARY_DIRECTORY": str(folder / "scratch")}
    return layout.environment(settings) | own


def _manager(folder: Path) -> int | None:
    try:
        return int((folder / "run" / "supervisord.pid").read_text())
    except (OSError, ValueError):
        return None


def running_workers(address: str) -> int:
    """Return how many workers a scheduler has; none where there is no scheduler."""
    try:
        return workers_of(address)
    except ConfigurationError:
        return 0


def _ends_of_logs(folder: Path) -> str:
    logs = sorted((folder / "log").glob("dask-*.log"))
    return "\n".join(f"  {log}:\n" + "\n".join(f"    | {line}" for line in end_of(log)) for log in logs)
