"""Which code and libraries a running stack was started with, so that an upgrade is seen."""

from pathlib import Path

from adapters.code_hash import code_hash
from adapters.settings import PROJECT_ROOT

RUNS = (
    "adapters", "app", "data", "deploy/native", "domain", "flows", "monitoring", "services", "training",
    "requirements/all.txt",
)  # fmt: skip
"""What the stack's own processes load, and the lock of their environment."""


def release_hash(root: Path = PROJECT_ROOT) -> str:
    """Return a hash of what the processes of a stack load; documents, tests and caches are no part of it."""
    return code_hash(RUNS, "*", root)
