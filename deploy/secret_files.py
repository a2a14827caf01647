"""Random secrets in files, each made once; of the native stack and of Compose alike. Needs no library."""

import os
import secrets
from collections.abc import Mapping
from pathlib import Path

KEY_PREFIXES = {
    name: f"ontime_{name.removesuffix('.key')}_" for name in ("predict.key", "ingest.key", "admin.key")
}
"""The keys of the API, and what each begins with: a key that turns up somewhere says what it is."""


def is_there(file: Path) -> bool:
    """Return whether a secret's file exists and holds something."""
    return file.exists() and file.stat().st_size > 0


def make_missing(folder: Path, prefixes: Mapping[Path, str], mode: int = 0o600) -> list[Path]:
    """Make the secrets that are missing in a folder that only its owner can enter; return those made.

    Parameters
    ----------
    prefixes : mapping
        File of each secret, and what its value begins with.
    mode : int
        Of the files that are made.
    """
    if not folder.exists():
        folder.mkdir(parents=True, mode=0o700)
    folder.chmod(0o700)
    missing = [file for file in prefixes if not is_there(file)]
    for file in missing:
        _write(file, prefixes[file] + secrets.token_urlsafe(32), mode)
    return missing


def _write(file: Path, value: str, mode: int) -> None:
    """Write a secret whole or not at all."""
    unfinished = file.with_name(f"{file.name}.unfinished")
    unfinished.unlink(missing_ok=True)
    with os.fdopen(os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "w") as stream:
        # No line end: the images' entrypoints hand the value on as it is.
        stream.write(value)
    unfinished.replace(file)
