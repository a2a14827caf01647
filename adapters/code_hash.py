"""The hash of code: whether what was computed before was computed by the same."""

import hashlib
from collections.abc import Iterable

from adapters.settings import PROJECT_ROOT


def code_hash(sources: Iterable[str]) -> str:
    """Return the sha-256 of files and of the Python files of folders, hex; paths are relative to the project's root."""
    digest = hashlib.sha256()
    for source in sources:
        path = PROJECT_ROOT / source
        for file in sorted(path.rglob("*.py")) if path.is_dir() else [path]:
            digest.update(file.read_bytes())
    return digest.hexdigest()
