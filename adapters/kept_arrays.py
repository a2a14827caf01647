"""Matrices kept on disk under the hash of everything they were computed from: nothing in them can be out of date.

What is kept saves time and decides nothing: a file that was cut short or altered, a disk that is full and a folder that
may not be written to mean that the matrix is computed again.
"""

import hashlib
import logging
import os
from contextlib import suppress
from pathlib import Path

import numpy as np

from adapters.atomic_write import atomic_write
from domain.flights import Floats

GIGABYTE = 1_000_000_000
DIGEST_BYTES = hashlib.sha256().digest_size

logger = logging.getLogger(__name__)


class KeptArrays:
    """A folder of matrices by key, the least recently used of which go where they take more than they may.

    Parameters
    ----------
    folder : Path
        Made at the first write; nothing else may be in it.
    most_bytes : int
        What all files may take together. Processes that write at once may pass it by what they write meanwhile.
    """

    def __init__(self, folder: Path, most_bytes: int):
        self._folder, self._most = folder, most_bytes
        self._taken: int | None = None
        self._writable = True

    def read(self, key: str, rows: int, columns: int) -> Floats | None:
        """Return the matrix of a key, not writable; None where there is none, or not the one that was written."""
        path = self._folder / key
        try:
            content = path.read_bytes()
            os.utime(path)
        except OSError:
            return None
        data = memoryview(content)[DIGEST_BYTES:]
        expected = rows * columns * np.dtype(np.float64).itemsize
        if len(data) != expected or _digest(key, data) != content[:DIGEST_BYTES]:
            logger.warning("kept matrix is damaged", extra={"file": str(path)})
            path.unlink(missing_ok=True)
            return None
        return np.frombuffer(data, np.float64).reshape(rows, columns)

    def write(self, key: str, matrix: Floats) -> None:
        """Keep a matrix; where that fails, this object writes no more."""
        data = np.ascontiguousarray(matrix, np.float64).data.cast("B")
        size = DIGEST_BYTES + len(data)
        if not self._writable or size > self._most:
            return
        try:
            self._make_room(size)
            with atomic_write(self._folder / key) as unfinished, unfinished.open("wb") as file:
                file.write(_digest(key, data))
                file.write(data)
        except FileNotFoundError:
            # Another process made room meanwhile, and took the unfinished file for one that a killed one left.
            return
        except OSError as error:
            self._writable = False
            logger.warning("cannot keep", extra={"folder": str(self._folder), "why": error.strerror})

    def _make_room(self, size: int) -> None:
        """Remove the files that were used longest ago where so many bytes more would be too many."""
        if self._taken is None or self._taken + size > self._most:
            self._taken = self._remove_oldest(self._most - size)
        self._taken += size

    def _remove_oldest(self, most: int) -> int:
        """Remove files until the others take at most so many bytes; return how many those are."""
        files = self._files()
        taken = sum(size for _, size, _ in files)
        for _, size, path in files:
            if taken <= most:
                break
            path.unlink(missing_ok=True)
            taken -= size
        return taken

    def _files(self) -> list[tuple[float, int, Path]]:
        """Return when each file was used last, its size and its path, the oldest first; unfinished ones included."""
        found = []
        for path in self._folder.iterdir() if self._folder.exists() else ():
            # Another process may remove files at the same time.
            with suppress(FileNotFoundError):
                status = path.stat()
                found.append((status.st_mtime, status.st_size, path))
        return sorted(found)


def _digest(key: str, data: memoryview) -> bytes:
    digest = hashlib.sha256(key.encode())
    digest.update(data)
    return digest.digest()
