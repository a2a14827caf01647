"""What made a file of figures or a model: the commit of the code, feature contract, recipe, and data."""

import hashlib
import json
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from adapters.atomic_write import atomic_write
from adapters.settings import PROJECT_ROOT, settings
from data.dataset import dataset_hash
from domain.features.catalogue import CONTRACT_HASH

DIRTY = "-dirty"
"""Ends a commit from which the code of the checkout differs."""
CODE = ("--", ":/", ":(top,exclude)docs", ":(top,exclude)README.md")


def made_with(command: str, data: str | None = None) -> dict[str, str]:
    """Return what made some figures, so that a reader, and a test, can tell old ones from those of today's code.

    Parameters
    ----------
    command : str
        As it is typed: make evaluate.
    data : str, optional
        Hash of the rows they were measured on; by default that of the dataset.
    """
    return {
        "command": command,
        "commit": git_commit(),
        "contract": CONTRACT_HASH,
        "data": data or dataset_hash(),
        "recipe": recipe_hash(),
    }


def recipe_hash() -> str:
    """Return a hash of what a retrain chooses of each part of a model by default."""
    # Imported here: who only notes a commit need not wait for what fits models.
    from training.fit import Recipe

    return hashlib.sha256(json.dumps(Recipe().as_dict(), sort_keys=True).encode()).hexdigest()


def write_figures(path: Path, found: Mapping[str, Any], command: str, data: str | None = None) -> Path:
    """Write measured figures as JSON, as a whole or not at all, below what made them now; return the path.

    Parameters
    ----------
    command, data
        As in `made_with`.
    """
    made = {"made_with": made_with(command, data)}
    with atomic_write(path) as unfinished:
        unfinished.write_text(json.dumps(made | dict(found) | made, indent=1) + "\n")
    return path


def git_commit() -> str:
    """Return the commit of the running code, with "-dirty" where it differs; outside a checkout that of the settings.

    Documents are no code: an evaluation that writes its report does not make the next training another one.
    """
    try:
        return _git("rev-parse", "HEAD") + (DIRTY if _git("status", "--porcelain", *CODE) else "")
    except (OSError, subprocess.CalledProcessError):
        return settings().git_commit or "unknown"


def _git(*arguments: str) -> str:
    return subprocess.run(  # noqa: S603  fixed arguments
        ["git", *arguments], cwd=PROJECT_ROOT, capture_output=True, text=True, check=True  # noqa: S607
    ).stdout.strip()  # fmt: skip
