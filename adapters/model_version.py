"""A registered model version, as MLflow records it."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from domain.errors import SignatureInvalid

BINDING = "ontime.bound"
"""Tag of a version; see `model_artifact.binding`."""
BINDING_BEFORE = "ontime.binding"
"""The same in earlier releases; see `signatures_before`."""
RUN_ID = re.compile(r"[A-Za-z0-9_]{1,64}")


@dataclass(frozen=True)
class ModelVersion:
    """A registered version: where it came from and what its run said of it."""

    version: int
    run_id: str
    tags: dict[str, str]
    source: str = ""
    binding: str = ""
    """Ties the number to model, run and files."""
    binding_before: str = ""
    """What an earlier release tied them with."""

    @classmethod
    def of_record(cls, record: Mapping[str, Any]) -> "ModelVersion":
        """Take it from what MLflow records."""
        tags = {str(tag["key"]): str(tag["value"]) for tag in record.get("tags", [])}
        run_id, bound, before = (
            str(record.get("run_id", "")),
            tags.pop(BINDING, ""),
            tags.pop(BINDING_BEFORE, ""),
        )
        return cls(int(record["version"]), run_id, tags, str(record.get("source", "")), bound, before)

    @property
    def contract(self) -> str:
        """Return the feature contract it was fitted on, empty where that is not recorded."""
        return self.tags.get("contract_hash", "")

    @property
    def folder(self) -> str:
        """Return the name of its folder in the cache: a number alone may mean another model after a restore.

        Raises
        ------
        SignatureInvalid
            If its run has no id such as MLflow assigns.
        """
        if not RUN_ID.fullmatch(self.run_id):
            raise SignatureInvalid(f"version {self.version} has no training run")
        return f"{self.version}-{self.run_id}"
