"""What the pipeline does with a new version, on a real PostgreSQL, a real MLflow and the real API."""

import json
import subprocess
import sys
from dataclasses import replace

import pytest

from adapters import model_artifact
from adapters.deployments import Deployments
from adapters.model_keys import ModelKeys
from adapters.model_registry import CHAMPION, ModelRegistry
from adapters.settings import PROJECT_ROOT
from domain.errors import Conflict, ContractMismatch, StaleVersion
from domain.evidence import EvidencePolicy
from flows import validate as validation
from tests.app import worlds
from tests.builders import NOON
from tests.documented import documented
from tests.session import without_settings
from training.gate import GatePolicy, GateVerdict

pytestmark = pytest.mark.integration


@pytest.fixture
def world(postgres, stack_settings, mlflow_address):
    """A stack with a state, keys and nothing that serves."""
    worlds.busy_morning(postgres)
    worlds.refresh_at(postgres, NOON)
    settings = replace(stack_settings, mlflow_url=mlflow_address, model_name=stack_settings.postgres_database)
    (settings.api_keys_dir / "predict.key").write_text(worlds.make_keys(postgres)["predict"])
    return settings


@pytest.fixture
def registry(world):
    return ModelRegistry.of_trainer(world)


def register(registry, world, folder, **changes) -> int:
    manifest = worlds.manifest(**changes)
    model_artifact.write(folder, worlds.trees(), manifest, ModelKeys.of_trainer(world))
    with registry.runs.open("a test") as run:
        return registry.register(run.run_id, folder, {"contract_hash": manifest.contract_hash})


def validated(world, registry, version, passed=True) -> None:
    path = world.reports_dir / "validation" / f"{version}.json"
    path.parent.mkdir(parents=True)
    hashed = model_artifact.model_hash(registry.fetch(version))
    report = {
        "model_hash": hashed,
        "champion": None,
        "passed": passed,
        "reason": "auc is 0.5",
        "gate": {"auc": 1},
    }
    path.write_text(json.dumps(report))


def quiet(_: str) -> None:
    """Nobody listens."""


def test_a_version_is_tried_apart_and_leaves_no_trace_in_what_serves(world, registry, tmp_path):
    version = register(registry, world, tmp_path / "candidate")
    done = subprocess.run(
        [sys.executable, "-m", "deploy.pipeline.trial", str(version)],
        cwd=PROJECT_ROOT,
        env={
            "PATH": "/usr/bin:/bin",
            "ONTIME_STATE_DIR": str(world.state_dir),
            "ONTIME_POSTGRES_HOST": world.postgres_host,
            "ONTIME_POSTGRES_PORT": str(world.postgres_port),
            "ONTIME_POSTGRES_DATABASE": world.postgres_database,
            "ONTIME_MLFLOW_URL": world.mlflow_url,
            "ONTIME_MODEL_NAME": world.model_name,
        },
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "smoke test passed: 3 predictions" in done.stdout
    assert registry.alias(CHAMPION) is None
    assert list(world.spool_dir.glob("*")) == []
    assert not (world.model_cache_dir / "last_served").exists()


def test_the_command_names_the_check_that_a_version_does_not_pass(
    world, registry, stack_environment, tmp_path
):
    version = register(registry, world, tmp_path / "candidate", contract_hash="another")
    own = without_settings()
    own |= stack_environment | {"ONTIME_MLFLOW_URL": world.mlflow_url, "ONTIME_MODEL_NAME": world.model_name}
    done = documented(".venv/bin/ontime validate-model 7 --step gate", {"7": str(version)}).run(
        own, check=False
    )
    assert done.returncode == 1
    assert done.stderr.startswith("ontime: the model needs feature contract another, this code computes ")
    assert registry.alias(CHAMPION) is None


def test_the_gate_is_the_one_that_the_settings_of_the_stack_choose(world, registry, tmp_path, monkeypatch):
    version = register(registry, world, tmp_path / "candidate")
    asked = []
    monkeypatch.setattr(validation, "_gate", lambda *given: asked.append(given[-1]) or GateVerdict(()))
    validation.check_version(replace(world, decision_alpha=0.2, anchor_days=7), version, quiet)
    [gate] = asked
    assert gate == replace(GatePolicy(), evidence=EvidencePolicy(alpha=0.2, anchor_days=7))


def test_a_version_nobody_validated_is_not_promoted(world, registry, tmp_path):
    version = register(registry, world, tmp_path / "candidate")
    with pytest.raises(Conflict, match="was not validated"):
        validation.promote_version(world, version, "77", "c" * 40, quiet)
    validated(world, registry, version, passed=False)
    with pytest.raises(Conflict, match=r"did not pass the gate: auc is 0\.5"):
        validation.promote_version(world, version, "77", "c" * 40, quiet)
    assert registry.alias(CHAMPION) is None


def test_the_ledger_names_the_pipeline_and_its_commit(world, registry, postgres, tmp_path):
    version = register(registry, world, tmp_path / "candidate")
    validated(world, registry, version)
    validation.promote_version(world, version, "77", "c" * 40, quiet)
    [row] = Deployments(postgres).history(1)
    assert (row.action, row.to_version, row.who) == ("promote", version, "pipeline 77")
    assert row.evidence == {"pipeline": "77", "commit": "c" * 40, "gate": {"auc": 1}}
    assert registry.alias(CHAMPION) == version


def test_a_version_compared_with_another_champion_is_not_promoted(world, registry, tmp_path):
    first = register(registry, world, tmp_path / "first")
    second = register(registry, world, tmp_path / "second", intercept=0.1)
    validated(world, registry, second)
    registry.set_alias(CHAMPION, first)
    with pytest.raises(StaleVersion):
        validation.promote_version(world, second, "77", "c" * 40, quiet)
    assert registry.alias(CHAMPION) == first


def test_other_features_and_a_champion_are_refused_before_the_gate(world, registry, tmp_path):
    other = register(registry, world, tmp_path / "other", contract_hash="d" * 64)
    with pytest.raises(ContractMismatch):
        validation.check_version(world, other, quiet)
    registry.set_alias(CHAMPION, other)
    with pytest.raises(Conflict, match="serves already"):
        validation.check_version(world, other, quiet)
