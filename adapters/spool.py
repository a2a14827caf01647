"""The spool: where a prediction is durable before it is answered.

Each API worker appends to a file of its own, whose lock it holds as long as it lives. A line is one prediction in
COPY's text form. The shipper reads whole lines, and deletes a file once its worker is gone and all of it is stored.
"""

import fcntl
import logging
import mmap
import os
import secrets
import socket
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from domain.errors import NotReady

logger = logging.getLogger(__name__)

SUFFIX = ".spool"
UNFINISHED = ".new"
ROTATE_BYTES = 64 * 1024 * 1024
SYNC_SECONDS = 0.2


class SpoolWriter:
    """Appends blocks of whole lines to this worker's file. Make it after the fork; threads may share it.

    Parameters
    ----------
    directory : Path
        On a file system of this machine: locks must work.
    worker : str
        Part of the file's name, for people.
    rotate_bytes : int
        A file that has grown to this size is left to the shipper and a new one begun.
    sync_seconds : float
        How often a background thread makes what was written safe from a power cut; a crash loses nothing anyway.

    Raises
    ------
    NotReady
        If the folder cannot be written.
    """

    def __init__(
        self,
        directory: Path,
        worker: str = "worker",
        rotate_bytes: int = ROTATE_BYTES,
        sync_seconds: float = SYNC_SECONDS,
    ):
        self._directory = directory
        self._worker = worker
        self._rotate_bytes = rotate_bytes
        self._lock = threading.Lock()
        self._file: int | None = None
        self._size = 0
        self._dirty = False
        self._stop = threading.Event()
        with self._lock:
            self._open()
        self._syncer = threading.Thread(
            target=self._sync_loop, args=(sync_seconds,), name="spool-sync", daemon=True
        )
        self._syncer.start()

    def write(self, block: bytes) -> None:
        """Append whole lines with one write; when this returns, no crash of this process loses them.

        Raises
        ------
        NotReady
            If the block could not be written whole (disk full); nothing of it stays then.
        """
        with self._lock:
            if self._file is None or self._size >= self._rotate_bytes:
                self._open()
            assert self._file is not None  # noqa: S101  _open() opens or raises
            try:
                written = os.write(self._file, block)
            except OSError as error:
                self._retreat(self._file)
                raise NotReady(f"the spool cannot be written: {error.strerror}") from error
            if written != len(block):
                self._retreat(self._file)
                raise NotReady("the spool cannot be written: the disk is full")
            self._size += written
            self._dirty = True

    def check(self) -> None:
        """Check that a write would find an open file and room on the disk.

        Raises
        ------
        NotReady
            If not.
        """
        with self._lock:
            if self._file is None:
                self._open()
        free = os.statvfs(self._directory)
        if free.f_bavail * free.f_frsize < 1024 * 1024:
            raise NotReady("the spool's disk is full")

    def close(self) -> None:
        """Make everything safe and leave the file to the shipper."""
        self._stop.set()
        self._syncer.join()
        with self._lock:
            self._close()

    def _open(self) -> None:
        """Begin a new file; it gets its name only once it is locked, so that it never looks abandoned."""
        name = f"{socket.gethostname()}-{self._worker}-{os.getpid()}-{time.time_ns()}-{secrets.token_hex(4)}"
        final = self._directory / (name + SUFFIX)
        unfinished = final.with_suffix(UNFINISHED)
        try:
            self._directory.mkdir(parents=True, exist_ok=True)
            file = os.open(
                unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND | os.O_CLOEXEC, 0o640
            )
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            unfinished.rename(final)
            _sync_folder(self._directory)
        except OSError as error:
            raise NotReady(f"the spool {self._directory} cannot be written: {error.strerror}") from error
        self._close()
        self._file, self._size = file, 0

    def _retreat(self, file: int) -> None:
        """Take back a torn block and leave this file: the shipper may have seen a part of it already."""
        try:
            os.ftruncate(file, self._size)
        except OSError as error:
            logger.error("torn block left in the spool", extra={"reason": error.strerror})
        self._close()

    def _close(self) -> None:
        if self._file is None:
            return
        try:
            os.fdatasync(self._file)
        except OSError as error:
            logger.error("spool not synced", extra={"reason": error.strerror})
        os.close(self._file)
        self._file = None

    def _sync_loop(self, seconds: float) -> None:
        while not self._stop.wait(seconds):
            with self._lock:
                if not self._dirty or self._file is None:
                    continue
                self._dirty = False
                file = os.dup(self._file)  # the worker may close its own meanwhile
            try:
                os.fdatasync(file)
            except OSError as error:
                logger.error("spool not synced", extra={"reason": error.strerror})
            finally:
                os.close(file)


def _sync_folder(directory: Path) -> None:
    folder = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


@dataclass(frozen=True)
class Tail:
    """What follows an offset of a file."""

    lines: bytes
    """Whole lines."""
    torn: int
    """Bytes after the last whole line; the beginning of a line that is being written, or never will be."""


class SpoolReader:
    """Reads what workers wrote."""

    def __init__(self, directory: Path):
        self._directory = directory

    def is_there(self) -> bool:
        """Whether the folder can be seen from here."""
        return self._directory.is_dir()

    def files(self) -> list[Path]:
        """All files, oldest name first within a worker."""
        return sorted(self._directory.glob("*" + SUFFIX))

    def read(self, file: Path, offset: int, max_bytes: int) -> Tail:
        """Read whole lines from an offset on, at most about `max_bytes`, but at least one line if there is one.

        Raises
        ------
        FileNotFoundError
            If the file is gone: shipped and deleted.
        """
        with file.open("rb") as stream:
            stream.seek(offset)
            data = stream.read(max_bytes)
            while data and b"\n" not in data:
                more = stream.read(max_bytes)
                if not more:
                    break
                data += more
            end = data.rfind(b"\n") + 1
            whole = len(data) < max_bytes or not stream.read(1)
        return Tail(data[:end], len(data) - end if whole else 0)

    def is_abandoned(self, file: Path) -> bool:
        """Whether the worker of a file is gone, or has left it for a new one: nobody holds its lock."""
        descriptor = os.open(file, os.O_RDONLY | os.O_CLOEXEC)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        finally:
            os.close(descriptor)
        return True

    def find(self, prediction_id: str) -> bytes | None:
        """The line of a prediction that is still in the spool, None when it is not."""
        for file in self.files():
            try:
                line = _find_line(file, prediction_id.encode() + b"\t")
            except FileNotFoundError:
                continue
            if line is not None:
                return line
        return None

    def backlog_bytes(self) -> int:
        """Size of all files."""
        total = 0
        for file in self.files():
            try:
                total += file.stat().st_size
            except FileNotFoundError:
                continue
        return total


def unshipped_bytes(reader: SpoolReader, offset: Callable[[str], int]) -> int | None:
    """How much of the spool is not stored yet; None where there is no spool to look at.

    Parameters
    ----------
    offset : callable
        How far the file of a name is stored.
    """
    if not reader.is_there():
        return None
    total = 0
    for file in reader.files():
        # The offset first: it only grows, so that what is shipped in between does not hide what is not.
        shipped = offset(file.name)
        try:
            total += max(0, file.stat().st_size - shipped)
        except FileNotFoundError:
            continue
    return total


def _find_line(file: Path, start: bytes) -> bytes | None:
    with file.open("rb") as stream:
        if os.fstat(stream.fileno()).st_size == 0:
            return None
        with mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ) as content:
            at = content.find(start)
            while at > 0 and content[at - 1 : at] != b"\n":
                at = content.find(start, at + 1)
            end = content.find(b"\n", at) if at >= 0 else -1
            return content[at : end + 1] if end >= 0 else None
