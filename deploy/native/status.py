"""What `status` shows, and where everything is."""

from adapters.settings import Settings
from deploy.native.manager import Stack
from deploy.status import ProgramStatus, StackStatus


def read_status(stack: Stack) -> StackStatus:
    """Return what runs of a stack, and its health."""
    states = stack.states()
    problems = stack.probe(states)
    programs = []
    for name, problem in problems.items():
        info = states.get(name, {})
        up = info["now"] - info["start"] if info.get("statename") == "RUNNING" else None
        state = str(info.get("statename", "STOPPED")).lower()
        programs.append(ProgramStatus(name, state, info.get("pid") or None, up, problem))
    return StackStatus(not any(problems.values()), tuple(programs))


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
