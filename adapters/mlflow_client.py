"""MLflow's own client, for what is written: training runs and model versions. Imports MLflow as it is used."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cached_property
from typing import Any

from adapters.rest import reach_directly
from domain.errors import NotReady

# The client's own defaults retry for four minutes; a poll or a promotion wants to know at once.
os.environ.setdefault("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "1")
os.environ.setdefault("MLFLOW_HTTP_REQUEST_TIMEOUT", "5")
os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
os.environ.setdefault("DO_NOT_TRACK", "true")
os.environ.setdefault("MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT", "true")


class LazyClient:
    """The client of one server, made when it is first asked for.

    Parameters
    ----------
    auth : str, optional
        User and password, with a colon between them.
    """

    def __init__(self, address: str, auth: str | None = None):
        self.address = address
        self._auth = auth

    @cached_property
    def client(self) -> Any:
        """Return the client."""
        from mlflow.tracking import MlflowClient

        reach_directly(self.address)
        if self._auth:  # the client takes a login from nowhere but the environment
            user, _, password = self._auth.partition(":")
            os.environ |= {"MLFLOW_TRACKING_USERNAME": user, "MLFLOW_TRACKING_PASSWORD": password}
        return MlflowClient(tracking_uri=self.address, registry_uri=self.address)


@contextmanager
def reachable() -> Iterator[None]:
    """Turn the client's many ways to say "no answer" into one.

    Raises
    ------
    NotReady
        If the block found MLflow away, or failing.
    """
    from mlflow.exceptions import MlflowException
    from requests.exceptions import RequestException

    try:
        yield
    except RequestException as error:
        raise NotReady(f"MLflow is not reachable: {error}") from error
    except MlflowException as error:
        # The client has no class of its own for a server that is away or fails.
        if "API request to" in str(error):
            raise NotReady(f"MLflow is not reachable: {error}") from error
        raise
