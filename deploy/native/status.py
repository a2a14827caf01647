"""What `status` and the end of `demo` show."""

from rich.console import Console
from rich.table import Table

from adapters.settings import Settings
from deploy.native.manager import Stack


def print_status(stack: Stack) -> bool:
    """Print a row a program and whether each is well; gives whether all are."""
    states, problems = stack.states(), stack.probe()
    table = Table("program", "state", "pid", "up for", "well")
    for name, problem in problems.items():
        info = states.get(name, {})
        running = info.get("statename") == "RUNNING"
        up = _duration(info["now"] - info["start"]) if running else ""
        state = str(info.get("statename", "STOPPED")).lower()
        table.add_row(name, state, str(info.get("pid") or ""), up, problem or "yes")
    Console().print(table)
    return bool(states) and not any(problems.values())


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
