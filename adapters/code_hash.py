"""The hash of code: whether what was computed before was computed by the same."""

import hashlib
from collections.abc import Iterable, Iterator
from pathlib import Path

from adapters.settings import PROJECT_ROOT


def code_hash(sources: Iterable[str], pattern: str = "*.py", root: Path = PROJECT_ROOT) -> str:
    """Return the sha-256 of files and of the files of folders, hex.

    Parameters
    ----------
    sources : iterable of str
        Files and folders, relative to the root.
    pattern : str
        Of the names that count in a folder, caches excepted.
    """
    digest = hashlib.sha256()
    for source in sources:
        for file in _files(root / source, pattern):
            digest.update(file.read_bytes())
    return digest.hexdigest()


def _files(path: Path, pattern: str) -> Iterator[Path]:
    inside = sorted(path.rglob(pattern)) if path.is_dir() else [path]
    yield from (file for file in inside if not file.is_dir() and "__pycache__" not in file.parts)
