"""The shipper: moves predictions from the workers' spool files into PostgreSQL, each exactly once.

The rows and the file's new offset are one transaction, so it may be killed anywhere and resumes where the database
says it was. A file goes once its worker is gone and all of it is stored.
"""

import argparse
import errno
import logging
import os
import threading
import time
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from adapters import telemetry
from adapters.logging import configure_logging
from adapters.postgres import Database
from adapters.prediction_lines import UnknownColumns, columns_of
from adapters.prediction_log import PredictionLog
from adapters.settings import settings
from adapters.spool import REFUSED_SUFFIX
from adapters.spool_reader import SpoolReader
from adapters.waiting import wait_until
from domain.errors import Conflict, NotReady
from services.loop import run, stop_on_signals

if TYPE_CHECKING:
    from adapters.traces import Traces

logger = logging.getLogger(__name__)

BLOCK_BYTES = 4 * 1024 * 1024
PAUSE_SECONDS = 0.1
AHEAD_SECONDS = 600.0
"""How often the partitions of the months that come are looked after."""
UNKNOWN_SECONDS = 10.0
"""How long a file is left alone that cannot be read, or whose columns the table lacks: a migration may bring them."""
FORGOTTEN_SECONDS = 60.0
"""A file that is still without its name after this long belongs to a worker that died while making it."""


class Shipper:
    """Ships what is in a spool folder."""

    def __init__(
        self,
        database: Database,
        directory: Path,
        block_bytes: int = BLOCK_BYTES,
        traces: "Traces | None" = None,
    ):
        self._log = PredictionLog(database)
        self._traces = traces
        self._reader = SpoolReader(directory)
        self._directory = directory
        self._block_bytes = block_bytes
        self._offsets: dict[str, int] = {}
        self._headers: dict[str, bytes] = {}
        self._unknown: dict[str, float] = {}
        self._ahead_at = 0.0

    def ship(self) -> int:
        """Ship what is there now.

        Returns
        -------
        int
            Bytes shipped.

        Raises
        ------
        NotReady
            If PostgreSQL is away; nothing is lost.
        """
        shipped = 0
        self._look_ahead()
        for file in self._reader.files():
            if time.monotonic() < self._unknown.get(file.name, 0.0):
                continue
            try:
                shipped += self._ship_file(file)
            except (Conflict, FileNotFoundError):
                self._forget(file.name)  # another shipper was here; the database knows how far it came
            except (UnknownColumns, OSError) as error:
                self._leave(file, str(error))
            except NotReady:
                self._offsets.clear()  # the last commit may have happened or not
                raise
        self._remove_unfinished()
        return shipped

    def _look_ahead(self) -> None:
        if time.monotonic() >= self._ahead_at:
            self._log.make_ahead()
            self._ahead_at = time.monotonic() + AHEAD_SECONDS

    def _leave(self, file: Path, reason: str) -> None:
        """Leave a file alone for a while, whole: its lines are of another release, or of another owner, not wrong."""
        if file.name not in self._unknown:
            logger.error("file left alone", extra={"file": file.name, "reason": reason})
        self._unknown[file.name] = time.monotonic() + UNKNOWN_SECONDS
        self._offsets.pop(file.name, None)  # a part of the block may be stored; the database knows

    def _forget(self, name: str) -> None:
        for known in (self._offsets, self._headers, self._unknown):
            known.pop(name, None)

    def _ship_file(self, file: Path) -> int:
        # Asked before reading: what its worker wrote before it let go is then all there.
        abandoned = self._reader.is_abandoned(file)
        begin = offset = self._offset(file.name)
        header = self._header(file)
        if offset < len(header):
            offset = self._offsets[file.name] = self._log.ship(file.name, 0, b"", skipped=len(header))
        while True:
            tail = self._reader.read(file, offset, self._block_bytes)
            if not tail.lines:
                break
            offset = self._ship_block(file, offset, tail.lines)
            self._offsets[file.name] = offset
        if abandoned:
            self._finish(file, tail.torn)
        return offset - begin

    def _offset(self, name: str) -> int:
        if name not in self._offsets:
            self._offsets[name] = self._log.offset(name)
        return self._offsets[name]

    def _header(self, file: Path) -> bytes:
        if file.name not in self._headers:
            self._headers[file.name] = self._reader.header(file)
        return self._headers[file.name]

    def _ship_block(self, file: Path, offset: int, block: bytes) -> int:
        """Ship a block; find and set aside the lines that PostgreSQL refuses, lest they stop all others."""
        columns, began = columns_of(self._header(file)), time.time_ns()
        try:
            until = self._log.ship(file.name, offset, block, columns=columns)
        except ValueError as error:
            middle = block.find(b"\n", len(block) // 2 - 1) + 1
            if middle == len(block):
                middle = block.rfind(b"\n", 0, len(block) - 1) + 1
            if middle == 0:
                return self._set_aside(file, offset, block, str(error))
        else:
            if self._traces is not None:
                _trace(self._traces, file.name, block, columns, began)
            return until
        offset = self._ship_block(file, offset, block[:middle])
        return self._ship_block(file, offset, block[middle:])

    def _set_aside(self, file: Path, offset: int, line: bytes, reason: str) -> int:
        logger.error("line refused", extra={"file": file.name, "offset": offset, "reason": reason})
        _append(file.with_suffix(REFUSED_SUFFIX), self._header(file), line)
        return self._log.ship(file.name, offset, b"", skipped=len(line))

    def _finish(self, file: Path, torn: int) -> None:
        if torn:
            logger.warning("torn line dropped", extra={"file": file.name, "bytes": torn})
        # The file first: without its offset it would be shipped again.
        file.unlink()
        self._log.forget(file.name)
        self._forget(file.name)
        logger.info("file finished", extra={"file": file.name})

    def _remove_unfinished(self) -> None:
        for file in self._directory.glob("*.new"):
            try:
                old = time.time() - file.stat().st_mtime > FORGOTTEN_SECONDS
                if old and self._reader.is_abandoned(file):
                    file.unlink()
            except OSError:  # gone, or of another owner
                continue


def _append(path: Path, header: bytes, line: bytes) -> None:
    """Append a line to a file that begins with a header, durably; nothing of it stays where the disk has no room."""
    with path.open("ab", buffering=0) as file:
        size = file.tell()
        content = line if size else header + line
        try:
            if file.write(content) != len(content):
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            os.fsync(file.fileno())  # the offset that passes over the line is durable: the line must be
        except OSError:
            file.truncate(size)
            raise


def _trace(traces: "Traces", file: str, block: bytes, columns: tuple[str, ...], began: int) -> None:
    """Add to the traces of a block's predictions that they are stored."""
    at, ended = columns.index("prediction_id"), time.time_ns()
    ids = [line.split(b"\t", at + 1)[at].decode() for line in block.split(b"\n")[:-1]]
    described = {"ontime.spool.file": file, "ontime.block.lines": len(ids)}
    for prediction in traces.chosen(ids):
        traces.child(traces.root_of(prediction), "ship", began, ended, attributes=described)


def ship_the_rest(shipper: Shipper, reader: SpoolReader, seconds: float) -> bool:
    """Ship until no file is left: its workers have ended, and all that they wrote is stored.

    Returns
    -------
    bool
        Whether that came about in so many seconds; what is left waits for the next shipper.
    """

    def is_empty() -> bool:
        with suppress(NotReady):
            shipper.ship()
        return not reader.files()

    return wait_until(is_empty, seconds, PAUSE_SECONDS)


def parser() -> argparse.ArgumentParser:
    """Describe the command."""
    described = argparse.ArgumentParser(prog="python -m services.shipper", description=__doc__)
    described.add_argument(
        "--linger", type=float, default=0.0, metavar="SECONDS",
        help="asked to end, wait so long for workers of this machine that end too, and ship what they write last",
    )  # fmt: skip
    return described


def main() -> None:
    """Run until SIGTERM."""
    asked = parser().parse_args()
    configure_logging(settings().log_level, "shipper")
    stop: threading.Event = stop_on_signals()
    database = Database.from_settings(settings(), max_connections=2, application="ontime-shipper")
    traces = telemetry.begin("shipper")
    shipper = Shipper(database, settings().spool_dir, traces=traces)

    def step() -> None:
        if not shipper.ship():
            stop.wait(PAUSE_SECONDS)

    run(step, stop)
    if asked.linger:
        rest = ship_the_rest(shipper, SpoolReader(settings().spool_dir), asked.linger)
        logger.info("all of the spool is stored" if rest else "workers go on")
    database.close()
    if traces is not None:
        traces.close()


if __name__ == "__main__":
    main()
