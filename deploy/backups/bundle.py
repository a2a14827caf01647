"""The file of a backup: one tar, its manifest first, with which whatever is restored is compared."""

import errno
import hashlib
import json
import os
import platform
import shutil
import tarfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from io import BufferedReader
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from adapters.atomic_write import replace_durably
from deploy.pids import is_running
from domain.errors import OntimeError

FORMAT = 2
MANIFEST = "manifest.json"
ARTIFACTS = "artifacts.tar"
SPOOL = "spool.tar"
PRIVATE = "private.sealed"
NATIVE, COMPOSE = "native", "compose"
Manifest = dict[str, Any]


def sha256(path: Path) -> str:
    """Return the SHA-256 of a file, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def begin(stack: str, git_commit: str) -> Manifest:
    """Return the manifest of a backup that begins now."""
    made_at = datetime.now(UTC).strftime("%Y%m%dT%H%M%SZ")
    return {"format": FORMAT, "stack": stack, "made_at": made_at, "git_commit": git_commit, "rows": {}}


def finish(manifest: Manifest, work: Path, folder: Path) -> Path:
    """Put the files of `work` into one tar in `folder`; only its owner can read it."""
    manifest["sha256"] = {path.name: sha256(path) for path in sorted(work.iterdir()) if path.is_file()}
    manifest["artifacts"] = checksums(work / ARTIFACTS)
    (work / MANIFEST).write_text(json.dumps(manifest, indent=1, sort_keys=True))
    target = folder / f"ontime-{manifest['made_at']}.tar"
    unfinished = work / target.name
    unfinished.touch(mode=0o600)
    with tarfile.open(unfinished, "w") as tar:
        for name in (MANIFEST, *manifest["sha256"]):
            tar.add(work / name, name)
    replace_durably(unfinished, target)
    return target


def unpack(source: Path, work: Path, stack: str) -> Manifest:
    """Unpack a backup of a stack of that kind and compare it with its manifest.

    Raises
    ------
    OntimeError
        If it is no backup, damaged, or of another kind of stack; nothing but `work` was touched.
    """
    try:
        with tarfile.open(source) as tar:
            manifest: Manifest = json.loads(_content(tar, MANIFEST).read())
            names = [Path(name).name for name in manifest["sha256"]]
            _require_kind(manifest, stack, source)
            for name in names:
                with (work / name).open("wb") as file:
                    shutil.copyfileobj(_content(tar, name), file)
        wrong = [name for name in names if sha256(work / name) != manifest["sha256"][name]]
        summary(manifest)
    except (OSError, KeyError, AttributeError, TypeError, tarfile.TarError, ValueError) as error:
        if isinstance(error, OSError) and error.errno == errno.ENOSPC:  # that of `work`
            raise
        raise OntimeError(f"{source} is no backup of ontime: {error}; nothing was touched") from error
    if wrong:
        raise OntimeError(
            f"{source} is damaged: {', '.join(wrong)} differs from its manifest; nothing was touched"
        )
    return manifest


def _require_kind(manifest: Manifest, stack: str, source: Path) -> None:
    # Earlier releases wrote neither; theirs are of Compose.
    if manifest.get("format", 1) > FORMAT:
        raise OntimeError(f"{source} was made by a later release; nothing was touched")
    made_of = manifest.get("stack", COMPOSE)
    if made_of != stack:
        raise OntimeError(f"{source} is of a {made_of} stack, and this one is {stack}; nothing was touched")


def _content(tar: tarfile.TarFile, member: str | tarfile.TarInfo) -> BufferedReader:
    content = tar.extractfile(member)
    if not isinstance(content, BufferedReader):
        raise tarfile.TarError(f"{member} is no file")
    return content


def summary(manifest: Manifest) -> str:
    """Return what a backup holds, in one line."""
    rows = ", ".join(
        f"{database} {sum(tables.values())} rows" for database, tables in manifest["rows"].items()
    )
    secrets = "secrets and settings sealed" if PRIVATE in manifest["sha256"] else "no secrets"
    return f"{rows}, {len(manifest['artifacts'])} artifact files, {secrets}"


def newest(folder: Path) -> Path:
    """Return the newest backup of a folder; OntimeError where there is none."""
    found = sorted(folder.glob("ontime-*.tar"))
    if not found:
        raise OntimeError(f"there is no backup in {folder}: `make backup` makes one")
    return found[-1]


def keep_newest(made: Path, number: int) -> None:
    """Delete the backups beside one that was just made, but the newest `number` of its kind; none where that is 0.

    The one that was made stays, also where the clock was ahead when others were. A stack of the other kind may keep
    its own in the same folder.
    """
    if not number:
        return
    kind, newest_first = kind_of(made), sorted(made.parent.glob("ontime-*.tar"), reverse=True)
    others = [file for file in newest_first if file != made and _is_of(file, kind)]
    for file in others[number - 1 :]:
        file.unlink()


def _is_of(file: Path, kind: str) -> bool:
    try:
        return kind_of(file) == kind
    except OntimeError:  # whatever it is, it is not one of these
        return False


def kind_of(source: Path) -> str:
    """Return of which kind of stack a backup is; OntimeError where it is none."""
    try:
        with tarfile.open(source) as tar:
            manifest: Manifest = json.loads(_content(tar, MANIFEST).read())
            return str(manifest.get("stack", COMPOSE))
    except (OSError, KeyError, AttributeError, tarfile.TarError, ValueError) as error:
        raise OntimeError(f"{source} is no backup of ontime: {error}; nothing was touched") from error


@contextmanager
def scratch(folder: Path) -> Iterator[Path]:
    """Make a folder below another that is gone afterwards; also remove those of commands that were killed.

    Raises
    ------
    OntimeError
        If it, or what is put there, cannot be written or read.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        _remove_left(folder)
        with TemporaryDirectory(dir=folder, prefix=f"{_mine()}{os.getpid()}-") as name:
            yield Path(name)
    except OSError as error:
        raise OntimeError(f"cannot work in {folder}: {error}") from error


def _remove_left(folder: Path) -> None:
    if not Path("/proc/self").exists():  # nobody can say there who still works
        return
    for left in folder.glob(f"{_mine()}*-*"):
        pid = left.name.removeprefix(_mine()).split("-")[0]
        if pid.isdecimal() and not is_running(int(pid)):
            shutil.rmtree(left, ignore_errors=True)


def _mine() -> str:
    """Return how the work of this host's commands is called: others may share the folder."""
    return f"unfinished-{platform.node()}-"


def checksums(archive: Path) -> dict[str, str]:
    """Return the SHA-256 of every file in a tar, by its name there."""
    with tarfile.open(archive) as tar:
        return {
            member.name.removeprefix("./"): hashlib.file_digest(_content(tar, member), "sha256").hexdigest()
            for member in tar
            if member.isfile()
        }


def archive(folder: Path, target: Path) -> None:
    """Put what is in a folder into a tar."""
    with tarfile.open(target, "w") as tar:
        # A folder may be a link to a larger disk: what is in it goes in, not the link.
        tar.add(folder.resolve(), ".")


def extract(source: Path, folder: Path) -> None:
    """Take what is in a tar into a folder, and nothing out of it."""
    folder.mkdir(parents=True, exist_ok=True)
    try:
        with tarfile.open(source) as tar:
            tar.extractall(folder, filter="data")
    except tarfile.TarError as error:
        raise OntimeError(f"{source.name} cannot be unpacked: {error}") from error
