"""Candidates that must never serve, put where the system keeps its challenger: past the gate, as an intruder would."""

import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from adapters import model_artifact
from adapters.deployments import Deployments
from adapters.model_keys import ModelKeys
from adapters.model_registry import ARTIFACT_PATH, CHALLENGER, CHAMPION, ModelRegistry
from adapters.settings import Settings
from domain.errors import OntimeError
from domain.model import Calibration, ModelManifest
from replay.client import ApiClient, require

REVERSED = Calibration(slope=-0.5, intercept=-1.0)
"""The flights most likely late come out as the least likely."""
FOLLOW_SECONDS = 5.0
"""The API's workers follow an alias within two."""


@dataclass(frozen=True)
class Poison:
    """A bad candidate: its name on the command line, what it is, and how it is made; returns its version."""

    name: str
    sentence: str
    make: Callable[[ModelRegistry, Settings], int]
    asked_by_hand: bool = False
    """Whether a person asks for it in the end. Past the gate people may promote what is worse, not what is forged."""
    about: tuple[str, ...] = ()
    """The rules that are about it."""


def plainly_worse(registry: ModelRegistry, own: Settings) -> int:
    """Register the champion with its scores reversed, rightly signed; it becomes challenger."""
    with _copy_of_champion(registry) as folder:
        manifest = ModelManifest.from_json((folder / model_artifact.MANIFEST).read_text())
        trees = (folder / model_artifact.TREES).read_text()
        model_artifact.write(
            folder, trees, replace(manifest, calibration=REVERSED), ModelKeys.of_trainer(own)
        )
        return _challenger(registry, folder)


def tampered(registry: ModelRegistry, own: Settings) -> int:
    """Register a copy of the champion, then change its trees where MLflow keeps them; it becomes challenger."""

    def change(folder: Path) -> None:
        trees = folder / model_artifact.TREES
        trees.write_text(trees.read_text().replace("leaf_value=", "leaf_value=9", 1))

    with _copy_of_champion(registry) as folder:
        return _challenger(registry, folder, change)


POISONS = {
    poison.name: poison
    for poison in (
        Poison("candidate-worse", "a challenger that is plainly worse, rightly signed", plainly_worse),
        Poison(
            "candidate-tampered", "a challenger whose trees were changed after it was signed", tampered, True,
            ("an artifact was refused",),
        ),
    )
}  # fmt: skip


def outcome(
    poison: Poison, api: ApiClient, registry: ModelRegistry, deployments: Deployments, version: int
) -> dict[str, Any]:
    """Return whether it ever served, and what a person meets who asks for it by hand."""
    found: dict[str, Any] = {"version": version}
    if poison.asked_by_hand:
        body = {"version": version, "expected_version": serving(api), "reason": "drill", "who": "drill"}
        answer = api.post("/v1/model/promote", body, "admin")
        time.sleep(FOLLOW_SECONDS)
        found |= {"by_hand": answer.status, "said": answer.body.get("detail") or answer.body.get("reason")}
    ever = [row.to_version for row in deployments.history(1000) if row.status == "done"]
    return found | {
        "promoted": version in ever or registry.alias(CHAMPION) == version or serving(api) == version
    }


def serving(api: ApiClient) -> int:
    """Return the version that answers."""
    return int(require(api.get("/health/ready"), 200).body["model_version"])


@contextmanager
def _copy_of_champion(registry: ModelRegistry) -> Iterator[Path]:
    champion = registry.alias(CHAMPION)
    if champion is None:
        raise OntimeError("the drill needs a champion")
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch) / "model"
        shutil.copytree(registry.fetch(champion), folder)
        yield folder


def _challenger(
    registry: ModelRegistry, folder: Path, afterwards: Callable[[Path], None] | None = None
) -> int:
    """Register a folder as challenger; what is changed afterwards takes the place of what was registered."""
    champion = registry.alias(CHAMPION)
    assert champion is not None  # noqa: S101  its copy is what is registered
    tags = registry.version(champion).tags | {"reason": "drill"}
    with registry.runs.open("drill") as run:
        version = registry.register(run.run_id, folder, tags)
        if afterwards is not None:
            afterwards(folder)
            run.folder(folder, ARTIFACT_PATH)
    registry.set_alias(CHALLENGER, version)
    return version
