"""Reading the spool: by the shipper, by whoever asks for a prediction that is not stored yet, and by health checks."""

import fcntl
import mmap
import os
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from adapters.spool import HEADER_MARK, REFUSED_SUFFIX, SUFFIX
from domain.errors import NotReady

LOOK_BYTES = 128 * 1024 * 1024
"""At most so much of the spool is searched for one prediction: less than a tenth of a second."""


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
        """Look for the line of a prediction that is not stored yet; None when there is none in a file that can be read.

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
            except (FileNotFoundError, PermissionError):
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

    def refused_lines(self) -> int:
        """Return how many lines PostgreSQL refused: they were set aside, each file's header above them."""
        return sum(len(self.lines(file)) for file in self._directory.glob("*" + REFUSED_SUFFIX))

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
    stored: int
    """Bytes before them, which are."""
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
            found.append(Unshipped(file.name, there.st_size - shipped, shipped, there.st_mtime))
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
