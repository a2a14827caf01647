"""Copies of backups off the host, in a restic repository: encrypted here, with the passphrase beside the secrets."""

import json
import os
import platform
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path, PurePosixPath
from typing import Any

from adapters.atomic_write import replace_durably
from deploy.backups import bundle, sealing
from domain.errors import OntimeError

PROGRAM = "restic"
TAG = "ontime"
"""What tells these snapshots from others of the same repository."""
NEEDS = "backups are kept off the host with restic, which is not here: apt-get install restic"
OF_ANOTHER = ("RESTIC_REPOSITORY_FILE", "RESTIC_PASSWORD_COMMAND")
"""Set by who uses restic for something else; it takes neither beside a named repository and password file."""
QUIET = "--quiet"


class Repository:
    """A restic repository.

    Parameters
    ----------
    address : str
        As restic has it: a folder, `sftp:backup@elsewhere:/srv/ontime`, `s3:https://store.example/ontime`. What such a
        store asks for beside, restic takes from the environment.
    secrets : Path
        Folder in which the passphrase lies.

    Raises
    ------
    OntimeError
        If there is no restic here, or no passphrase.
    """

    def __init__(self, address: str, secrets: Path):
        if shutil.which(PROGRAM) is None:
            raise OntimeError(NEEDS)
        passphrase = secrets / sealing.PASSPHRASE
        if sealing.read_passphrase(secrets) is None:
            raise OntimeError(
                f"what leaves the host is encrypted: put a passphrase of {sealing.SHORTEST} characters or more into "
                f"{passphrase}, and keep a copy of it elsewhere"
            )
        self.address = address
        named = {"RESTIC_REPOSITORY": address, "RESTIC_PASSWORD_FILE": str(passphrase.absolute())}
        kept = {name: value for name, value in os.environ.items() if name not in OF_ANOTHER}
        self._environment = kept | named

    def keep(self, file: Path, days: int) -> None:
        """Copy a backup there, and delete this host's that are so many days older than it; none where that is 0.

        The repository is made where there is none. After an interruption it can be asked for again.

        Raises
        ------
        OntimeError
            If the repository cannot be reached or opened; the backup itself is not touched.
        """
        here = ("--tag", TAG, "--host", platform.node())
        try:
            self._make_ready()
            with file.open("rb") as content:
                as_named = ("--stdin", "--stdin-filename", file.name)
                self._run("backup", *here, *as_named, stdin=content, stdout=_shown())
        except OntimeError as error:
            raise OntimeError(f"{error}; the backup is here only, in {file}") from error
        if days:
            # By host: each backup has a name of its own, and restic would never compare them.
            age = ("--group-by", "host", "--keep-within", f"{days}d", "--prune")
            self._run("forget", QUIET, *here, *age)

    def fetch(self, folder: Path, name: str = "") -> Path:
        """Write a backup that is kept there into a folder, the newest unless one is named, and return its path.

        Raises
        ------
        OntimeError
            If the repository cannot be reached or opened, or has no such backup.
        """
        kept = self.names()
        found = name or max(kept, default="")
        if found not in kept:
            has = ", ".join(sorted(kept)[-3:]) or "none"
            raise OntimeError(f"{self.address} has no backup {name}; the last it has: {has}")
        with bundle.scratch(folder) as work:
            unfinished, target = work / found, folder / found
            unfinished.touch(mode=0o600)
            with unfinished.open("wb") as content:
                self._run("dump", QUIET, kept[found], f"/{found}", stdout=content)
            if target.exists() and bundle.sha256(target) != bundle.sha256(unfinished):
                raise OntimeError(f"{target} is there and is another: move it away")
            replace_durably(unfinished, target)
            return target

    def names(self) -> dict[str, str]:
        """Return the snapshot of each backup that is kept there, by the backup's name, of all hosts."""
        listed = self._run("snapshots", "--json", "--tag", TAG)
        return {
            PurePosixPath(path).name: str(snapshot["id"])
            for snapshot in json.loads(listed) or []
            for path in snapshot["paths"]
        }

    def _make_ready(self) -> None:
        """Make the repository where there is none; take away the locks of commands that are gone, and no others."""
        opened = self._call("unlock", QUIET)
        # Where one is there and does not open, restic refuses to make another over it.
        made = self._call("init", QUIET) if opened.returncode else opened
        if made.returncode:
            raise OntimeError(f"{self._problem(opened)}; {_last_words(made)}")

    def _run(self, *arguments: str, **streams: Any) -> bytes:
        done = self._call(*arguments, **streams)
        if done.returncode:
            raise OntimeError(self._problem(done))
        return done.stdout or b""

    def _call(self, *arguments: str, **streams: Any) -> "subprocess.CompletedProcess[bytes]":
        # A cache would need a home; what is read of a repository of few large files is small.
        command = [PROGRAM, "--no-cache", *arguments]
        ends: dict[str, Any] = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, **streams}
        return subprocess.run(command, env=self._environment, stderr=subprocess.PIPE, check=False, **ends)

    def _problem(self, done: "subprocess.CompletedProcess[bytes]") -> str:
        return f"{PROGRAM}, {self.address}: {_last_words(done)}"


def _last_words(done: "subprocess.CompletedProcess[bytes]") -> str:
    said = [line for line in done.stderr.decode(errors="replace").splitlines() if line.strip()]
    return " ".join(said[-2:]) or f"exit status {done.returncode}"


def _shown() -> int | None:
    """Return where restic's progress goes: to the terminal that there is."""
    return None if sys.stdout.isatty() else subprocess.DEVNULL


def keep_too(
    make: Callable[[], Path], address: str, secrets: Path, days: int, say: Callable[[str], None]
) -> Path:
    """Make a backup, keep it in a repository as well where one is named, and return its path.

    Raises
    ------
    OntimeError
        If what the repository needs is missing, before the backup; or it cannot be kept there, after it.
    """
    repository = Repository(address, secrets) if address else None
    made = make()
    if repository:
        repository.keep(made, days)
        say(f"and in {address}")
    return made
