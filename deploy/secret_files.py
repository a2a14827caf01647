"""Random secrets in files, each made once; of the native stack and of Compose alike. Needs no library."""

import os
import secrets
import stat
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TextIO

from adapters.atomic_write import replace_durably
from adapters.public_key import encoded, public_key, seed_of
from domain.errors import OntimeError

KEY_PREFIXES = {
    name: f"ontime_{name.removesuffix('.key')}_" for name in ("predict.key", "ingest.key", "admin.key")
}
"""The keys of the API, and what each begins with: a key that turns up somewhere says what it is."""

OF_THE_STATE = ("model_signing_key", "model_public_keys", *KEY_PREFIXES)
"""What a state was made with: its models are signed with the first, and its clients hold the keys."""


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


def replace_signing_secret(secret: Path, public: Path) -> str:
    """Make another signing secret; the public key of the one before stays trusted, until its line is taken away.

    Running parts take both as they are.

    Returns
    -------
    str
        What an operator has to know of it.

    Raises
    ------
    OntimeError
        If there is none to replace, or a file cannot be written; names it.
    """
    if not is_there(secret):
        raise OntimeError(f"there is no signing key in {secret} to replace: the first start makes one")
    try:
        add_public_key(secret, public)
        value = secrets.token_urlsafe(32)
        _trust(value, public)  # first: what is signed in this moment has to be trusted
        write_in_place(secret, value)
    except OSError as error:
        raise OntimeError(f"cannot replace {secret}: {error}") from error
    return (
        f"models are signed with another key from now on, {secret}; "
        f"those of the key before load until its line is taken out of {public}"
    )


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


def write_in_place(file: Path, value: str) -> None:
    """Write another value into the file that is there, which a container may have mounted."""
    with _in_place(file) as stream:
        stream.write(value)
        stream.truncate()


def write_secret(file: Path, value: str, mode: int = 0o600) -> None:
    """Write a secret whole or not at all."""
    unfinished = file.with_name(f"{file.name}.unfinished")
    unfinished.unlink(missing_ok=True)
    with os.fdopen(os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "w") as stream:
        # No line end: the images' entrypoints hand the value on as it is.
        stream.write(value)
    replace_durably(unfinished, file)


@contextmanager
def others(files: Iterable[Path], mode: int = 0o600) -> Iterator[dict[Path, str]]:
    """Yield another value for each of some secrets, which is in its file once the block has ended well.

    Until then it lies beside the file: after an interruption the next call goes on with the same values.
    """
    beside = {file: file.with_name(f"{file.name}.next") for file in files}
    for following in beside.values():
        if not is_there(following):
            write_secret(following, secrets.token_urlsafe(32), mode)
    yield {file: following.read_text() for file, following in beside.items()}
    for file, following in beside.items():
        replace_durably(following, file)


def of_a_restored_stack(sealed: Mapping[str, str], own: Mapping[str, str]) -> dict[str, str]:
    """Return the secrets a restored stack has: what its state was made with from the backup, else this host's own."""
    return {**sealed, **own, **{name: sealed[name] for name in OF_THE_STATE if name in sealed}}


def put_in_place(values: Mapping[Path, str], beside: Path, mode: int = 0o600) -> Path | None:
    """Write what a restore brings, and keep what it replaces.

    Parameters
    ----------
    values : mapping
        What each file is to hold.
    beside : Path
        Folder in which a dated one is made for what is replaced.
    mode : int
        Of the files that are written.

    Returns
    -------
    Path or None
        The dated folder; None where nothing was replaced.

    Raises
    ------
    OntimeError
        If a file or folder cannot be used; names it.
    """
    other = {file: value for file, value in values.items() if not _holds(file, value)}
    replaced = [file for file in other if is_there(file)]
    aside = beside / f"before-restore-{datetime.now(UTC):%Y%m%dT%H%M%SZ}"
    try:
        for file in replaced:
            aside.mkdir(parents=True, exist_ok=True, mode=0o700)
            write_secret(aside / file.name, file.read_text())
        for file, value in other.items():
            file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            write_secret(file, value, mode)
    except OSError as error:
        raise OntimeError(
            f"cannot put a backup's secrets in place: {error.filename}: {error.strerror}"
        ) from error
    return aside if replaced else None


def kept_aside(folder: object) -> str:
    """Return what is said of what a restore replaced."""
    return (
        f"what the secrets and settings of the backup replaced is kept in {folder}: "
        "another stack that was made with those secrets needs them back"
    )


def _holds(file: Path, value: str) -> bool:
    return is_there(file) and file.read_text().strip() == value.strip()
