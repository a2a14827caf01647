"""Which code and libraries a running stack was started with, so that an upgrade is seen."""

import hashlib
from collections.abc import Iterator
from pathlib import Path

from adapters.settings import PROJECT_ROOT

RUNS = (
    "adapters", "app", "data", "deploy/native", "domain", "flows", "monitoring", "services", "training",
    "requirements/all.txt",
)  # fmt: skip
"""What the stack's own processes load, and the lock of their environment."""


def release_hash(root: Path = PROJECT_ROOT) -> str:
    """Compute a hash of what the processes of a stack load; documents, tests and caches are no part of it."""
    found = hashlib.sha256()
    for file in _files(root):
        found.update(f"{file.relative_to(root)}\n{hashlib.sha256(file.read_bytes()).hexdigest()}\n".encode())
    return found.hexdigest()


def _files(root: Path) -> Iterator[Path]:
    for name in RUNS:
        path = root / name
        inside = sorted(path.rglob("*")) if path.is_dir() else [path]
        yield from (file for file in inside if file.is_file() and "__pycache__" not in file.parts)
