"""The spool: where a prediction is durable before it is answered.

Each API worker appends to a file of its own, whose lock it holds as long as it lives. A line is one prediction in
COPY's text form; the first line may be a header that begins with `#` and names the columns, so that a file of another
release is still read rightly. The shipper reads whole lines, and deletes a file once its worker is gone and all of it
is stored.
"""

import errno
import fcntl
import logging
import mmap
import os
import secrets
import socket
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from domain.errors import NotReady

logger = logging.getLogger(__name__)

SUFFIX = ".spool"
UNFINISHED = ".new"
ROTATE_BYTES = 64 * 1024 * 1024
REFUSED_SUFFIX = ".refused"
HEADER_MARK = b"#"
SYNC_SECONDS = 0.2
LOOK_BYTES = 128 * 1024 * 1024
"""At most so much of the spool is searched for one prediction: less than a tenth of a second."""


class SpoolWriter:
    """Appends blocks of whole lines to this worker's file. Make it after the fork; threads may share it.

    Parameters
    ----------
    directory : Path
        On a file system of this machine: locks must work.
    worker : str
        Part of the file's name, for people.
    header : bytes
        First line of every file, its end included; begins with `#`.
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
        header: bytes = b"",
        rotate_bytes: int = ROTATE_BYTES,
        sync_seconds: float = SYNC_SECONDS,
    ):
        self._directory = directory
        self._worker = worker
        self._header = header
        self._rotate_bytes = rotate_bytes
        self._lock = threading.Lock()
        self._file: int | None = None
        self._size = 0
        self._dirty = False
        self._unsafe: str | None = None
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
            If the block could not be written whole (disk full), nothing of it stays then; or if the disk failed to
            keep what was written before, until it keeps something again.
        """
        with self._lock:
            self._require_safe()
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
        """Check that a write would find an open file, room on the disk, and a disk that keeps what it is given.

        Raises
        ------
        NotReady
            If not.
        """
        with self._lock:
            self._require_safe()
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
        file = None
        try:
            self._directory.mkdir(parents=True, exist_ok=True)
            file = os.open(
                unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND | os.O_CLOEXEC, 0o640
            )
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if os.write(file, self._header) != len(self._header):
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            unfinished.rename(final)
            _sync_folder(self._directory)
        except OSError as error:
            _discard(file, unfinished)
            raise NotReady(f"the spool {self._directory} cannot be written: {error.strerror}") from error
        self._close()
        self._file, self._size, self._dirty = file, len(self._header), bool(self._header)

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
            self._note_unsafe(error)
        os.close(self._file)
        self._file = None

    def _require_safe(self) -> None:
        if self._unsafe is not None:
            raise NotReady(f"the spool's disk does not keep what is written: {self._unsafe}")

    def _note_unsafe(self, error: OSError) -> None:
        logger.error("spool not synced", extra={"reason": error.strerror})
        self._unsafe = error.strerror or type(error).__name__

    def _sync_loop(self, seconds: float) -> None:
        while not self._stop.wait(seconds):
            if self._unsafe is not None:
                self._begin_again()
                continue
            with self._lock:
                if not self._dirty or self._file is None:
                    continue
                self._dirty = False
                file = os.dup(self._file)  # the worker may close its own meanwhile
            try:
                os.fdatasync(file)
            except OSError as error:
                # The kernel may have dropped the pages and marked them clean: a second sync of this file would
                # succeed and prove nothing. It is left to the shipper, which reads what memory still has.
                with self._lock:
                    self._note_unsafe(error)
            finally:
                os.close(file)

    def _begin_again(self) -> None:
        """Begin a new file; once the disk keeps it, predictions are acknowledged again."""
        with self._lock:
            try:
                self._open()
                assert self._file is not None  # noqa: S101  _open() opens or raises
                os.fdatasync(self._file)
            except (NotReady, OSError):
                return
            self._unsafe = None
        logger.info("spool synced again")


def _discard(file: int | None, path: Path) -> None:
    """Leave nothing behind of a file that could not be begun."""
    if file is not None:
        os.close(file)
        path.unlink(missing_ok=True)


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


@dataclass(frozen=True)
class Spooled:
    """A line and the header of its file."""

    header: bytes
    line: bytes


class SpoolReader:
    """Reads what workers wrote."""

    def __init__(self, directory: Path):
        self._directory = directory

    def is_there(self) -> bool:
        """Return whether the folder can be seen from here."""
        return self._directory.is_dir()

    def files(self) -> list[Path]:
        """Return all files, oldest name first within a worker."""
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

    def header(self, file: Path) -> bytes:
        """Return the first line of a file if it is a header, else nothing; raises as `read`."""
        with file.open("rb") as stream:
            return stream.readline() if stream.read(1) == HEADER_MARK and not stream.seek(0) else b""

    def lines(self, file: Path) -> list[bytes]:
        """Return all whole lines of a file that are predictions; raises as `read`."""
        whole = [line for line in file.read_bytes().splitlines(keepends=True) if line.endswith(b"\n")]
        return whole[1:] if self.header(file) else whole

    def is_abandoned(self, file: Path) -> bool:
        """Return whether the worker of a file is gone, or has left it for a new one: nobody holds its lock."""
        descriptor = os.open(file, os.O_RDONLY | os.O_CLOEXEC)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        finally:
            os.close(descriptor)
        return True

    def find(
        self, prediction_id: str, shipped: Mapping[str, int] | None = None, max_bytes: int = LOOK_BYTES
    ) -> Spooled | None:
        """Look for the line of a prediction that is not stored yet; None when there is none.

        Parameters
        ----------
        shipped : mapping of str to int, optional
            How far files are stored, by name: only what lies beyond is searched.
        max_bytes : int
            Of all files together, from the end of each.

        Raises
        ------
        NotReady
            If it was not found in that much and there is more.
        """
        left, everything = max_bytes, True
        for file in self.files():
            try:
                size = file.stat().st_size
                begin = max((shipped or {}).get(file.name, 0), size - left)
                everything = everything and begin <= (shipped or {}).get(file.name, 0)
                left -= max(0, size - begin)
                line = _find_line(file, prediction_id.encode() + b"\t", begin)
                if line is not None:
                    return Spooled(self.header(file), line)
            except FileNotFoundError:
                continue
        if not everything:
            raise NotReady(
                f"prediction {prediction_id} may wait to be stored: more than can be searched does"
            )
        return None

    def retry_refused(self) -> list[str]:
        """Return every file of refused lines back to the shipper, under a new name; return the old names.

        What it refuses again is set aside again.
        """
        found = sorted(self._directory.glob("*" + REFUSED_SUFFIX))
        for file in found:
            file.rename(file.with_name(f"{file.stem}-again-{secrets.token_hex(4)}{SUFFIX}"))
        return [file.name for file in found]

    def backlog_bytes(self) -> int:
        """Return the size of all files."""
        total = 0
        for file in self.files():
            try:
                total += file.stat().st_size
            except FileNotFoundError:
                continue
        return total


@dataclass(frozen=True)
class Unshipped:
    """A file of the spool that is not all stored yet."""

    name: str
    bytes: int
    """Not stored yet."""
    written: float
    """When it was last written, in seconds since 1970."""


def unshipped(reader: SpoolReader, offset: Callable[[str], int]) -> list[Unshipped]:
    """Return the files that are not all stored yet.

    Parameters
    ----------
    offset : callable
        How far the file of a name is stored.
    """
    found = []
    for file in reader.files():
        # The offset first: it only grows, so that what is shipped in between does not hide what is not.
        shipped = offset(file.name)
        try:
            there = file.stat()
        except FileNotFoundError:
            continue
        if there.st_size > shipped:
            found.append(Unshipped(file.name, there.st_size - shipped, there.st_mtime))
    return found


def unshipped_bytes(reader: SpoolReader, offset: Callable[[str], int]) -> int | None:
    """Return how much of the spool is not stored yet; None where there is no spool. Parameters as `unshipped`."""
    return sum(file.bytes for file in unshipped(reader, offset)) if reader.is_there() else None


def _find_line(file: Path, start: bytes, begin: int) -> bytes | None:
    with file.open("rb") as stream:
        if os.fstat(stream.fileno()).st_size <= begin:
            return None
        with mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ) as content:
            at = content.find(start, begin)
            while at > 0 and content[at - 1 : at] != b"\n":
                at = content.find(start, at + 1)
            end = content.find(b"\n", at) if at >= 0 else -1
            return content[at : end + 1] if end >= 0 else None
