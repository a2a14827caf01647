"""Reports to GitLab a version of the model that passed the gate: its pipeline validates the version and promotes it.

Source: https://docs.gitlab.com/ci/triggers/
"""

import logging
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

import requests

from adapters.rest import RestServer
from adapters.settings import Settings, read_secret
from domain.errors import ConfigurationError, NotReady

TIMEOUT_SECONDS = (3.0, 10.0)
"""To connect, and to wait for the answer: a retraining holds its lock meanwhile."""
logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Triggered:
    """What became of a trigger."""

    started: bool
    detail: str
    """The pipeline's number and page, or why there is none."""

    def evidence(self) -> dict[str, Any]:
        """Return both, as plain values."""
        return asdict(self)


@dataclass(frozen=True)
class PipelineTrigger:
    """One project's trigger; off where no server is set."""

    server: str
    project: str
    ref: str
    token_file: Path
    timeout: tuple[float, float] = TIMEOUT_SECONDS

    @classmethod
    def from_settings(cls, settings: Settings) -> "PipelineTrigger":
        """Take server, project, branch and the token's file from the settings."""
        return cls(
            settings.gitlab_url,
            settings.gitlab_project,
            settings.gitlab_ref,
            settings.gitlab_trigger_token_file,
        )

    def fire(self, version: int) -> Triggered | None:
        """Start the pipeline of a version; None where the trigger is off.

        A pipeline that does not start is logged and returned, never raised: the version is registered all the same.
        """
        if not self.server:
            return None
        try:
            outcome = self._ask(version)
        except (ConfigurationError, NotReady, ValueError, KeyError, TypeError) as error:
            outcome = Triggered(False, f"{type(error).__name__}: {error}")
        log = logger.info if outcome.started else logger.error
        log(
            "pipeline trigger",
            extra={"version": version, "started": outcome.started, "detail": outcome.detail},
        )
        return outcome

    def _ask(self, version: int) -> Triggered:
        if not self.project:
            raise ConfigurationError(
                "ONTIME_GITLAB_PROJECT: expected the project's number or path, got nothing"
            )
        token = read_secret("gitlab_trigger_token_file", self.token_file)
        answer = RestServer("GitLab", self.server, self.timeout).ask(
            "POST",
            f"api/v4/projects/{quote(self.project, safe='')}/trigger/pipeline",
            # In the body: an address ends up in the logs of proxies.
            data={"token": token, "ref": self.ref, "variables[MODEL_VERSION]": str(version)},
            # A redirected POST would become a GET, or take the token to another host.
            allow_redirects=False,
        )
        if answer.status_code != requests.codes.created:
            text = " ".join(answer.text.replace(token, "[token]").split())[:200]
            return Triggered(False, f"the server answered {answer.status_code}: {text}")
        made = answer.json()
        return Triggered(True, f"pipeline {int(made['id'])} {made.get('web_url', '')}".strip())
