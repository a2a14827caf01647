"""Starting Prefect's flow runs and waiting for them, over its REST API."""

from dataclasses import dataclass
from typing import Any

import requests

from adapters.rest import RestServer, reach_directly
from adapters.waiting import retry
from domain.errors import NotFound, NotReady, OntimeError

POLL_SECONDS = 0.5
TIMEOUT_SECONDS = 30.0
PATIENCE_SECONDS = 120.0
FLOW_SECONDS = 600.0
ATTEMPTS = 3
FINAL = ("COMPLETED", "FAILED", "CRASHED", "CANCELLED")
AT_WORK = ("PENDING", "RUNNING")


class UnderWay(NotReady):
    """A flow run has not ended yet."""


@dataclass(frozen=True)
class FlowRun:
    """A run of a deployment."""

    run_id: str
    name: str


class PrefectClient:
    """Calls are repeated while the server is away: they are safe to repeat, runs by their idempotency key.

    Parameters
    ----------
    auth : str, optional
        User and password, with a colon between them.
    patience : float
        Seconds for which calls are repeated.
    timeout : float
        Seconds that one call may take.
    """

    def __init__(
        self,
        address: str,
        auth: str | None = None,
        patience: float = PATIENCE_SECONDS,
        timeout: float = TIMEOUT_SECONDS,
    ):
        reach_directly(address)
        self._server = RestServer("Prefect", address, timeout, auth)
        self._patience = patience

    def start(self, flow: str, parameters: dict[str, Any], idempotency_key: str | None = None) -> FlowRun:
        """Start a run of the deployment `flow/flow`; the same key returns the same run.

        Raises
        ------
        NotReady
            If there is no such deployment: every start of the stack registers all.
        """
        try:
            deployment = self._call("GET", f"deployments/name/{flow}/{flow}")
        except NotFound as error:
            raise NotReady(f"Prefect has no deployment {flow}: a start of the stack registers it") from error
        body: dict[str, Any] = {"parameters": parameters, "state": {"type": "SCHEDULED"}}
        if idempotency_key is not None:
            body["idempotency_key"] = idempotency_key
        run = self._call("POST", f"deployments/{deployment['id']}/create_flow_run", body)
        return FlowRun(run["id"], run["name"])

    def state(self, run: FlowRun) -> tuple[str, str]:
        """Return the type and message of a run's state."""
        state = self._call("GET", f"flow_runs/{run.run_id}")["state"]
        return state["type"], state["message"] or state["name"]

    def wait(self, run: FlowRun, seconds: float = FLOW_SECONDS) -> None:
        """Wait for a run to complete; one whose worker was killed goes on with the next worker.

        Raises
        ------
        NotReady
            If it takes longer than `seconds`.
        OntimeError
            If it fails, crashes or is cancelled.
        """

        def require_completed() -> None:
            state, message = self.state(run)
            if state not in FINAL:
                raise UnderWay(f"flow run {run.name} is {state.lower()} after {seconds:.0f} s")
            if state != "COMPLETED":
                raise OntimeError(f"flow run {run.name} is {state.lower()}: {message}")

        retry(require_completed, UnderWay, seconds, POLL_SECONDS)

    def run(self, flow: str, parameters: dict[str, Any], key: str | None = None) -> None:
        """Run a flow that is safe to repeat to its end, again when it fails or crashes."""
        for attempt in range(1, ATTEMPTS + 1):
            run = self.start(flow, parameters, f"{key}-{attempt}" if key else None)
            try:
                self.wait(run)
                return
            except NotReady:
                raise
            except OntimeError:
                if attempt == ATTEMPTS:
                    raise

    def under_way(self, pool: str) -> list[FlowRun]:
        """Return the runs that a worker of a pool has taken and not brought to their end."""
        wanted = {
            "flow_runs": {"state": {"type": {"any_": AT_WORK}}},
            "work_pools": {"name": {"any_": [pool]}},
        }
        return [FlowRun(run["id"], run["name"]) for run in self._call("POST", "flow_runs/filter", wanted)]

    def hand_back(self, run: FlowRun) -> None:
        """Put a run that nobody works on any more back into its queue; that frees its deployment's only slot."""
        state = {"type": "SCHEDULED", "name": "AwaitingRetry", "message": "its worker ended before it did"}
        self._call("POST", f"flow_runs/{run.run_id}/set_state", {"state": state})

    def _call(self, method: str, path: str, body: Any = None) -> Any:
        return retry(lambda: self._once(method, path, body), NotReady, self._patience, POLL_SECONDS)

    def _once(self, method: str, path: str, body: Any) -> Any:
        answer = self._server.ask(method, path, json=body)
        if answer.status_code == requests.codes.not_found:
            raise NotFound(f"Prefect has nothing at {path}")
        if answer.status_code >= requests.codes.internal_server_error:
            raise NotReady(f"Prefect answers {answer.status_code}: {answer.text[:200]}")
        if not answer.ok:
            raise OntimeError(f"Prefect answers {answer.status_code}: {answer.text[:500]}")
        return answer.json()
