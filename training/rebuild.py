"""Make a recorded training run again: the same training set from the same rows, and the same model to the bit.

Nothing is registered. What has changed since, the code above all, is said before the hashes are compared.
"""

import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields, is_dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Any, get_type_hints

from adapters.engine import LOCAL, Engine
from adapters.model_keys import ModelKeys
from adapters.model_registry import ModelRegistry
from domain.errors import ContractMismatch, InvalidInput
from domain.features.catalogue import CONTRACT_HASH
from training import run
from training.provenance import git_commit
from training.snapshot import FILE, FORMAT, libraries
from training.training_set import EventStore, LabelStore

Stores = Callable[[Mapping[str, int] | None], tuple[EventStore, LabelStore | None]]
Progress = Callable[[str, float], None]


@dataclass(frozen=True)
class Rebuilt:
    """What came of a rebuild: each thing with what was recorded, what was found."""

    run_id: str
    tables: dict[str, tuple[str, str]]
    training_set: tuple[str, str]
    model: tuple[str, str]
    changes: tuple[str, ...]
    """What differs between the code that trained and the code that runs, in words."""

    @property
    def same_data(self) -> bool:
        """Return whether every table and the training set have the recorded hash."""
        pairs = [*self.tables.values(), self.training_set]
        return all(recorded == found for recorded, found in pairs)

    @property
    def same(self) -> bool:
        """Return whether the model has it too."""
        return self.same_data and self.model[0] == self.model[1]

    def lines(self) -> list[str]:
        """Return the outcome as text."""
        found = {f"table {name}": pair for name, pair in self.tables.items()}
        found |= {"training set": self.training_set, "model": self.model}
        compared = [
            f"{name}: the same, sha256 {pair[1]}"
            if pair[0] == pair[1]
            else f"{name}: DIFFERS, recorded {pair[0]}, rebuilt {pair[1]}"
            for name, pair in found.items()
        ]
        end = "rebuilt to the bit" if self.same else "NOT the same: see above what differs"
        return [*(f"changed: {change}" for change in self.changes), *compared, end]


def rebuild(
    registry: ModelRegistry,
    stores: Stores,
    keys: ModelKeys,
    run_id: str,
    progress: Progress = lambda step, share: None,
    engine: Engine = LOCAL,
) -> Rebuilt:
    """Make the model of a run again and compare.

    Parameters
    ----------
    stores : callable
        Given the numbers of the newest rows a run saw, returns event and label store that show no later ones.
    engine : Engine
        Computes and fits; trees that workers fitted need as many workers.

    Raises
    ------
    NotFound
        If there is no such run, or it has no snapshot.
    ContractMismatch
        If this code computes other features than those the run was trained on.
    InvalidInput
        If the run's request names something this code does not know.
    """
    snapshot = registry.runs.file(run_id, FILE)
    _require_format(snapshot)
    request = request_of(snapshot["request"])
    event_store, label_store = stores(snapshot["last_rows"])
    if "labels" not in snapshot["tables"]:
        label_store = None
    # The commit is part of the manifest and so of its hash; under the recorded one the hashes compare what was learned.
    made = run.make_model(event_store, request, progress, label_store, snapshot["git_commit"], engine)
    with tempfile.TemporaryDirectory() as scratch:
        hashed = made.write(Path(scratch) / "model", keys)
    tables = {
        name: (table["sha256"], made.rows.tables[name].sha256) for name, table in snapshot["tables"].items()
    }
    trained = (snapshot["training_set"]["sha256"], made.rows.data_hash)
    changes = [*_changes(snapshot), *_other_fit(snapshot.get("fit_workers", 0), made.fitted.trees.workers)]
    return Rebuilt(run_id, tables, trained, (snapshot["model_hash"], hashed), tuple(changes))


def _require_format(snapshot: Mapping[str, Any]) -> None:
    if snapshot["format"] != FORMAT:
        raise InvalidInput("snapshot.format", f"{FORMAT}: this code reads no other", snapshot["format"])
    if snapshot["contract_hash"] != CONTRACT_HASH:
        raise ContractMismatch(
            f"the run was trained on feature contract {snapshot['contract_hash'][:12]}, this code computes "
            f"{CONTRACT_HASH[:12]}: check out commit {snapshot['git_commit']} to rebuild it"
        )


def _changes(snapshot: Mapping[str, Any]) -> list[str]:
    now = {"git commit": git_commit()} | libraries()
    then = {"git commit": snapshot["git_commit"]} | snapshot["libraries"]
    changes = [f"{name} was {then.get(name)}, is {now[name]}" for name in now if now[name] != then.get(name)]
    if snapshot["git_commit"].endswith("-dirty"):
        changes.append(
            f"the run was trained from files that differed from commit {snapshot['git_commit'][:-6]}"
        )
    if snapshot["last_rows"] is None:
        changes.append(
            "the run's stores were no snapshot: rows that came later with an earlier known_at count"
        )
    return changes


def _other_fit(then: int, now: int) -> list[str]:
    """Return what differs in how the trees were fitted: by one process, or by so many workers together."""
    by = {count: f"{count} Dask workers" if count else "one process" for count in (then, now)}
    return [f"the trees were fitted by {by[then]}, now by {by[now]}: other bits"] if then != now else []


def request_of(recorded: Mapping[str, Any]) -> run.TrainingRequest:
    """Return the request that a snapshot recorded.

    Raises
    ------
    InvalidInput
        If it names something this code does not know.
    """
    request: run.TrainingRequest = _restored(run.TrainingRequest, recorded, "request")
    return request


def _restored(kind: Any, value: Any, where: str) -> Any:
    if is_dataclass(kind):
        return _restored_record(kind, value, where)
    if kind in (date, datetime):
        return kind.fromisoformat(value)
    return tuple(value) if isinstance(value, list) else value


def _restored_record(kind: Any, recorded: Mapping[str, Any], where: str) -> Any:
    hints, known = get_type_hints(kind), {field.name for field in fields(kind)}
    unknown = sorted(recorded.keys() - known)
    if unknown:
        raise InvalidInput(f"{where}.{unknown[0]}", "a setting that this code has: the code has changed")
    return kind(**{n: _restored(hints[n], value, f"{where}.{n}") for n, value in recorded.items()})
