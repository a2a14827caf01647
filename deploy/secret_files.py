"""Random secrets in files, each made once; of the native stack and of Compose alike. Needs no library."""

import os
import secrets
import stat
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TextIO

from adapters.public_key import encoded, public_key, seed_of

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
        write_secret(file, prefixes[file] + secrets.token_urlsafe(32), mode)
    return missing


def add_public_key(secret: Path, public: Path, mode: int = 0o600) -> None:
    """Add the public key of a signing secret to the file of those that are trusted, where it is not there yet."""
    if not public.exists():
        write_secret(public, "", mode)
    _trust(secret.read_text(), public)


def replace_signing_secret(secret: Path, public: Path) -> None:
    """Make another signing secret; the public key of the one before stays trusted, until its line is taken away."""
    add_public_key(secret, public)
    value = secrets.token_urlsafe(32)
    _trust(value, public)  # first: what is signed in this moment has to be trusted
    with _in_place(secret) as stream:
        stream.write(value)
        stream.truncate()


def _trust(secret: str, public: Path) -> None:
    key, known = encoded(public_key(seed_of(secret))), public.read_text()
    if key not in known.split():
        with _in_place(public) as stream:
            stream.seek(0, os.SEEK_END)
            stream.write(f"{key} since {datetime.now(UTC):%Y-%m-%d}\n")


@contextmanager
def _in_place(file: Path) -> Iterator[TextIO]:
    """Open a file to be written where it lies: a container that has it mounted sees the change at once."""
    mode = stat.S_IMODE(file.stat().st_mode)
    file.chmod(mode | 0o200)
    try:
        with file.open("r+") as stream:
            yield stream
    finally:
        file.chmod(mode)


def write_secret(file: Path, value: str, mode: int = 0o600) -> None:
    """Write a secret whole or not at all."""
    unfinished = file.with_name(f"{file.name}.unfinished")
    unfinished.unlink(missing_ok=True)
    with os.fdopen(os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "w") as stream:
        # No line end: the images' entrypoints hand the value on as it is.
        stream.write(value)
    unfinished.replace(file)
