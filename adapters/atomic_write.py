"""A file that is there as a whole or not at all, whoever reads it meanwhile and whenever the machine stops."""

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def atomic_write(path: Path) -> Iterator[Path]:
    """Give a path to write to, beside a file whose place it takes when the block ends; nothing is left if it fails.

    Processes and threads that write the same file at once have a path each, and the last one's is there in the end.

    Examples
    --------
    >>> from tempfile import mkdtemp
    >>> file = Path(mkdtemp()) / "report.json"
    >>> with atomic_write(file) as unfinished:
    ...     _ = unfinished.write_text("{}")
    >>> file.read_text(), len(list(file.parent.iterdir()))
    ('{}', 1)
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_name(f".{path.name}.{os.getpid()}-{threading.get_ident()}")
    try:
        yield unfinished
        replace_durably(unfinished, path)
    finally:
        unfinished.unlink(missing_ok=True)


def replace_durably(unfinished: Path, path: Path) -> None:
    """Give a finished file its name, in the place of what had it: its content is on the disk before, the name after."""
    on_disk(unfinished)
    unfinished.replace(path)
    on_disk(path.parent)


def on_disk(path: Path) -> None:
    """Wait until a file's content, or the names in a folder, would outlast a loss of power."""
    number = os.open(path, os.O_RDONLY)
    try:
        os.fsync(number)
    finally:
        os.close(number)
