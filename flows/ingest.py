"""Ingest: the dataset's events up to the stack's clock, and the files in the inbox."""

import logging
from datetime import datetime

from prefect import flow

from flows.parts import parts

logger = logging.getLogger(__name__)
FILES_REJECTED = "files were rejected"


@flow(name="ingest")
def ingest(until: datetime | None = None, dataset: bool = True) -> int:
    """Append what became known and is not there yet; safe to run again. Gives the number of new events.

    Args:
        until: Take what was known of the dataset by this moment; empty = the stack's clock.
        dataset: Whether to read the dataset; without it only the inbox's files are taken.
    """
    accepted = ingest_dataset(until) if dataset else 0
    return accepted + ingest_inbox()


def ingest_dataset(until: datetime | None) -> int:
    """Append the dataset's events known by a moment, the stack's clock by default."""
    from data.ingest import ingest as read_dataset

    own = parts()
    report = read_dataset(
        own.events, until or own.clock.read().now, cache_dir=own.settings.state_dir / "data"
    )
    report.write(own.settings.reports_dir / "ingest.json")
    return report.accepted


def ingest_inbox() -> int:
    """Take the inbox's files; somebody is told of those that were rejected."""
    from data.inbox import REJECTED, take_inbox

    own = parts()
    files = take_inbox(own.events, own.settings.inbox_dir)
    for file in files:
        logger.info("file taken", extra={"file": file.file, "status": file.status, "accepted": file.accepted})
    rejected = [file.line() for file in files if file.status == REJECTED]
    if rejected:
        now = own.clock.read().now
        own.monitoring.open_alert(
            FILES_REJECTED, "warning", now.date(), now, "\n".join(rejected), {"files": rejected}
        )
        own.pager.deliver_due()
    elif files:
        own.monitoring.resolve_alerts([FILES_REJECTED], [], own.clock.read().now)
    return sum(file.accepted for file in files)


if __name__ == "__main__":
    ingest()
