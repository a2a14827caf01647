"""The snapshot manifest: which data, which code and which request made a training run, so that it can be made again.

A run logs it as `snapshot.json`, and its hash as a tag.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, is_dataclass
from datetime import date, datetime
from importlib.metadata import version
from typing import Any, Protocol, runtime_checkable

from domain.model import ModelManifest
from training.training_set import TrainingSet

FILE = "snapshot.json"
FORMAT = 1
LIBRARIES = ("lightgbm", "numpy", "scikit-learn")
"""Whose versions may change a bit of what is fitted."""


@runtime_checkable
class Fixed(Protocol):
    """Stores that show a fixed state of the tables."""

    @property
    def last_rows(self) -> Mapping[str, int]:
        """Return the number of the newest row of each table."""
        ...


def libraries() -> dict[str, str]:
    """Return the versions of what computes."""
    return {name: version(name) for name in LIBRARIES}


def snapshot_manifest(
    request: Any, rows: TrainingSet, store: object, manifest: ModelManifest, model_hash: str
) -> dict[str, Any]:
    """Lay out what made a model, as plain values for JSON.

    Parameters
    ----------
    request : TrainingRequest
        What was asked for: window, as_of, leads, parameters, split, seed.
    store : object
        Where the facts came from; where it is a snapshot, the newest rows it shows are recorded.
    """
    return {
        "format": FORMAT,
        "request": plain(request),
        "last_rows": dict(store.last_rows) if isinstance(store, Fixed) else None,
        "tables": {name: asdict(table) for name, table in rows.tables.items()},
        "training_set": {"rows": len(rows), "sha256": rows.data_hash},
        "contract_hash": rows.contract_hash,
        "git_commit": manifest.git_commit,
        "libraries": libraries(),
        "threads": manifest.parameters.get("threads"),
        "fit_workers": manifest.parameters.get("fit_workers", 0),
        "model_hash": model_hash,
    }


def snapshot_tags(snapshot: Mapping[str, Any]) -> dict[str, str]:
    """Return the snapshot in a few tags: its hash, and rows and hash of each table."""
    digest = hashlib.sha256(json.dumps(snapshot, sort_keys=True).encode()).hexdigest()
    tables = {
        f"snapshot.{name}": f"{table['rows']} rows, sha256 {table['sha256']}"
        for name, table in snapshot["tables"].items()
    }
    return {"snapshot_sha256": digest} | tables


def plain(value: Any) -> Any:
    """Return a request as plain values: moments and dates in ISO form, tuples as lists."""
    if is_dataclass(value) and not isinstance(value, type):
        return {name: plain(part) for name, part in vars(value).items()}
    if isinstance(value, date | datetime):
        return value.isoformat()
    if isinstance(value, Mapping):
        return {str(name): plain(part) for name, part in value.items()}
    return [plain(part) for part in value] if isinstance(value, tuple | list) else value
