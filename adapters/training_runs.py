"""Training runs in MLflow: opened, recorded (parameters, metrics, data set, files), read, and closed."""

import json
import math
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from adapters.mlflow_client import LazyClient, reachable
from adapters.mlflow_rest import MlflowRest
from domain.errors import NotFound

EXPERIMENT = "late-flights"


class Run:
    """An open training run; records what the training reports."""

    def __init__(self, client: Any, run_id: str):
        self._client = client
        self.run_id = run_id

    def parameters(self, values: Mapping[str, Any]) -> None:
        """Record parameters."""
        from mlflow.entities import Param

        parameters = [Param(name, str(value)) for name, value in values.items()]
        self._client.log_batch(self.run_id, params=parameters)

    def metrics(self, values: Mapping[str, float]) -> None:
        """Record finite metrics."""
        from mlflow.entities import Metric

        finite = {name: value for name, value in values.items() if math.isfinite(value)}
        metrics = [Metric(name, value, 0, 0) for name, value in finite.items()]
        self._client.log_batch(self.run_id, metrics=metrics)

    def tags(self, values: Mapping[str, str]) -> None:
        """Record tags."""
        from mlflow.entities import RunTag

        self._client.log_batch(self.run_id, tags=[RunTag(name, value) for name, value in values.items()])

    def dataset(self, name: str, sha256: str, origin: Mapping[str, str]) -> None:
        """Record what the run was trained on: where it came from, and its hash."""
        from mlflow.entities import Dataset, DatasetInput, InputTag

        source = json.dumps({"tags": dict(origin) | {"sha256": sha256}}, sort_keys=True)
        # MLflow's own digests are this short; the whole hash is in the source.
        dataset = Dataset(name=name, digest=sha256[:36], source_type="code", source=source)
        context = InputTag("mlflow.data.context", "training")
        self._client.log_inputs(self.run_id, [DatasetInput(dataset, [context])])

    def dictionary(self, name: str, value: Any) -> None:
        """Record a JSON file."""
        self._client.log_text(self.run_id, json.dumps(value, indent=1, sort_keys=True), name)

    def folder(self, folder: Path, name: str | None = None) -> None:
        """Record a folder's files, under `name` or at the top."""
        self._client.log_artifacts(self.run_id, str(folder), name)


class TrainingRuns:
    """The runs that train versions of one model; every failure to reach MLflow is `NotReady`."""

    def __init__(self, mlflow: LazyClient, rest: MlflowRest, model_name: str):
        self._mlflow = mlflow
        self._rest = rest
        self._model_name = model_name

    @contextmanager
    def open(self, name: str, parent: str | None = None) -> Iterator[Run]:
        """Open a run, beneath that of the id `parent`; it ends as failed when the block raises."""
        tags = {"model": self._model_name} | ({"mlflow.parentRunId": parent} if parent else {})
        with reachable():
            run = self._mlflow.client.create_run(self._experiment(), run_name=name, tags=tags)
        run_id = run.info.run_id
        try:
            with reachable():
                yield Run(self._mlflow.client, run_id)
        except BaseException:
            self._end(run_id, "FAILED")
            raise
        self._end(run_id, "FINISHED")

    def file(self, run_id: str, name: str) -> Any:
        """Read a JSON file that a training run recorded.

        Raises
        ------
        NotFound
            If there is no such run, or it recorded no such file.
        """
        from mlflow.exceptions import RestException

        try:
            with reachable():
                source = str(self._mlflow.client.get_run(run_id).info.artifact_uri)
        except RestException as error:
            raise NotFound(f"there is no training run {run_id}") from error
        try:
            return json.loads(self._rest.file(source, name))
        except NotFound as error:
            raise NotFound(f"training run {run_id} recorded no {name}") from error

    def running(self) -> list[str]:
        """Return the ids of the runs that are open: under way, or left so by a process that was killed."""
        mine = f"attributes.status = 'RUNNING' and tags.model = '{self._model_name}'"
        with reachable():
            return [run.info.run_id for run in self._mlflow.client.search_runs([self._experiment()], mine)]

    def close_abandoned(self) -> list[str]:
        """Close the runs of processes that were killed; for whoever holds the lock of retraining. Returns their ids."""
        abandoned = self.running()
        for run_id in abandoned:
            self._end(run_id, "KILLED")
        return abandoned

    def _experiment(self) -> str:
        from mlflow.exceptions import RestException

        found = self._mlflow.client.get_experiment_by_name(EXPERIMENT)
        if found:
            # By an operator: its name is not free, and its runs are there.
            if found.lifecycle_stage == "deleted":
                self._restore(found.experiment_id)
            return str(found.experiment_id)
        try:
            return str(self._mlflow.client.create_experiment(EXPERIMENT))
        except RestException:  # made by another process in between
            return str(self._mlflow.client.get_experiment_by_name(EXPERIMENT).experiment_id)

    def _restore(self, experiment: str) -> None:
        from mlflow.exceptions import RestException

        client = self._mlflow.client
        try:
            client.restore_experiment(experiment)
        except RestException:  # MLflow knows none that is deleted: another process was here in between
            if client.get_experiment(experiment).lifecycle_stage == "deleted":
                raise

    def _end(self, run_id: str, status: str) -> None:
        with reachable():
            self._mlflow.client.set_terminated(run_id, status)
