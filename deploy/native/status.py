"""What `status` shows, and where everything is."""

from dataclasses import dataclass

from rich.console import Console
from rich.table import Table

from adapters.settings import Settings
from deploy.native.manager import Stack


@dataclass(frozen=True)
class ProgramStatus:
    """A program of the stack.

    Attributes
    ----------
    state : str
        What the process manager says: running, starting, backoff, fatal, stopped and the like.
    up_seconds : int or None
        None where it does not run.
    problem : str or None
        What its health check found; None = healthy.
    """

    name: str
    state: str
    pid: int | None
    up_seconds: int | None
    problem: str | None


@dataclass(frozen=True)
class StackStatus:
    """A stack: healthy when it runs and every program is."""

    healthy: bool
    programs: tuple[ProgramStatus, ...]


def read_status(stack: Stack) -> StackStatus:
    """Return what runs of a stack, and its health."""
    states, problems = stack.states(), stack.probe()
    programs = []
    for name, problem in problems.items():
        info = states.get(name, {})
        up = info["now"] - info["start"] if info.get("statename") == "RUNNING" else None
        state = str(info.get("statename", "STOPPED")).lower()
        programs.append(ProgramStatus(name, state, info.get("pid") or None, up, problem))
    return StackStatus(bool(states) and not any(problems.values()), tuple(programs))


def print_status(status: StackStatus) -> None:
    """Print a row a program."""
    table = Table("program", "state", "pid", "up for", "health")
    for program in status.programs:
        up = "" if program.up_seconds is None else _duration(program.up_seconds)
        table.add_row(program.name, program.state, str(program.pid or ""), up, program.problem or "healthy")
    Console().print(table)


def _duration(seconds: int) -> str:
    return f"{seconds // 3600}:{seconds // 60 % 60:02d}:{seconds % 60:02d}"


def print_addresses(settings: Settings) -> None:
    """Print where everything is."""
    reports = sorted(settings.reports_dir.glob("monitoring/*/*.html"))
    rows = {
        "API and its documentation": f"{settings.api_address}/apidocs/",
        "MLflow": settings.mlflow_address,
        "Prefect": settings.prefect_address.removesuffix("/api"),
        "keys of the API": str(settings.api_keys_dir),
        "newest report": str(reports[-1]) if reports else "none yet",
    }
    # No table: an address that is cut or folded cannot be followed.
    for name, value in rows.items():
        print(f"{name:26} {value}")
