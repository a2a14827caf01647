"""The one door to MLflow: training runs, model versions, and the aliases that say which version serves.

Only the client is imported, never a model flavour: the API reads aliases and files with it.
"""

import json
import os
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from adapters import model_artifact
from adapters.settings import Settings
from domain.errors import NotFound, NotReady
from domain.model import FlightModel

CHAMPION = "champion"
CHALLENGER = "challenger"
EXPERIMENT = "late-flights"
ARTIFACT_PATH = "model"

# The client's own defaults retry for four minutes; a poll or a promotion wants to know at once.
os.environ.setdefault("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "1")
os.environ.setdefault("MLFLOW_HTTP_REQUEST_TIMEOUT", "5")
os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
os.environ.setdefault("DO_NOT_TRACK", "true")


@dataclass(frozen=True)
class ModelVersion:
    """A registered version: where it came from and what its run said of it."""

    version: int
    run_id: str
    tags: dict[str, str]


class Run:
    """An open training run; records what the training tells it."""

    def __init__(self, client: Any, run_id: str):
        self._client = client
        self.run_id = run_id

    def parameters(self, values: Mapping[str, Any]) -> None:
        """Record parameters."""
        for name, value in values.items():
            self._client.log_param(self.run_id, name, value)

    def metrics(self, values: Mapping[str, float]) -> None:
        """Record finite metrics in one call."""
        from mlflow.entities import Metric

        finite = {name: value for name, value in values.items() if value == value}
        metrics = [Metric(name, value, 0, 0) for name, value in finite.items()]
        self._client.log_batch(self.run_id, metrics=metrics)

    def tags(self, values: Mapping[str, str]) -> None:
        """Record tags."""
        for name, value in values.items():
            self._client.set_tag(self.run_id, name, value)

    def dictionary(self, name: str, value: Any) -> None:
        """Record a JSON file."""
        self._client.log_text(self.run_id, json.dumps(value, indent=1, sort_keys=True), name)

    def folder(self, folder: Path, name: str | None = None) -> None:
        """Record a folder's files, under `name` or at the top."""
        self._client.log_artifacts(self.run_id, str(folder), name)


class ModelRegistry:
    """Model versions of one name; every failure to reach MLflow is `NotReady`."""

    def __init__(self, address: str, model_name: str, cache_dir: Path, key: bytes):
        from mlflow.tracking import MlflowClient

        self._client = MlflowClient(tracking_uri=address, registry_uri=address)
        self.model_name = model_name
        self._cache_dir = cache_dir
        self._key = key

    @classmethod
    def from_settings(cls, settings: Settings) -> "ModelRegistry":
        """Take address, name, cache folder and key from the settings."""
        return cls(
            settings.mlflow_address, settings.model_name, settings.model_cache_dir, settings.signing_key
        )

    @contextmanager
    def run(self, name: str) -> Iterator[Run]:
        """Open a training run; it ends as failed when the block raises."""
        with _reachable():
            run = self._client.create_run(self._experiment(), run_name=name)
        run_id = run.info.run_id
        try:
            with _reachable():
                yield Run(self._client, run_id)
        except BaseException:
            self._end(run_id, "FAILED")
            raise
        self._end(run_id, "FINISHED")

    def register(self, run_id: str, folder: Path, tags: Mapping[str, str]) -> int:
        """Store a signed model folder with its run and make it the next version.

        Raises
        ------
        SignatureInvalid
            If the folder is not signed with this stack's key.
        NotReady
            If MLflow is away.
        """
        model_artifact.verify(folder, self._key)
        with _reachable():
            self._client.log_artifacts(run_id, str(folder), ARTIFACT_PATH)
            self._ensure_model()
            source = f"{self._client.get_run(run_id).info.artifact_uri}/{ARTIFACT_PATH}"
            made = self._client.create_model_version(self.model_name, source, run_id, tags=dict(tags))
        return int(made.version)

    def alias(self, name: str) -> int | None:
        """Version that an alias names; None where nothing has the alias."""
        from mlflow.exceptions import RestException

        with _reachable():
            try:
                found = self._client.get_model_version_by_alias(self.model_name, name)
            except RestException as error:
                if error.error_code in ("RESOURCE_DOES_NOT_EXIST", "INVALID_PARAMETER_VALUE"):
                    return None
                raise
        return int(found.version)

    def set_alias(self, name: str, version: int) -> None:
        """Let an alias name a version."""
        with _reachable():
            self._client.set_registered_model_alias(self.model_name, name, str(version))

    def delete_alias(self, name: str) -> None:
        """Take an alias away; nothing happens where it is gone."""
        if self.alias(name) is not None:
            with _reachable():
                self._client.delete_registered_model_alias(self.model_name, name)

    def version(self, version: int) -> ModelVersion:
        """What is recorded of a version.

        Raises
        ------
        NotFound
            If there is no such version.
        """
        found = self._get(version)
        return ModelVersion(int(found.version), str(found.run_id), dict(found.tags))

    def load(self, version: int) -> FlightModel:
        """Load a version, from the cache where it is there, verified either way.

        Raises
        ------
        NotFound
            If there is no such version.
        NotReady
            If it is not in the cache and MLflow is away.
        SignatureInvalid
            If its files are not those that were signed, or it fails its test load.
        """
        return model_artifact.load(self.fetch(version), self._key)

    def fetch(self, version: int) -> Path:
        """Bring a version's verified, test-loaded files into the cache; their folder."""
        folder = self._cache_dir / str(version)
        if folder.exists():
            return folder
        self._cache_dir.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=self._cache_dir, prefix=".fetch-") as scratch:
            fetched = self._download(version, Path(scratch))
            model_artifact.verify(fetched, self._key)
            model_artifact.smoke_test(fetched)
            try:
                fetched.rename(folder)
            except OSError:  # another process was faster; its copy passed the same checks
                shutil.rmtree(fetched, ignore_errors=True)
        return folder

    def cached_versions(self) -> list[int]:
        """Versions in the cache, newest first."""
        folders = self._cache_dir.glob("[0-9]*") if self._cache_dir.exists() else iter(())
        return sorted((int(folder.name) for folder in folders if folder.name.isdigit()), reverse=True)

    def _download(self, version: int, scratch: Path) -> Path:
        found = self._get(version)
        with _reachable():
            self._client.download_artifacts(str(found.run_id), ARTIFACT_PATH, str(scratch))
        return scratch / ARTIFACT_PATH

    def _get(self, version: int) -> Any:
        from mlflow.exceptions import RestException

        with _reachable():
            try:
                return self._client.get_model_version(self.model_name, str(version))
            except RestException as error:
                if error.error_code == "RESOURCE_DOES_NOT_EXIST":
                    raise NotFound(f"model {self.model_name} has no version {version}") from error
                raise

    def _experiment(self) -> str:
        from mlflow.exceptions import RestException

        found = self._client.get_experiment_by_name(EXPERIMENT)
        if found:
            return str(found.experiment_id)
        try:
            return str(self._client.create_experiment(EXPERIMENT))
        except RestException:  # made by another process in between
            return str(self._client.get_experiment_by_name(EXPERIMENT).experiment_id)

    def _ensure_model(self) -> None:
        from mlflow.exceptions import RestException

        try:
            self._client.create_registered_model(self.model_name)
        except RestException as error:
            if error.error_code != "RESOURCE_ALREADY_EXISTS":
                raise

    def _end(self, run_id: str, status: str) -> None:
        with _reachable():
            self._client.set_terminated(run_id, status)


@contextmanager
def _reachable() -> Iterator[None]:
    """Turn the client's many ways to say "no answer" into one."""
    from mlflow.exceptions import MlflowException
    from requests.exceptions import RequestException

    try:
        yield
    except RequestException as error:
        raise NotReady(f"MLflow is not reachable: {error}") from error
    except MlflowException as error:
        if "API request to" in str(error) and "failed with exception" in str(error):
            raise NotReady(f"MLflow is not reachable: {error}") from error
        raise
