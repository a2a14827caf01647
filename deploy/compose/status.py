"""What runs of the Compose stack, and its health."""

from collections import Counter

from deploy.compose import certificate
from deploy.compose.engine import Compose, State
from deploy.compose.waiting import age_of, name_of, problem_of
from deploy.status import ProgramStatus, StackStatus


def read_status(compose: Compose) -> StackStatus:
    """Return a row a container; of those that run to completion only one that failed, or is at work."""
    states = sorted(compose.states(), key=name_of)
    replicas = Counter(name_of(state) for state in states)
    programs = [
        _program(state, numbered=replicas[name_of(state)] > 1)
        for state in states
        if problem_of(state) or state["State"]["Running"]
    ]
    notes = certificate.ending(compose) if programs else ()
    return StackStatus(bool(programs) and not any(p.problem for p in programs), tuple(programs), notes)


def described(compose: Compose) -> str:
    """Return the name of the stack."""
    return f"the Compose stack ({compose.environment['COMPOSE_PROJECT_NAME']})"


def where(compose: Compose) -> dict[str, str]:
    """Return what `status --json` says of it beside its programs."""
    return {"stack": "compose", "folder": compose.environment["COMPOSE_PROJECT_NAME"]}


def _program(state: State, *, numbered: bool) -> ProgramStatus:
    now = state["State"]
    number = state["Config"]["Labels"].get("com.docker.compose.container-number", "")
    name = f"{name_of(state)}-{number}" if numbered else name_of(state)
    up = int(age_of(now)) if now["Running"] else None
    return ProgramStatus(name, now["Status"], now["Pid"] or None, up, _problem(state))


def _problem(state: State) -> str | None:
    """Return what is wrong with a container, with the last word of a health check that fails."""
    problem = problem_of(state)
    checks = state["State"].get("Health", {}).get("Log") or []
    said = checks[-1]["Output"].strip() if checks and problem in ("unhealthy", "starting") else ""
    return f"{problem}: {said}" if said else problem
