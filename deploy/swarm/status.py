"""What runs of a stack on a swarm, on which node, and what does not."""

from deploy.status import ProgramStatus, StackStatus
from deploy.swarm.cluster import Swarm, is_running
from deploy.swarm.converging import error_of, is_job, takes_tasks, wanted
from deploy.swarm.stack_file import Model


def read_status(swarm: Swarm) -> StackStatus:
    """Return a row a task that runs, and one for each service that lacks some."""
    nodes = {node["ID"]: node["Description"]["Hostname"] for node in swarm.nodes()}
    taking = sum(takes_tasks(node) for node in swarm.nodes())
    services = [s for s in swarm.services() if not is_job(s)]
    programs = [
        row for s in sorted(services, key=swarm.name_of) for row in _of_service(swarm, s, nodes, taking)
    ]
    return StackStatus(bool(programs) and not any(p.problem for p in programs), tuple(programs))


def _of_service(swarm: Swarm, service: Model, nodes: dict[str, str], taking: int) -> list[ProgramStatus]:
    name, tasks = swarm.name_of(service), swarm.tasks(service)
    running = [t for t in tasks if is_running(t)]
    rows = [
        ProgramStatus(f"{name}@{nodes.get(t['NodeID'], '?')}", "running", None, None, None) for t in running
    ]
    missing = wanted(service, taking) - len(running)
    if missing > 0:
        errors = [error for t in tasks if (error := error_of(t))]
        said = f"{missing} do not run{': ' + errors[0] if errors else ''}"
        rows.append(ProgramStatus(name, "waiting", None, None, said))
    return sorted(rows, key=lambda row: row.name)
