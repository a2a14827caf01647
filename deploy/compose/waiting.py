"""Waiting for containers: until all are well, or until one will not become so by itself."""

import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime

from deploy.compose.engine import Compose, StackError, State, say

SAY_EVERY_SECONDS = 15.0
# A restart or a failing check may pass; one that lasts as long as this does not, and ends the wait.
PATIENCE_SECONDS = 40.0
# Docker starts again one that ends; what ended this often in a row will end again.
RESTARTS = 3
# What has no health check is well when it has run for so long.
SETTLED_SECONDS = 5.0
LAST_LINES = 15
PORT_IS_TAKEN = ("address already in use", "port is already allocated")
FREE_THE_PORT = (
    "Stop what listens there, or set GATEWAY_PORT, or the port of the page that is named in .env.example."
)
# The name with which Docker says that a container is to end by itself.
ENDS = ("no", "")
WHAT_TO_DO = "Mend what the log names, then run the command again; `make logs S={}` shows more of it."


def problem_of(state: State) -> str | None:
    """Return what keeps a container from being well; None when it is: healthy, or ended with 0 where it should end."""
    now = state["State"]
    if now["Status"] == "created":
        return f"not started: {now['Error']}" if now["Error"] else "not started"
    if now["Status"] in ("exited", "dead"):
        code = now["ExitCode"]
        return None if _ends(state) and code == 0 else f"exited with {code}"
    if now["Status"] == "restarting":
        return f"restarting after exit code {now['ExitCode']}"
    if "Health" not in now:
        if _ends(state):
            return "still running"
        return None if age_of(now) > SETTLED_SECONDS else "just started"
    return None if now["Health"]["Status"] == "healthy" else now["Health"]["Status"]


def age_of(now: State) -> float:
    """Return for how many seconds a container has run, from the engine's word on its state."""
    return (datetime.now(UTC) - datetime.fromisoformat(now["StartedAt"])).total_seconds()


def _ends(state: State) -> bool:
    return state["HostConfig"]["RestartPolicy"]["Name"] in ENDS


class Watch:
    """One wait: looks at containers again and again, reports what it waits for, and knows when waiting is vain.

    Parameters
    ----------
    states
        Returns the containers as the engine knows them now.
    seconds
        How long all of it may take.
    restarted
        Whether a command is at work that starts again, or replaces, what is not well at the beginning; such
        containers are not considered until it has.
    """

    def __init__(
        self,
        compose: Compose,
        states: Callable[[], Sequence[State]],
        seconds: float,
        *,
        restarted: bool = False,
    ):
        self._compose, self._states = compose, states
        self._began = self._said = time.monotonic()
        self._deadline = self._began + seconds
        self._before = {_run_of(s) for s in states() if problem_of(s)} if restarted else set()
        self._restarts_before: dict[str, int] = {}
        self._failing_since: dict[str, float] = {}

    def all_well(self) -> bool:
        """Look once.

        Raises
        ------
        StackError
            If a container will not become well, or time is up; names the service, with the last lines of its log.
        """
        states = self._states()
        problems = [(s, problem) for s in states if (problem := problem_of(s))]
        considered = [(s, problem) for s, problem in problems if _run_of(s) not in self._before]
        self._note(considered)
        for state, problem in considered:
            if verdict := self._verdict(state, problem):
                raise failure(self._compose, state, verdict)
        if problems and time.monotonic() > self._deadline:
            state, problem = problems[0]
            raise failure(self._compose, state, f"{problem} when time was up")
        self._report(problems)
        return bool(states) and not problems

    def _note(self, problems: Sequence[tuple[State, str]]) -> None:
        """Keep since when each container fails; what may wait for one that runs to completion is not failing."""
        for state, _ in problems:
            self._restarts_before.setdefault(state["Id"], state["RestartCount"])
        at_work = any(_ends(s) and problem in ("still running", "not started") for s, problem in problems)
        failing = [s["Id"] for s, problem in problems if _is_failing(s, problem) and not at_work]
        now = time.monotonic()
        self._failing_since = {c: self._failing_since.get(c, now) for c in failing}

    def _verdict(self, state: State, problem: str) -> str | None:
        """Return why waiting for a container is vain; None while it may become well."""
        if problem.startswith("not started: ") or (problem.startswith("exited with") and _ends(state)):
            return problem
        restarts = state["RestartCount"] - self._restarts_before[state["Id"]]
        if restarts >= RESTARTS:
            return f"it ended and was started again {restarts} times"
        since = self._failing_since.get(state["Id"])
        return problem if since is not None and time.monotonic() - since > PATIENCE_SECONDS else None

    def _report(self, problems: Sequence[tuple[State, str]]) -> None:
        now = time.monotonic()
        if problems and now - self._said >= SAY_EVERY_SECONDS:
            self._said = now
            shown = ", ".join(f"{name_of(state)} ({problem})" for state, problem in problems)
            say(f"{now - self._began:.0f} s, waiting for {shown}")


def _run_of(state: State) -> tuple[str, str]:
    """Return what identifies a container beside its replacement, and a run of one that runs to completion."""
    return state["Id"], state["State"]["StartedAt"] if _ends(state) else ""


def _is_failing(state: State, problem: str) -> bool:
    started_again = state["RestartCount"] > 0
    return started_again or problem == "unhealthy" or problem.startswith(("restarting", "exited"))


def name_of(state: State) -> str:
    """Return the service a container belongs to."""
    return str(state["Config"]["Labels"]["com.docker.compose.service"])


def failure(compose: Compose, state: State, problem: str) -> StackError:
    """Return the error that says which service failed, how, and what it said last."""
    log = compose.log(state["Id"], LAST_LINES)
    service = name_of(state)
    taken = any(words in problem for words in PORT_IS_TAKEN)
    advice = FREE_THE_PORT if taken else WHAT_TO_DO.format(service)
    return StackError(
        "\n".join([f"{service} cannot start: {problem}", *(f"  {line}" for line in log), advice])
    )


def wait_until_well(compose: Compose, states: Callable[[], Sequence[State]], seconds: float) -> None:
    """Wait for every container to be healthy, and for those that run to completion to have done so.

    Raises
    ------
    StackError
        If one will not become well, or time is up.
    """
    watch = Watch(compose, states, seconds)
    while not watch.all_well():
        time.sleep(1)


def start(compose: Compose, *arguments: str, seconds: float) -> None:
    """Run `docker compose up`; end it as soon as a container cannot start.

    Compose itself waits without end for a dependency that is started again and again.

    Raises
    ------
    StackError
        If Compose fails, or a container does.
    """
    watch = Watch(compose, compose.states, seconds, restarted=True)
    process = compose.popen(*compose.command, "up", "-d", "--no-build", *arguments)
    try:
        while process.poll() is None:
            watch.all_well()
            time.sleep(1)
    finally:
        if process.poll() is None:
            process.terminate()
            process.wait()
    if process.returncode:
        raise _why_up_failed(compose)


def is_to_start(state: State) -> bool:
    """Return whether a container was never started, or has ended and should not."""
    status = state["State"]["Status"]
    return status == "created" or (status == "exited" and not _ends(state))


def start_containers(compose: Compose, containers: Sequence[str]) -> None:
    """Start containers that are there.

    Raises
    ------
    StackError
        If one cannot be started; names the service and the cause.
    """
    try:
        compose.docker("start", *containers)
    except StackError as error:
        raise _why_up_failed(compose) from error


def _why_up_failed(compose: Compose) -> StackError:
    for state in compose.states():
        problem = problem_of(state)
        if problem and (_is_failing(state, problem) or problem.startswith("not started: ")):
            return failure(compose, state, problem)
    return StackError("`docker compose up` failed; its own message is above")
