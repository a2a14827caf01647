"""The spool in a backup: copied before the database, so that each acknowledged prediction is in one of both."""

import shutil
from contextlib import suppress
from pathlib import Path
from uuid import UUID

from adapters.spool_reader import SpoolReader
from deploy.backups.databases import Session


def copy(spool: Path, target: Path) -> None:
    """Copy the files of a spool that is being written and shipped."""
    target.mkdir()
    files = [file for file in spool.iterdir() if file.is_file()] if spool.is_dir() else []
    for file in files:
        with suppress(FileNotFoundError):  # shipped meanwhile
            shutil.copy2(file, target / file.name)


def drop_stored(session: Session, folder: Path) -> None:
    """Delete copies of files that the database has whole and knows no more: their lines would be shipped again."""
    known = {name for (name,) in session.ask("SELECT file FROM spool_offsets")}
    reader = SpoolReader(folder)
    for file in reader.files():
        lines = reader.lines(file)
        if file.name not in known and lines and _is_stored(session, lines[-1]):
            file.unlink()


def _is_stored(session: Session, line: bytes) -> bool:
    try:
        number = UUID(line.split(b"\t", 1)[0].decode())
    except ValueError:  # a line that the shipper will set aside
        return False
    return session.ask(f"SELECT count(*) FROM predictions WHERE prediction_id = '{number}'") != [["0"]]  # noqa: S608
