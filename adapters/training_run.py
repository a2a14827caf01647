"""A training run in MLflow while it is open: parameters, metrics, data set and files. Imports MLflow as it is used."""

import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any


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
