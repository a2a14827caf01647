"""The secrets that `make up` makes, in a folder of a test's own."""

import os
import secrets
import subprocess
from pathlib import Path

from adapters.settings import PROJECT_ROOT


def make_compose_secrets(folder: Path) -> None:
    """Make them for a project of its own: this machine may have a Compose stack, whose volumes need its secrets."""
    project = f"ontime-test-{secrets.token_hex(4)}"
    subprocess.run(
        ["python3", "-m", "deploy.compose", "secrets"],
        env=os.environ | {"COMPOSE_PROJECT_NAME": project, "SECRETS_DIR": str(folder)},
        cwd=PROJECT_ROOT, check=True, capture_output=True,
    )  # fmt: skip
