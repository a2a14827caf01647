"""The spool: where a prediction is durable before it is answered.

Each API worker appends to a file of its own, whose lock it holds as long as it lives. A line is one prediction in
COPY's text form; the first line may be a header that begins with `#` and names the columns, so that a file of another
release is still read rightly. The shipper reads whole lines, and deletes a file once its worker is gone and all of it
is stored.
"""

import errno
import fcntl
import logging
import os
import secrets
import socket
import threading
import time
from pathlib import Path

from adapters.atomic_write import on_disk
from domain.errors import NotReady

logger = logging.getLogger(__name__)

SUFFIX = ".spool"
UNFINISHED = ".new"
ROTATE_BYTES = 64 * 1024 * 1024
REFUSED_SUFFIX = ".refused"
HEADER_MARK = b"#"
SYNC_SECONDS = 0.2


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

    Where the folder cannot be written it says so and goes on: `check` and `write` try again.
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
        self._begin()
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
            self._require_file()
            assert self._file is not None  # noqa: S101  _require_file() opens or raises
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
            self._require_file()
        try:
            free = os.statvfs(self._directory)
        except OSError as error:
            raise NotReady(f"the spool {self._directory} cannot be seen: {error.strerror}") from error
        if free.f_bavail * free.f_frsize < 1024 * 1024:
            raise NotReady("the spool's disk is full")

    def close(self) -> None:
        """Make everything safe and leave the file to the shipper."""
        self._stop.set()
        self._syncer.join()
        with self._lock:
            self._close()

    def _begin(self) -> None:
        """Begin the first file; a worker that ended where it cannot would take Gunicorn's others with it."""
        with self._lock:
            try:
                self._open()
            except NotReady as error:
                logger.error("spool not opened", extra={"reason": str(error)})

    def _require_file(self) -> None:
        """Begin a new file where there is none, it is full, or it was removed: nobody finds what is added to that."""
        if self._file is None or self._size >= self._rotate_bytes or os.fstat(self._file).st_nlink == 0:
            self._open()

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
            on_disk(self._directory)
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
