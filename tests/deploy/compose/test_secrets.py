"""Secrets of the Compose stack beside volumes that were made with them."""

import os
import subprocess

import pytest

from adapters.settings import PROJECT_ROOT

pytestmark = pytest.mark.stack


def make_secrets(folder, project) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["python3", "-m", "deploy.compose", "secrets"],
        env=os.environ | {"SECRETS_DIR": str(folder), "COMPOSE_PROJECT_NAME": project},
        cwd=PROJECT_ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip


@pytest.fixture
def project():
    """A project that has the volumes of PostgreSQL and of the artifacts, and nothing else."""
    name = f"ontime-secrets-{os.urandom(3).hex()}"
    for volume in ("postgres-data-17", "artifacts"):
        labels = (f"com.docker.compose.project={name}", f"com.docker.compose.volume={volume}")
        words = [word for label in labels for word in ("--label", label)]
        subprocess.run(
            ["docker", "volume", "create", *words, f"{name}_{volume}"], check=True, capture_output=True
        )
    yield name
    for volume in ("postgres-data-17", "artifacts"):
        subprocess.run(["docker", "volume", "rm", f"{name}_{volume}"], check=True, capture_output=True)


@pytest.mark.parametrize(
    ("secret", "volume"),
    [
        ("postgres_password", "postgres-data-17"),
        ("prefect_database_password", "postgres-data-17"),
        ("model_signing_key", "artifacts"),
    ],
)
def test_a_secret_that_a_volume_was_made_with_is_missed_and_not_replaced(tmp_path, project, secret, volume):
    assert make_secrets(tmp_path, "ontime-has-no-volumes").returncode == 0
    (tmp_path / secret).unlink()
    before = {path.name: path.read_text() for path in tmp_path.iterdir()}
    done = make_secrets(tmp_path, project)
    assert done.returncode == 1
    assert f"{secret} is gone, and the volume {project}_{volume} can be used with no other" in done.stderr
    assert {path.name: path.read_text() for path in tmp_path.iterdir()} == before


def test_a_key_of_the_api_is_made_again_beside_any_volume(tmp_path, project):
    assert make_secrets(tmp_path, "ontime-has-no-volumes").returncode == 0
    (tmp_path / "predict.key").unlink()
    assert make_secrets(tmp_path, project).returncode == 0
    assert (tmp_path / "predict.key").read_text().startswith("ontime_predict_")
