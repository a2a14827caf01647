"""Waiting for services of a swarm: until all tasks are of what was deployed, or until one will not be."""

import time
from collections.abc import Mapping, Sequence

from deploy.compose.engine import StackError, say
from deploy.swarm.cluster import Swarm, Task, is_running
from deploy.swarm.stack_file import Model

SAY_EVERY_SECONDS = 15.0
# Swarm starts again what ended; what ended this often in one wait will end again.
FAILURES = 3
LAST_LINES = 15
FAILED = ("failed", "rejected")
AT_WORK = ("updating", "rollback_started")
GIVEN_UP = {
    "paused": "its update stopped",
    "rollback_paused": "its update failed, and so did the way back",
    "rollback_completed": "its update failed and was rolled back; what served before serves",
}
"""How an update ends that did not succeed, in Swarm's words and in ours."""
NO_IMAGE = "No such image"
BRING_IMAGES = "Bring the images to that node: `make swarm-images | ssh NODE docker load`."
WHAT_TO_DO = "Mend what the log names, then run the command again."


def settled(service: Model, tasks: Sequence[Task], current: Sequence[Task], nodes: int) -> bool:
    """Return whether as many tasks of a service run as there have to be, all of them as it is specified now.

    Parameters
    ----------
    current : sequence
        Those of the tasks that are as the service is specified now.
    """
    if (service.get("UpdateStatus") or {}).get("State") in AT_WORK:
        return False
    if is_job(service):
        return any(task["Status"]["State"] == "complete" for task in current)
    running, new = (sum(is_running(task) for task in these) for these in (tasks, current))
    return running == new == wanted(service, nodes)


def is_job(service: Model) -> bool:
    """Return whether a service runs to completion."""
    return any(mode.endswith("Job") for mode in service["Spec"]["Mode"])


def wanted(service: Model, nodes: int) -> int:
    """Return how many tasks a service is to have; `nodes` is how many take tasks."""
    replicated = service["Spec"]["Mode"].get("Replicated")
    return int(replicated["Replicas"]) if replicated else nodes


class Wait:
    """One wait for services that are deployed now; made before they are.

    Parameters
    ----------
    names
        Of the services, as in the Compose file.
    seconds
        How long it may take.
    """

    def __init__(self, swarm: Swarm, names: Sequence[str], seconds: float):
        self._swarm, self._names = swarm, names
        self._began = self._said = time.monotonic()
        self._seconds = seconds
        before = self._services()
        self._tasks_before = {task["ID"] for task in swarm.tasks(*before.values())}
        self._updates_before = {name: _update_of(service) for name, service in before.items()}

    def until_settled(self) -> None:
        """Wait.

        Raises
        ------
        StackError
            If a service will not settle, or time is up; says which, its last error and its last lines.
        """
        while waiting := self._look():
            now = time.monotonic()
            if now - self._began > self._seconds:
                raise self._failure(waiting[0], "not there when time was up")
            if now - self._said >= SAY_EVERY_SECONDS:
                self._said = now
                left = self._seconds - (now - self._began)
                say(f"{now - self._began:.0f} s, at most {left:.0f} left, waiting for {', '.join(waiting)}")
            time.sleep(1)

    def _look(self) -> list[str]:
        """Return the services that have not settled."""
        services = self._services()
        nodes = sum(takes_tasks(node) for node in self._swarm.nodes())
        waiting = [name for name in self._names if name not in services]
        for name, service in services.items():
            tasks = self._swarm.tasks(service)
            if problem := self._problem(name, service, tasks):
                raise self._failure(name, problem)
            if not settled(service, tasks, self._swarm.current_tasks(service), nodes):
                waiting.append(name)
        return waiting

    def _problem(self, name: str, service: Model, tasks: Sequence[Task]) -> str | None:
        """Return why waiting for a service is vain; None while it may settle."""
        update = _update_of(service)
        if update and update.get("State") in GIVEN_UP and update != self._updates_before.get(name):
            return f"{GIVEN_UP[update['State']]} ({update.get('Message', '')})"
        if update and update.get("State") in AT_WORK:
            return None
        failed = [t for t in tasks if t["Status"]["State"] in FAILED and t["ID"] not in self._tasks_before]
        allowed = 1 if is_job(service) else FAILURES
        return f"it ended {len(failed)} times" if len(failed) >= allowed else None

    def _services(self) -> dict[str, Model]:
        named = {self._swarm.name_of(service): service for service in self._swarm.services()}
        return {name: named[name] for name in self._names if name in named}

    def _failure(self, name: str, problem: str) -> StackError:
        service = self._services().get(name)
        tasks = self._swarm.tasks(service) if service else []
        new = sorted(
            (t for t in tasks if t["ID"] not in self._tasks_before), key=lambda t: str(t["CreatedAt"])
        )
        in_trouble = [task for task in new if error_of(task)] or new
        if not in_trouble:
            return StackError(f"{name} does not start: {problem}")
        task = in_trouble[-1]
        error = error_of(task) or task["Status"].get("Message", "")
        log = (f"  {line}" for line in self._swarm.log(task, LAST_LINES))
        advice = BRING_IMAGES if NO_IMAGE in error else WHAT_TO_DO
        return StackError("\n".join([f"{name} does not start: {problem}: {error}", *log, advice]))


def takes_tasks(node: Model) -> bool:
    """Return whether a node is up and not drained."""
    return bool(node["Spec"]["Availability"] == "active" and node["Status"]["State"] == "ready")


def error_of(task: Task) -> str:
    """Return what the manager says went wrong with a task, empty where nothing did."""
    return str(task["Status"].get("Err", ""))


def _update_of(service: Model) -> Mapping[str, str]:
    return service.get("UpdateStatus") or {}
