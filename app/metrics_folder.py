"""The folder of the counters that workers share through files.

It is in memory. Workers and their master map those files, and a page that a full disk has no room for ends a process
with SIGBUS: on the disk of the state folder, which may fill up, it would be all of them.
"""

import os
import shutil
import stat
from contextlib import suppress
from pathlib import Path

MEMORY = Path("/dev/shm")  # noqa: S108  the name is this user's and this port's, and its owner is looked at


def choose(state_dir: Path, port: int, memory: Path = MEMORY) -> Path:
    """Return the folder for the API at a port; beside the state where memory takes no files."""
    own = memory / f"ontime-{os.geteuid()}-{port}"
    with suppress(OSError):
        own.mkdir(mode=0o700, exist_ok=True)
        if is_own(own):
            return own / "prometheus"
    return state_dir / "run" / "prometheus"


def is_own(folder: Path, user: int | None = None) -> bool:
    """Return whether it is a folder of this user's: anybody may make a name in a folder that all share."""
    found = folder.lstat()
    return stat.S_ISDIR(found.st_mode) and found.st_uid == (os.geteuid() if user is None else user)


def begin(folder: Path) -> None:
    """Forget the counters of workers of an earlier life."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True, exist_ok=True)


def remove(folder: Path, memory: Path = MEMORY) -> None:
    """Leave nothing in memory once the workers have ended."""
    if folder.parent.parent == memory:
        shutil.rmtree(folder.parent, ignore_errors=True)
