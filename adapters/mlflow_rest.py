"""MLflow's REST interface, as far as serving needs it: versions, aliases and a version's files.

Importing MLflow's client costs seconds and 150 MB a process; a worker that only follows an alias needs four
requests. Writing is left to the client: see `mlflow_client`.

Source: https://mlflow.org/docs/latest/rest-api.html
"""

from collections.abc import Callable
from typing import Any, TypeVar

import requests

from adapters.rest import RestServer, reach_directly
from adapters.waiting import retry
from domain.errors import NotFound, NotReady, SignatureInvalid

CONNECT_SECONDS = 1.0
READ_SECONDS = 3.0
PAUSE_SECONDS = 1.0
Result = TypeVar("Result")
PROXIED = "mlflow-artifacts:/"
"""How the location of a file that the server itself hands out begins."""


class MlflowRest:
    """One server; no answer, or a server's own failure, is `NotReady`.

    Parameters
    ----------
    auth : str, optional
        User and password, with a colon between them.
    patience : float
        Seconds for which a call is repeated that has no answer; each is safe to repeat.
    """

    def __init__(
        self,
        address: str,
        timeout: tuple[float, float] = (CONNECT_SECONDS, READ_SECONDS),
        auth: str | None = None,
        patience: float = 0.0,
    ):
        reach_directly(address)
        self._server = RestServer("MLflow", f"{address.rstrip('/')}/api/2.0", timeout, auth)
        self._patience = patience

    def version(self, model: str, version: int) -> dict[str, Any]:
        """Return what is recorded of a version; `NotFound` where there is none."""
        found = self._json("GET", "model-versions/get", {"name": model, "version": str(version)})
        if found is None:
            raise NotFound(f"model {model} has no version {version}")
        return dict(found["model_version"])

    def versions(self, model: str, most: int) -> list[dict[str, Any]]:
        """Return what is recorded of the newest versions, newest first; of a model that is not there, nothing."""
        wanted = {"filter": f"name = '{model}'", "max_results": str(most), "order_by": "version_number DESC"}
        found = self._json("GET", "model-versions/search", wanted) or {}
        return [dict(version) for version in found.get("model_versions", [])]

    def aliased(self, model: str, alias: str) -> dict[str, Any] | None:
        """Return what is recorded of the version that an alias names; None where nothing has the alias."""
        found = self._json("GET", "registered-models/alias", {"name": model, "alias": alias})
        return None if found is None else dict(found["model_version"])

    def set_alias(self, model: str, alias: str, version: int) -> None:
        """Set an alias to a version; `NotFound` where there is none."""
        body = {"name": model, "alias": alias, "version": str(version)}
        if self._json("POST", "registered-models/alias", body) is None:
            raise NotFound(f"model {model} has no version {version}")

    def delete_alias(self, model: str, alias: str) -> None:
        """Take an alias away; nothing happens where it is gone."""
        self._json("DELETE", "registered-models/alias", {"name": model, "alias": alias})

    def file(self, source: str, name: str) -> bytes:
        """Fetch a file below a version's source; `NotFound` where there is none.

        Raises
        ------
        SignatureInvalid
            If the source is none that the server hands out, like another version: waiting would not mend it.
        """
        if not source.startswith(PROXIED):
            raise SignatureInvalid(
                f"MLflow does not hand out the files of {source}, only those below {PROXIED} (--serve-artifacts)"
            )
        return self._patiently(lambda: self._file_once(source, name))

    def _file_once(self, source: str, name: str) -> bytes:
        path = f"mlflow-artifacts/artifacts/{source.removeprefix(PROXIED).lstrip('/')}/{name}"
        answer = self._server.ask("GET", path)
        if answer.status_code == requests.codes.not_found:
            raise NotFound(f"MLflow has no file {name} in {source}")
        if not answer.ok:
            raise NotReady(f"MLflow answered {answer.status_code} for {name}: {answer.text[:200]}")
        return answer.content

    def _json(self, method: str, path: str, values: dict[str, str]) -> dict[str, Any] | None:
        """Ask and read the answer; None where the thing asked about does not exist."""
        return self._patiently(lambda: self._json_once(method, path, values))

    def _json_once(self, method: str, path: str, values: dict[str, str]) -> dict[str, Any] | None:
        where = "params" if method == "GET" else "json"
        answer = self._server.ask(method, f"mlflow/{path}", **{where: values})
        if answer.ok:
            return dict(answer.json())
        if _is_missing(answer):
            return None
        raise NotReady(f"MLflow answered {answer.status_code} to {path}: {answer.text[:200]}")

    def _patiently(self, ask: Callable[[], Result]) -> Result:
        return retry(ask, NotReady, self._patience, PAUSE_SECONDS)


def _is_missing(answer: requests.Response) -> bool:
    """Return whether a model, version or alias is missing; a missing alias is an invalid parameter to MLflow."""
    try:
        error = answer.json()
    except ValueError:
        return False
    code, message = error.get("error_code"), str(error.get("message", ""))
    return code == "RESOURCE_DOES_NOT_EXIST" or (
        code == "INVALID_PARAMETER_VALUE" and "alias" in message and "not found" in message
    )
