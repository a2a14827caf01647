"""A matrix in a file without a name: the system drops its pages from memory as it needs to."""

import os
from pathlib import Path
from tempfile import NamedTemporaryFile

import numpy as np
import numpy.typing as npt

from domain.errors import NotReady
from domain.flights import Floats, Ints

PIECE = 16_384
"""Rows that are copied at a time."""


def matrix_in(folder: Path, rows: int, columns: int) -> Floats:
    """Make a matrix in a file of a folder; the file goes with it.

    Raises
    ------
    NotReady
        If there is no room for it.
    """
    size = rows * columns * np.dtype(np.float64).itemsize
    if not size:
        return np.empty((rows, columns))
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with NamedTemporaryFile(dir=folder, prefix=".matrix-") as file:
            # A file that grows as it is written to would end the process where the disk is full.
            os.posix_fallocate(file.fileno(), 0, size)
            return np.memmap(file.name, np.float64, "r+", shape=(rows, columns))
    except OSError as error:
        raise NotReady(
            f"no room for a training set of {size / 1e9:.1f} GB in {folder}: {error.strerror}"
        ) from error


def rows_of(matrix: Floats, at: npt.NDArray[np.bool_] | Ints | slice) -> Floats:
    """Return some rows; those of a matrix in a file are in a file of the same folder, unless they lie together."""
    if not isinstance(matrix, np.memmap) or matrix.filename is None or isinstance(at, slice):
        return matrix[at]
    positions = np.flatnonzero(at) if at.dtype == np.bool_ else at
    taken = matrix_in(Path(matrix.filename).parent, len(positions), matrix.shape[1])
    for start in range(0, len(positions), PIECE):
        piece = slice(start, start + PIECE)
        taken[piece] = matrix[positions[piece]]
    return taken
