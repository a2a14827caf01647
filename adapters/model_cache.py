"""Verified copies of model versions on this machine: a worker serves from them even while MLflow is away."""

import logging
import os
import shutil
import threading
from collections.abc import Collection
from pathlib import Path

from adapters import model_artifact, signatures_before
from adapters.atomic_write import atomic_write
from adapters.model_artifact import Owner
from adapters.model_keys import ModelKeys
from domain.errors import SignatureInvalid

logger = logging.getLogger(__name__)

LAST_SERVED = "last_served"
"""File that names the version which served last."""


class ModelCache:
    """A folder for each version of one model, and a note of the one that served last."""

    def __init__(self, directory: Path, model_name: str, keys: ModelKeys):
        self.directory = directory
        self._model_name = model_name
        self._keys = keys
        self._testing = threading.Lock()

    def find(self, version: int) -> Path | None:
        """Return a sound copy of a version: that which served last, where the number stands for several."""
        found = [
            folder for folder in self.directory.glob(f"{version}*") if version_in(folder.name) == version
        ]
        last = self._last_note()
        for folder in sorted(found, key=lambda folder: (folder.name != last, -folder.stat().st_mtime)):
            if self.is_sound(folder) and self._is_of_this_model(folder):
                return folder
        return None

    def copies_beside(self, kept: Collection[int | None]) -> list[Path]:
        """Return the copies of all versions but these."""
        folders = [folder for folder in sorted(self.directory.glob("*")) if folder.is_dir()]
        return [folder for folder in folders if version_in(folder.name) not in {None, *kept}]

    def keep(self, fetched: Path, folder: Path) -> None:
        """Load verified files once as a test, and move them into the cache, unless another was faster.

        Raises
        ------
        SignatureInvalid, NotReady
            As of `model_artifact.smoke_test`.
        """
        # One after the other: side by side, the test loads of many would each take too long.
        with self._testing:
            if self.is_sound(folder):
                return
            model_artifact.smoke_test(fetched, self._keys)
            try:
                fetched.rename(folder)
            except OSError:  # another process's copy passed the same checks
                model_artifact.verify(folder, self._keys)

    def sign_again(self, secret: bytes) -> None:
        """Sign the copies that an earlier release signed with a secret: they serve while MLflow is away."""
        for note in sorted(self.directory.glob(f"*-*/{model_artifact.SIGNATURE}")):
            try:
                self._sign_again(note, secret)
            except SignatureInvalid as error:
                logger.warning("cached model left", extra={"folder": str(note.parent), "reason": str(error)})

    def _sign_again(self, note: Path, secret: bytes) -> None:
        text = model_artifact.signature_of(note.parent)
        if signatures_before.MAC not in text or model_artifact.ED25519 in text:
            return
        owner = Owner(self._model_name, note.parent.name.partition("-")[2])
        unfinished = self.directory / f".signed-{os.getpid()}"
        unfinished.write_text(
            signatures_before.signed_again(text, secret, owner, self._keys), encoding="utf-8"
        )
        unfinished.replace(note)

    def is_sound(self, folder: Path) -> bool:
        """Return whether a copy is there and verified; one that is damaged is removed."""
        if not folder.exists():
            return False
        try:
            model_artifact.verify(folder, self._keys)
        except SignatureInvalid:
            logger.warning("cached model is damaged", extra={"folder": str(folder)})
            shutil.rmtree(folder, ignore_errors=True)
            return False
        return True

    def note_served(self, name: str) -> None:
        """Note the folder's name, or the number, of the version that serves."""
        if self._last_note() != name:
            with atomic_write(self.directory / LAST_SERVED) as unfinished:
                unfinished.write_text(f"{name}\n")

    def last_served(self) -> int | None:
        """Return the version noted last, None where there is none."""
        return version_in(self._last_note())

    def _last_note(self) -> str:
        try:
            return (self.directory / LAST_SERVED).read_text().strip()
        except (OSError, UnicodeDecodeError):
            return ""

    def _is_of_this_model(self, folder: Path) -> bool:
        owner = model_artifact.owner_of(model_artifact.signature_of(folder), self._keys)
        return owner is None or owner.model == self._model_name


def version_in(name: str) -> int | None:
    """Return the version in the name of a folder or a note: all before the run, or the whole."""
    number = name.partition("-")[0]
    return int(number) if number.isascii() and number.isdigit() else None
